// The page of a daemon. It draws what /api/v1/events tells, and only ever puts text into the page as text. Every sign has a
// shape of its own and words for who does not see it, so that no meaning is in a colour alone.

const $ = (id) => document.getElementById(id);
const STALE_SECONDS = 5;
const MAX_ROWS = 200;
const MAX_EVENTS = 60;

// element makes an element from its name, properties and children; children that are not elements become text.
function element(name, props = {}, ...children) {
  const e = document.createElement(name);
  for (const [key, value] of Object.entries(props)) {
    if (value === undefined || value === null) continue;
    key in e && key !== "role" ? (e[key] = value) : e.setAttribute(key, value);
  }
  e.append(...children.filter((c) => c !== null && c !== undefined && c !== ""));
  return e;
}

// The signs, each in a square of 16: a filled disc with a tick, a triangle, a cross, a ring and so on.
const SIGNS = {
  good: [["circle", { cx: 8, cy: 8, r: 7, fill: "currentColor" }], ["path", { d: "M4.6 8.3l2.3 2.3 4.5-4.9", stroke: "var(--card)", "stroke-width": 1.8, fill: "none", "stroke-linecap": "round", "stroke-linejoin": "round" }]],
  warn: [["path", { d: "M8 1.3l7 12.9H1z", fill: "currentColor", "stroke-linejoin": "round" }], ["path", { d: "M8 5.8v4", stroke: "var(--card)", "stroke-width": 1.7, "stroke-linecap": "round" }], ["circle", { cx: 8, cy: 12, r: 1, fill: "var(--card)" }]],
  bad: [["rect", { x: 1, y: 1, width: 14, height: 14, rx: 3, fill: "currentColor" }], ["path", { d: "M5 5l6 6M11 5l-6 6", stroke: "var(--card)", "stroke-width": 1.8, "stroke-linecap": "round" }]],
  quiet: [["circle", { cx: 8, cy: 8, r: 6, fill: "none", stroke: "currentColor", "stroke-width": 2, "stroke-dasharray": "3 2.6" }]],
  leader: [["circle", { cx: 8, cy: 8, r: 6.5, fill: "currentColor" }], ["path", { d: "M8 3.9l1.25 2.6 2.85.37-2.1 1.97.54 2.82L8 10.3l-2.54 1.36.54-2.82-2.1-1.97 2.85-.37z", fill: "var(--card)" }]],
  follower: [["circle", { cx: 8, cy: 8, r: 4.5, fill: "currentColor" }]],
  behind: [["circle", { cx: 8, cy: 8, r: 5.5, fill: "none", stroke: "currentColor", "stroke-width": 2 }], ["path", { d: "M8 2.5a5.5 5.5 0 0 1 0 11z", fill: "currentColor" }]],
  away: [["path", { d: "M4 4l8 8M12 4l-8 8", stroke: "currentColor", "stroke-width": 2.4, "stroke-linecap": "round" }]],
};

// sign is a drawing that a screen reader reads as its label.
function sign(kind, label, tone) {
  const ns = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(ns, "svg");
  svg.setAttribute("viewBox", "0 0 16 16");
  if (tone) svg.setAttribute("class", tone);
  if (label) {
    svg.setAttribute("role", "img");
    const title = document.createElementNS(ns, "title");
    title.textContent = label;
    svg.append(title);
  } else {
    svg.setAttribute("aria-hidden", "true");
  }
  for (const [name, attributes] of SIGNS[kind]) {
    const shape = document.createElementNS(ns, name);
    for (const [key, value] of Object.entries(attributes)) shape.setAttribute(key, value);
    svg.append(shape);
  }
  return svg;
}

const TONE = { healthy: "good", converging: "quiet", degraded: "warn", down: "bad" };

function plural(n, one, many = one + "s") {
  return `${n} ${n === 1 ? one : many}`;
}

