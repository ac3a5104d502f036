package hclconf

import (
	"maps"
	"slices"
)

// Code names a rule for good: it never changes its meaning, and `unibus explain` explains it.
type Code string

// Rules that other packages report, when the host or the server finds what the file alone could not show.
const (
	// CodeServer is what nats-server itself refuses.
	CodeServer Code = "UB1901"
	// CodeHost is a host that is not in the file.
	CodeHost Code = "UB2001"
	// CodeStore is a store that is in use, or that belongs to another cluster.
	CodeStore Code = "UB2002"
	// CodePort is a port that another process has.
	CodePort Code = "UB2003"
)

const (
	codeSyntax     Code = "UB1001"
	codeHostile    Code = "UB1002"
	codeTemplate   Code = "UB1003"
	codeFor        Code = "UB1004"
	codeExpression Code = "UB1005"
	codeReference  Code = "UB1006"
	codeCircle     Code = "UB1007"
	codeTop        Code = "UB1008"
	codeWord       Code = "UB1009"
	codeMissing    Code = "UB1010"
	codeType       Code = "UB1011"
	codeChoice     Code = "UB1012"
	codeRange      Code = "UB1013"

	codeDuplicate Code = "UB1101"
	codeName      Code = "UB1102"
	codeAddress   Code = "UB1103"
	codeReplicas  Code = "UB1104"
	codePort      Code = "UB1105"
	codeClearText Code = "UB1106"
	codeHostname  Code = "UB1107"
	codeTLS       Code = "UB1108"
	codePath      Code = "UB1109"
	codeVoters    Code = "UB1110"
	codePlacement Code = "UB1111"

	codeTag         Code = "UB1112"
	codeZones       Code = "UB1113"
	codeNoVote      Code = "UB1114"
	codeUnreachable Code = "UB1115"
	codeBootstrap   Code = "UB1116"
	codeMonitor     Code = "UB1117"

	codeNKey          Code = "UB1201"
	codeCredential    Code = "UB1202"
	codeNoUsers       Code = "UB1203"
	codeLiteralSecret Code = "UB1204"
	codeSensitive     Code = "UB1205"
	codeSecretMissing Code = "UB1206"
	codeSecretDenied  Code = "UB1207"
	codeSystem        Code = "UB1208"
	codeSharedSecret  Code = "UB1209"
	codeSeed          Code = "UB1210"

	codeSubject        Code = "UB1211"
	codeOpenPermission Code = "UB1212"
	codeConnection     Code = "UB1213"

	codeCrossing     Code = "UB1214"
	codeNotExported  Code = "UB1215"
	codeImportCircle Code = "UB1216"
	codeOverlap      Code = "UB1217"
	codeSystemExport Code = "UB1218"
	codeOwned        Code = "UB1219"

	codeJetStream Code = "UB1301"
	codeR1        Code = "UB1302"

	codeAccountLimit Code = "UB1303"
	codeAccountFull  Code = "UB1304"
	codeSpace        Code = "UB1305"
	codeLimit        Code = "UB1306"
	codeTooLong      Code = "UB1307"
	codeRepublish    Code = "UB1308"
	codeSource       Code = "UB1309"
	codeCopyCircle   Code = "UB1310"
	codeNoEffect     Code = "UB1311"
	codeEncryption   Code = "UB1312"
	codeSimilar      Code = "UB1313"
	codeStream       Code = "UB1314"
	codeTwoStreams   Code = "UB1315"
	codeConsumer     Code = "UB1316"
	codeCopySize     Code = "UB1317"
)

// Denied tells whether the rule is about missing permission, for which commands exit differently.
func (c Code) Denied() bool { return c == codeSecretDenied }

// rule is what is known about a code: the summary in a few words, and the explanation.
type rule struct{ summary, explanation string }

var rules = map[Code]rule{
	codeSyntax:     {"not valid HCL", "The text does not parse. HCL wants `name = value` for arguments and `type \"label\" { … }` for blocks."},
	codeHostile:    {"input beyond the limits", "The file is larger, deeper or longer than anything a topology needs. The limits protect the daemon from a file that would exhaust it: 16 MiB, 100 nested brackets, 100 signs in a row, 1,000 operators in an argument, 64 KiB for one value in the file and 1 MiB once evaluated, 2,000 nodes, 100,000 blocks, 500,000 arguments, values and comments, 1,000,000 lines."},
	codeTemplate:   {"unrendered template", "There is a `{{ … }}`, `{% … %}` or `<% … %>` left over. The configuration management that makes the file has not rendered it."},
	codeFor:        {"`for` in an expression", "The language has no loops: a file means the same on every host and is as long as what it says. Generators that want loops emit the JSON form."},
	codeExpression: {"expression without a value", "The expression cannot be evaluated, for instance because it adds a number to a string."},
	codeReference:  {"unknown name", "Expressions may use local.NAME, secret.NAME, cluster.name, and in settings of nodes also node.name and node.address; and the functions env and file."},
	codeCircle:     {"circular reference", "Names that need each other have no value. Every step of the circle is listed."},
	codeTop:        {"wrong top block", "Exactly one top-level block says everything: `cluster \"NAME\" { … }`. Only `locals` may stand beside it, so that a file which was cut off is never valid."},
	codeWord:       {"unknown word", "The block does not have this argument or this nested block."},
	codeMissing:    {"missing argument", "The argument is required and stands neither here nor in a block around it."},
	codeType:       {"wrong type", "The value is of another type than the argument."},
	codeChoice:     {"value not in the list", "The argument has a fixed list of values."},
	codeRange:      {"number out of range", "The number is smaller or larger than what the argument takes."},

	codeDuplicate: {"defined twice", "Two blocks or arguments have the same name, or two nodes the same address and port. Both places are shown."},
	codeName:      {"name that NATS refuses", "Names of clusters, nodes, accounts, users and buckets become server names, subjects and directories, which limits their characters."},
	codeAddress:   {"address that peers cannot dial", "`address` is what peers and clients dial and the only address that is told to them: an IP address or a DNS name, without a port."},
	codeReplicas:  {"replicas that cannot be placed", "`replicas` is 1, 3 or 5: an even number tolerates no more failures than the odd one below it. Each replica needs a node of its own that stores data, has the tags of the placement and, with `unique_tag`, a tag value of its own."},
	codePort:      {"port used twice", "Two listeners of one host have the same port."},
	codeClearText: {"clear text between hosts", "Without `tls`, routes carry passwords and data in clear text. That has to be asked for with `insecure = true`, and is free only on loopback addresses."},
	codeHostname:  {"ambiguous host name", "Each host finds its node by its name: by `hostname`, or by the label. One host name must lead to one node."},
	codeTLS:       {"certificates that cannot work", "Either all nodes of a cluster have `tls` or none has. Nodes are dialled by IP address or all by name: a name among addresses becomes the TLS server name of all of them (nats-server, routeTLSName)."},
	codePath:      {"relative path", "The file is read by hosts with different working directories, so paths are absolute."},
	codeVoters:    {"cluster that tolerates no failure", "The JetStream meta group needs a majority of its voters. Two voters stop when either is lost, and an even number tolerates no more failures than the odd one below it."},
	codePlacement: {"placement that matches no node", "The placement names a cluster or tags that no node of the file has."},

	codeTag:         {"tag that NATS reads otherwise", "Server tags are words such as \"az:1\". NATS lowers their case, takes a leading ! for exclusion, and with `unique_tag` looks only at the first tag of a node that has the prefix."},
	codeZones:       {"zones that do not help", "JetStream goes on while a majority of the voters is there. Where the tags say which zone a node is in, no zone should hold a majority, every node should be in one, and `unique_tag` keeps two replicas of a bucket out of one zone."},
	codeNoVote:      {"node without a vote", "Only servers with JetStream vote in the meta group: with `enabled = false` a node is no tie-breaker. `arbiter = true` gives a vote without data."},
	codeUnreachable: {"listens where nobody dials", "`listen` is what the node binds, `address` is what peers and clients dial. A node bound to a loopback address is reached by others only through a proxy or tunnel on its host."},
	codeBootstrap:   {"no time to bootstrap", "`timeout` is the budget for creating the declared assets on a cold cluster, `attempt_timeout` that of one request."},
	codeMonitor:     {"status open to everybody", "The page, the metrics and the NATS monitoring endpoints tell names, addresses and sizes. On a loopback address the host protects them. On any other, `monitor` needs the node's `tls`, with whose certificate it speaks, and a `token`, which every request has to show."},

	codeNKey:          {"not a public user nkey", "`nkey` takes the public key of a user, 56 characters that begin with U. The seed, which begins with SU, stays with the client and must never stand in a file."},
	codeCredential:    {"user without one credential", "A user has either an nkey or a password."},
	codeNoUsers:       {"nobody can connect", "There are no anonymous clients. Without a user in the file only unibus itself can connect."},
	codeLiteralSecret: {"secret in the file", "The file is copied to every host and into version control. Secrets belong in files or environment variables, which `secrets { name = file(\"…\") }` refers to, or encrypted in age(\"…\")."},
	codeSensitive:     {"secret outside a secret argument", "What comes from env(), file() or age() may only stand in arguments that are never shown: passwords and keys."},
	codeSecretMissing: {"secret that is not there", "env() or file() has no value on this host."},
	codeSecretDenied:  {"secret that may not be read", "The user that unibus runs as may not read the file."},
	codeSystem:        {"assets in the system account", "The system account `$SYS` has no JetStream; buckets belong in another account."},
	codeSharedSecret:  {"one secret for two layers", "Routes and clients are separate trust boundaries. A secret that serves both gives every client the rights of a server."},

	codeSeed: {"seed in the file", "A seed is the secret half of an nkey. It stays with the client that it identifies; the file has the public half."},

	codeSubject:        {"subject that NATS refuses", "Subjects are words with dots between them, without spaces. * stands for one word, > for all the rest and only at the end. A subscription may name a queue behind a space."},
	codeOpenPermission: {"empty list that allows everything", "To NATS an empty list of allowed subjects is no list, and allows all that is not denied. An empty list of accounts is none either, and lets every account import."},
	codeConnection:     {"user that cannot connect", "unibus opens standard listeners only: no WebSocket, MQTT or leafnode ones. A user limited to those can never connect."},

	codeCrossing:     {"export or import that NATS refuses", "An export or import is either a stream or a service, between two accounts of the file. Only services have response_type, response_threshold, latency and share; `to` and `prefix` exclude each other; a subject with wildcards is called by one with as many."},
	codeNotExported:  {"import of what is not exported", "An account imports what another one exports, to all accounts or to this one: the subject of the export or a part of it, as the same kind, a stream or a service. Where several exports fit, every one of them has to admit the account, because NATS asks any one."},
	codeImportCircle: {"imports in a circle", "A message would come back to the account that it came from, through imports of imports. NATS refuses the file."},
	codeOverlap:      {"imports that overlap", "Two imports of an account meet on one subject: a message of a stream arrives twice, a request goes to two services."},
	codeSystemExport: {"system account open to all", "Who may send requests to the system account administers the servers. Its exports name the accounts that may."},
	codeOwned:        {"right that `owned` takes away, or leaves open", "In an account with `owned = true` only unibus changes or deletes what the file declares. A user's permission to do it is without effect; another account could still do it through an export that covers those requests."},

	codeAge:       {"not an age ciphertext", "age() holds what `unibus secret encrypt` prints: an age file in base64 on one line. What was cut or changed does not decrypt."},
	codeAgeKey:    {"secret that this host cannot decrypt", "age() is decrypted on each host with the key that UNIBUS_AGE_KEY names, else /etc/unibus/age.key, else the host's SSH key, /etc/ssh/ssh_host_ed25519_key. The recipient that belongs to the key stands in the file, as `age_recipient` of the node, and secrets have to be encrypted for it."},
	codeRecipient: {"not a public age or SSH key", "`age_recipient` and `age_recipients` take public keys: age1…, or those of SSH. The private key stays on its host and must never stand in a file."},
	codeRekey:     {"secret encrypted for other keys", "Every host needs a key of its own that every secret is encrypted for. After a node or a recipient was added or removed, `unibus secret rekey` encrypts all secrets for those that the file has now."},

	codeJetStream: {"JetStream settings that cannot work", "The settings contradict each other or those of another node."},
	codeR1:        {"one replica", "A bucket with one replica is lost with its node, and comes back empty and healthy-looking on a wiped disk."},

	codeAccountLimit: {"account limit that means nothing", "An account's limits count every replica. A limit above what all nodes can store together is never reached, a single node does not start unless it has room for the limits of all accounts, and to NATS 0 streams or consumers means no limit."},
	codeAccountFull:  {"beyond the account's limits", "NATS refuses to create a bucket that its account has no room for. `max_bytes` counts once for every replica."},
	codeSpace:        {"declared space that is not there", "`max_bytes` is reserved on every node with a replica. The nodes have `max_file_store` for buckets on disk and `max_memory_store` for those in memory."},
	codeLimit:        {"limit that NATS refuses", "The limits of the bucket contradict each other, or are smaller than what NATS takes."},
	codeTooLong:      {"text that NATS refuses", "NATS stores descriptions of up to 4 KiB and metadata of up to 128 KiB, and keeps keys that begin with _nats. for itself."},
	codeRepublish:    {"republish that NATS refuses", "The destination is made of the source, so both end in > or neither does, wildcards are written as {{wildcard(1)}}, and it may not lead back into the bucket. Without a source everything is republished."},
	codeSource:       {"mirror or source that NATS refuses", "A bucket is a mirror or has sources. It copies each origin once, from one place on, with a valid filter, and either from a domain or through another API."},
	codeCopyCircle:   {"copies in a circle", "A bucket or stream that copies another, which copies the first, would never come to an end. Streams may exchange messages with a `filter_subject` for each direction, if neither takes in what the stream stores by itself."},
	codeNoEffect:     {"setting without effect", "The setting can stay, but does nothing."},
	codeEncryption:   {"store in clear beside an encrypted one", "Replicas of one bucket lie on several nodes. Encrypting the store of one of them protects nothing that another stores in clear."},
	codeSimilar:      {"names that differ only in capitals", "NATS tells them apart; people and some file systems do not."},
	codeStream:       {"stream that NATS refuses", "nats-server checks the settings of a stream against each other when it is created: what a mirror cannot have of its own, features that exclude each other, subjects that are NATS's own."},
	codeTwoStreams:   {"subjects of two streams", "Within an account every message is stored by one stream at most, so NATS refuses a stream with a subject that could match what another stream, a bucket ($KV.NAME.>) or an object store ($O.NAME.>) has. Where two streams shall have a message, one copies it from the other as a source."},
	codeConsumer:     {"consumer that NATS refuses", "nats-server checks a consumer against itself and against its stream when it is created: where it begins, what it acknowledges, its filters, and whether its settings are those of a consumer that pulls or of one that messages are sent to."},
	codeCopySize:     {"copy with smaller messages than its origin", "A mirror or a bucket or stream with sources takes at least the largest message of what it copies: `max_msg_size` of a stream, `max_value_size` of a bucket. NATS refuses a smaller one as soon as it knows the origin."},

	CodeServer: {"refused by nats-server", "Every node's configuration is built and handed to nats-server's own validation, which refused it."},
	CodeHost:   {"host not in the file", "A node finds itself by --node, else UNIBUS_NODE, else the `hostname` of a node, else its label, else the first part of the host's name. It never guesses from IP addresses, because public addresses usually sit behind NAT."},
	CodeStore:  {"store that cannot be used", "A store belongs to one node of one cluster, and one process at a time. NATS would take any other and delete or split the data."},
	CodePort:   {"port in use", "Another process listens on the port."},

	CodeUnreadable: {"file that cannot be read", "The unibus file is not there, is no file, or may not be read by the user that runs the command."},
	CodeNoFiles:    {"none of the files is here", "`unibus validate --files` opens what is on this machine: the certificates, keys and secrets of the node that this host is, and those of any other node whose files are here too. It found none at all, so nothing was checked. Run it on a host of the file, or name the node with --node."},
	CodeFile:       {"certificate file that cannot be used", "`ca_file`, `cert_file` and `key_file` are PEM files that the user of the daemon can read: certificates in the first two, the node's own one first, and an unencrypted private key in the third."},
	CodeMode:       {"key or secret that others may read", "Who reads a key or a secret can pretend to be a node. Neither belongs in the hands of anybody but the user that unibus runs as: mode 0600 or 0400. Being open to everybody is an error; being open to a group is a warning, because the group may have no other member."},
	CodeKey:        {"key of another certificate", "The private key in `key_file` is not the one that the first certificate in `cert_file` was issued for. One of the two was renewed without the other, or they belong to different nodes."},
	CodeChain:      {"certificate of another authority", "The peers verify a node's certificate against their `ca_file`. It has to lead there, with the certificates of intermediate authorities in `cert_file` behind the node's own one."},
	CodeExpiry:     {"certificate out of date", "A certificate that has expired, or is not yet valid, is refused by every peer: the routes that stand go on, but none comes back. Thirty days before the end there is a warning. A renewed certificate is taken up by a running daemon."},
	CodeSAN:        {"certificate for another address", "Peers dial a node by its `address` and want to see exactly that in its certificate, as a subject alternative name: an IP address as IP SAN, a name as DNS SAN. The common name counts for nothing."},
	CodeUsage:      {"certificate without a usage", "Either of two nodes may dial the other, so each needs a certificate for both extended key usages, serverAuth and clientAuth. With only one of them routes come up in one direction, and an error is logged every second."},

	CodeNoMajority:   {"no majority", "JetStream works while a majority of the voters is there and they reach each other. The node that was asked hears too few of them: on its side nothing can be written. There may be another side on which everything works; it cannot be seen from here."},
	CodeDeclared:     {"not as declared", "Something that the file declares is not so: a setting that would lose data to change, a consumer, or a cluster that has not formed yet. The text says what. unibus puts right what it safely can, by itself."},
	CodeNodeDown:     {"node that does not answer", "Every node tells all others how it is once a second. This one has been silent for more than two seconds, and the text says what came of dialling it: connection refused is a host on which unibus does not run; no answer is a host that is off or cut off; a connection that is accepted, and then nothing, is a process that is paused or hangs."},
	CodeDrift:        {"another configuration", "The same file goes to every host. The digest is that of its meaning, secrets included, so this node reads a different file or has different secrets."},
	CodePending:      {"waits for a restart", "A part of the file cannot be changed while a server runs. The nodes restart one after the other, each when every other is up and every replica current; with restarts = \"manual\" an operator does it."},
	CodeRefused:      {"file that was refused", "The node has read a file that it does not take, and goes on with the last good one, also after a reboot. The text says why."},
	CodeGone:         {"member that is gone from the file", "The JetStream meta group never shrinks by itself. A node that left the file still counts towards the majority until it is removed."},
	CodeFileTrouble:  {"file that is gone or cannot be read", "The unibus file, a certificate or a secret was there when it was loaded, and is not as it should be now. What was loaded goes on; the next start would fail."},
	CodeCutOff:       {"node that is cut off", "The node that was asked hears no other node at all. Most likely its own network is the cause. Ask a node on the other side for what is going on there."},
	CodeNoMetaLeader: {"meta group without a leader", "The JetStream meta group elects a leader within seconds while a majority is there. Until then streams and buckets go on, and none can be created, changed or listed."},
	CodeAsset:        {"asset short of replicas", "A bucket, stream or object store has not all its replicas, or some are not up to date. It works while a majority of them is current and has a leader."},
	CodeCertificate:  {"certificate that ends soon", "Less than a third of the life of a node's certificate is left, and less than thirty days. Once it has expired, routes that stand go on, and none comes back. A renewed one is taken up by a running daemon by itself."},
	CodeDisk:         {"disk nearly full", "Less than a tenth of the file system with the node's store is free, and less than 10 GiB. nats-server switches JetStream off on a node that cannot write."},
	CodeNoJetStream:  {"JetStream has stopped on a node", "nats-server switches JetStream off when it cannot write to its store, most often because the disk is full. The node still serves clients, but its replicas are not kept up. It comes back with a restart once there is room."},
	CodeLink:         {"missing route or gateway", "Two nodes are up and heard, and have no connection to each other: a firewall, a certificate or a password between just these two. Others pass on what is told, but not data: their replicas fall behind."},
	CodeUndeclared:   {"asset that is in the file no more", "Taking a block out of the file deletes nothing: the asset and its data stay, and unibus does not look after it any more. Declare it again, or remove it by hand, such as with `nats kv del`, once nobody needs it. The daemon reports it for as long as it runs and the asset is there."},
	CodeSite:         {"cluster that does not answer", "None of the nodes of another cluster is heard: the site is off, or the network between the sites is. The text says how many voters are left on this side and whether that is enough; if it is, JetStream works here, and on the other side it does not. Assets that are placed there come back with it."},
}

// Codes are all codes, sorted.
func Codes() []Code { return slices.Sorted(maps.Keys(rules)) }

// Explain is the summary and the explanation of a code; ok is false for an unknown one.
func Explain(c Code) (summary, explanation string, ok bool) {
	r, ok := rules[c]
	return r.summary, r.explanation, ok
}