function list(names) {
  return names.length < 3 ? names.join(" and ") : `${names.slice(0, 2).join(", ")} and ${names.length - 2} more`;
}

// sentence is the verdict in words.
function sentence(s) {
  const away = s.nodes.filter((n) => n.state === "down").map((n) => n.name);
  const look = s.problems.filter((p) => p.severity !== "info").length;
  switch (s.verdict) {
    case "healthy":
      if (look > 0) return `Everything works. ${plural(look, "thing")} to look at.`;
      return s.failure_tolerance > 0 ? `All is well. ${plural(s.failure_tolerance, "node")} can be lost.` : "All is well.";
    case "converging":
      return "Getting there. Not everything is as declared yet.";
    case "down":
      return `No majority. ${s.node} hears too few nodes for anything to be written here.`;
  }
  const rest = s.failure_tolerance > 0 ? "It works, and more can be lost." : "It works, and nothing more can be lost.";
  if (away.length > 0) return `${list(away)} ${away.length === 1 ? "is" : "are"} down. ${rest}`;
  return "It works, and not everything is as declared.";
}

function duration(seconds) {
  if (seconds === null || seconds === undefined) return "–";
  const s = Math.max(0, Math.round(seconds));
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min`;
  if (s < 172800) return `${Math.floor(s / 3600)} h`;
  return `${Math.floor(s / 86400)} days`;
}

function size(bytes) {
  if (bytes === null || bytes === undefined) return "–";
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let u = 0;
  for (; bytes >= 1024 && u < units.length - 1; u++) bytes /= 1024;
  return `${bytes >= 10 || u === 0 ? Math.round(bytes) : bytes.toFixed(1)} ${units[u]}`;
}

const since = (s, time) => (Date.parse(s.time) - Date.parse(time)) / 1000;
const clock = (time) => new Date(time).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
const short = (digest) => (digest ? digest.slice(0, 6) : "–");

function fact(name, value) {
  return element("span", {}, `${name} `, element("b", {}, value));
}

function drawHead(s) {
  const tone = s.verdict === "healthy" && s.problems.some((p) => p.severity !== "info") ? "warn" : TONE[s.verdict];
  $("title").textContent = `cluster ${s.cluster}, seen by ${s.node}`;
  $("verdict").textContent = sentence(s);
  $("mark").replaceChildren(sign(tone, s.verdict, tone));
  document.title = `${s.verdict} · ${s.cluster} · unibus`;
  const up = s.nodes.filter((n) => n.state === "up").length;
  $("facts").replaceChildren(
    fact("nodes up", `${up} of ${s.nodes.length}`),
    fact("meta leader", s.meta.leader ?? "none"),
    fact("can lose", `${s.failure_tolerance} more`),
    fact("configuration", short(s.config.digest)),
  );
}

function drawProblems(s) {
  const tone = { error: "bad", warning: "warn", info: "quiet" };
  $("problems-section").hidden = s.problems.length === 0;
  $("problems").replaceChildren(...s.problems.slice(0, 50).map((p) =>
    element("li", { className: tone[p.severity] ?? "warn" },
      element("span", { className: "code mono" }, p.code),
      element("span", { className: "soft" }, `${p.severity}: `),
      element("span", { className: "text" }, p.summary),
      p.hint ? element("p", { className: "try" }, "try ", element("code", {}, p.hint)) : null)));
}

// row is a term with its description.
function row(name, value, tone) {
  return [element("dt", {}, name), element("dd", { className: tone ?? "" }, value)];
}

function drawNode(s, n) {
  const up = n.state === "up";
  const [kind, tone] = { up: ["good", "good"], down: ["bad", "bad"] }[n.state] ?? ["quiet", "quiet"];
  const role = s.meta.leader === n.name ? "meta leader" : n.state === "down" && n.last_seen ? `down ${duration(since(s, n.last_seen))}` : up ? "" : n.state;
  const drifted = s.config.drifted.includes(n.name);
  const rows = [];
  if (n.versions.unibus || n.versions.nats) rows.push(...row("version", [n.versions.unibus, n.versions.nats].filter(Boolean).join(" / ")));
  if (n.config_digest) rows.push(...row("configuration", drifted ? `${short(n.config_digest)}, differs` : short(n.config_digest), drifted ? "warn" : ""));
  if (n.reload?.result === "refused") rows.push(...row("file", "refused, last good one runs", "warn"));
  if (n.pending_restart.length > 0) rows.push(...row("restart", "pending"));
  if (n.drained) rows.push(...row("replicas", "drained"));
  if (n.jetstream === false) rows.push(...row("JetStream", "off", "warn"));
  if (n.cert_not_after) {
    const left = -since(s, n.cert_not_after);
    rows.push(...row("certificate", left > 0 ? `${duration(left)} left` : "expired", n.cert_soon ? "warn" : ""));
  }
  if (n.disk.total_bytes) {
    const full = n.disk.used_bytes / n.disk.total_bytes;
    rows.push(...row("disk", `${Math.round(full * 100)} % used`, full > 0.9 ? "warn" : ""));
  }
  if (up) rows.push(...row("up for", duration(n.uptime_seconds)));
  return element("li", { className: `node ${up ? "" : "down"}` },
    element("div", { className: "name" }, sign(kind, n.state, tone), element("span", {}, n.name), role ? element("span", { className: "role" }, role) : null),
    element("div", { className: "soft mono" }, n.address),
    n.reason && !up ? element("div", { className: `why ${tone}` }, n.reason) : null,
    rows.length > 0 && n.state !== "down" ? element("dl", {}, ...rows) : null,
    ...broken(s, n));
}

// broken are the routes of a node that are missing although both ends are up; what works needs no line.
function broken(s, n) {
  const up = new Set(s.nodes.filter((o) => o.state === "up").map((o) => o.name));
  if (!up.has(n.name)) return [];
  return n.routes.missing.filter((other) => up.has(other)).map((other) => element("div", { className: "why bad" }, sign("away", "", "bad"), ` no route to ${other}`));
}

function drawMap(s) {
  const clusters = new Map();
  for (const n of s.nodes) clusters.set(n.cluster, [...(clusters.get(n.cluster) ?? []), n]);
  const many = clusters.size > 1;
  $("map-title").textContent = many ? "Clusters" : "Nodes";
  $("map").replaceChildren(...[...clusters].map(([name, nodes]) =>
    element("div", { className: many ? "card" : "" },
      many ? element("h3", {}, name) : null,
      element("ul", { className: "nodes" }, ...nodes.map((n) => drawNode(s, n))))));
  $("map").classList.toggle("single", !many);
  const bad = s.gateways.filter((g) => g.up < g.expected);
  $("gateways").replaceChildren(...(!many ? [] : bad.length === 0
    ? [element("p", { className: "soft" }, `Gateways: all ${s.gateways.length} are up, ${s.gateways.map((g) => `${g.from} → ${g.to}`).slice(0, 6).join(", ")}`)]
    : bad.map((g) => element("p", { className: "warn" }, sign("away", "broken", "warn"), ` gateway ${g.from} → ${g.to}: ${g.up} of ${g.expected} nodes have it`))));
}

// fine tells whether an asset is as declared; settled is what current becomes once every node has agreed for a while.
const fine = (a) => a.state === "current" || a.state === "settled";

function drawCell(s, a, n) {
  const p = a.peers.find((p) => p.node === n.name);
  if (!p) return element("td", { className: "cell soft" }, "");
  const down = n.state === "down";
  const leads = a.leader === n.name;
  const [kind, tone, label] = down ? ["away", "bad", "away"]
    : !p.current ? ["behind", "warn", "behind"]
    : leads ? ["leader", "good", "leader"] : ["follower", "good", "current"];
  return element("td", { className: "cell" }, sign(kind, `${label} on ${n.name}`, tone), p.lag > 0 ? element("span", { className: "lag warn" }, p.lag) : null);
}

function drawAssets(s) {
  const all = [...s.buckets.map((a) => ["bucket", a]), ...s.streams.map((a) => ["stream", a]), ...s.object_stores.map((a) => ["object store", a])];
  // What is wrong comes first, else the order of the file stays.
  all.sort(([, a], [, b]) => Number(fine(a)) - Number(fine(b)));
  $("assets-section").hidden = all.length === 0;
  $("assets-head").replaceChildren(element("tr", {}, element("th", { scope: "col" }, "Asset"), element("th", { scope: "col" }, "State"),
    ...s.nodes.map((n) => element("th", { scope: "col", className: "cell" }, n.name)), element("th", { scope: "col", className: "num" }, "Values"), element("th", { scope: "col", className: "num" }, "Size")));
  $("assets").replaceChildren(...all.slice(0, MAX_ROWS).map(([kind, a]) => element("tr", {},
    element("th", { scope: "row" }, a.name, element("span", { className: "soft" }, `${kind} in ${a.account}`)),
    element("td", { className: fine(a) ? "" : "warn" }, `${a.state}, ${a.replicas.current} of ${a.replicas.desired}`),
    ...s.nodes.map((n) => drawCell(s, a, n)),
    element("td", { className: "num" }, a.values ?? "–"), element("td", { className: "num" }, size(a.bytes)))));
  $("more").textContent = all.length > MAX_ROWS ? `and ${all.length - MAX_ROWS} more, all of which come after these: unibus status shows them` : "";
}

function drawLegend() {
  const one = (kind, tone, text) => element("span", {}, sign(kind, "", tone), text);
  $("legend").replaceChildren(one("leader", "good", "leader"), one("follower", "good", "current"), one("behind", "warn", "behind, with how many operations"), one("away", "bad", "its node is down"));
}

const WORD = { problem: ["warn", "problem"], solved: ["good", "solved"], leader: ["quiet", "leader"], verdict: ["quiet", "verdict"] };

function addEvent(e) {
  $("no-events").hidden = true;
  const [tone, word] = WORD[e.kind] ?? ["quiet", e.kind];
  $("events").prepend(element("li", {}, element("time", { className: "soft", dateTime: e.time, title: e.time }, clock(e.time)),
    element("span", { className: tone }, word), element("span", { className: "what" }, e.text)));
  while ($("events").children.length > MAX_EVENTS) $("events").lastChild.remove();
}

let heard = 0; // when something was heard last, by this machine's clock
let status = null;

function draw(s) {
  status = s;
  drawHead(s);
  drawProblems(s);
  drawMap(s);
  drawAssets(s);
}

// drawAge says how old what is shown is, and greys it out when it is too old to be believed.
function drawAge() {
  const age = (Date.now() - heard) / 1000;
  const stale = heard > 0 && age > STALE_SECONDS;
  document.body.classList.toggle("stale", stale);
  $("age").textContent = heard === 0 ? "connecting…" : stale ? `no answer for ${duration(age)}: what follows is old` : `live, as of ${clock(status?.time ?? Date.now())}`;
}

function listen() {
  const source = new EventSource("/api/v1/events");
  source.onopen = () => $("events").replaceChildren(); // the history comes again
  source.addEventListener("status", (m) => { heard = Date.now(); draw(JSON.parse(m.data)); drawAge(); });
  source.addEventListener("happened", (m) => { heard = Date.now(); addEvent(JSON.parse(m.data)); });
  source.addEventListener("tick", (m) => { heard = Date.now(); if (status) status.time = JSON.parse(m.data).time; drawAge(); });
  source.onerror = () => {
    drawAge();
    if (source.readyState === EventSource.CLOSED) setTimeout(listen, 2000); // a refusal ends it for good
  };
}

drawLegend();
listen();
setInterval(drawAge, 1000);
