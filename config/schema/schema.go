// Package schema is the unibus language: everything that one file can say, as plain typed Go values.
//
// One struct stands for one block, one field for one attribute. The struct tags and the doc comments here are the only
// definition of the language; the decoder, the suggestions, the reference and the reload classes are read from them:
//
//	hcl:"name"           a required attribute
//	hcl:"name,optional"  an attribute that may be left out
//	hcl:",label"         the label of the block
//	hcl:"name,block"     a block: T and *T at most once, []*T any number of times
//	hcl:"name,attrs"     a block of freely named attributes
//	default:"text"       the value where nothing is written, in the notation of the file
//	oneof:"a b"          the only values that are allowed
//	min:"1" max:"64"     the range of a number
//	example:"text"       a value that makes sense, in the notation of the file but without quotes: the words of a list
//	                     and the key=value pairs of a map are separated by spaces; every attribute and label has one
//	change:"class"       what changing it on a running cluster takes: live, restart, data or never; on a block, what
//	                     adding or removing the block takes
//
// A field that is a pointer is nil when nothing was written: for a plain value that leaves the setting to NATS, and for
// a block the comment says what "left out" means. Comments begin with the name of the field, which the reference
// replaces by the word of the file, and otherwise speak of arguments and blocks as the file calls them.
// Values arrive here only through unibus/internal/hclconf, which fills in inherited values and defaults.
package schema

import "slices"

// Topology is one whole file.
type Topology struct {
	// Name is the name of the supercluster; empty for a file whose top block is a cluster.
	Name string `hcl:",label" example:"orders" change:"live"`
	Shared
	// Gateways is how the clusters of a supercluster prove themselves to each other; left out, only certificates do.
	Gateways *Gateways `hcl:"gateways,block" change:"restart"`
	// Clusters are the NATS clusters, in the order of the file. A file whose top block is `cluster` has exactly one.
	Clusters []*Cluster `hcl:"cluster,block" change:"restart"`
}

// Shared is what stands once in a file, in its top block.
type Shared struct {
	// Restarts is how changes that need a restart are carried out: "in-turn" restarts one node at a time when every
	// other node is healthy, "manual" leaves it to the operator.
	Restarts string `hcl:"restarts,optional" default:"in-turn" oneof:"in-turn manual" example:"manual" change:"live"`
	// Bootstrap is the patience with which declared assets are created on a cold cluster.
	Bootstrap Bootstrap `hcl:"bootstrap,block"`
	// AgeRecipients are the public age or SSH keys of the operators, who may read and change the secrets in age(), beside
	// those of the nodes.
	AgeRecipients []string `hcl:"age_recipients,optional" example:"age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p" change:"live"`
	// Secrets are values that are never printed and that offline validation does not need. Each is env("NAME"),
	// file("PATH"), age("…") or another secret, and is used elsewhere as secret.NAME. What age() holds is encrypted for
	// the nodes and the operators, so that the file may be shared.
	Secrets map[string]Secret `hcl:"secrets,attrs" change:"live"`
	// Accounts are the declared accounts, in the order of the file. Users and assets that stand straight in the top
	// block are in the account BUS, which comes last unless it was written.
	Accounts []*Account `hcl:"account,block" change:"restart"`
}

// DefaultAccount is the account of users and assets that stand outside any account block.
const DefaultAccount = "BUS"

// OwnAccount is the account in which the nodes of a cluster agree with each other. It is always there and has no users
// but unibus itself.
const OwnAccount = "UNIBUS"

// DefaultStoreDir is where nodes store data if the file does not say.
const DefaultStoreDir = "/var/lib/unibus"

// SystemAccount is the name of the NATS system account. It is part of the path of the meta group's store
// (nats-server v2.15.2, jetstream_cluster.go), so it can never change.
const SystemAccount = "$SYS"

// Bootstrap is the patience with which declared assets are created on a cold cluster.
type Bootstrap struct {
	// Timeout is how long after its start a node may take to see every declared asset at its target before it reports
	// itself degraded. It goes on trying afterwards, at a slower pace.
	Timeout Duration `hcl:"timeout,optional" default:"120s" example:"5m" change:"live"`
	// AttemptTimeout is how long one JetStream API request may take. nats-server v2.15.2 does not answer at all while
	// the meta group has no leader, so attempts are short and repeated.
	AttemptTimeout Duration `hcl:"attempt_timeout,optional" default:"5s" example:"10s" change:"live"`
}

// Cluster is one NATS cluster: nodes with a full mesh of routes between them.
type Cluster struct {
	// Name is the NATS cluster name.
	Name string `hcl:",label" example:"unibus" change:"never"`
	// Routes is how the nodes prove themselves to each other; left out, only certificates do.
	Routes *Routes `hcl:"routes,block" change:"live"`
	// Nodes are the servers, in the order of the file.
	Nodes []*Node `hcl:"node,block" change:"live"`
}

// Routes is the trust boundary between the nodes of a cluster. It is never shared with clients.
type Routes struct {
	// User is the user name that nodes present to each other.
	User string `hcl:"user" example:"route" change:"live"`
	// Password is what nodes present to each other, on top of their certificates.
	Password Secret `hcl:"password" example:"secret.route" change:"live"`
	// PreviousPassword is also accepted from peers, so that a rotation drops no route.
	PreviousPassword Secret `hcl:"previous_password,optional" example:"secret.old_route" change:"live"`
	// PoolSize is the number of connections per peer; -1 is one shared connection.
	PoolSize int `hcl:"pool_size,optional" default:"-1" min:"-1" max:"64" example:"3" change:"restart"`
	// Compression is the compression between nodes. "accept" compresses only when a peer asks for it.
	Compression string `hcl:"compression,optional" default:"accept" oneof:"off accept s2_fast s2_better s2_best s2_auto" example:"s2_auto" change:"restart"`
}

// Gateways is the trust boundary between the clusters of a supercluster. It is shared neither with routes nor with
// clients. nats-server v2.15.2 reloads nothing of it but certificates.
type Gateways struct {
	// User is the user name that clusters present to each other.
	User string `hcl:"user" example:"gateway" change:"restart"`
	// Password is what clusters present to each other, on top of their certificates.
	Password Secret `hcl:"password" example:"secret.gateway" change:"restart"`
}

// Node is one nats-server.
type Node struct {
	// Name is the server name. Peers, replicas and the store know the node by it.
	Name string `hcl:",label" example:"magnus" change:"never"`
	// Address is the IP address or DNS name that peers and clients dial; it is the only one that is advertised.
	Address string `hcl:"address" example:"203.0.113.10" change:"restart"`
	// Listen is the address to bind; empty binds all interfaces.
	Listen string `hcl:"listen,optional" example:"10.0.0.10" change:"restart"`
	// Hostname is what the host calls itself, where that is not the node's name.
	Hostname string `hcl:"hostname,optional" example:"ip-203-0-113-10" change:"live"`
	// AgeRecipient is the public age or SSH key of the host, for which the secrets in age() are encrypted.
	AgeRecipient string `hcl:"age_recipient,optional" example:"age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p" change:"live"`
	// Tags are NATS server tags, such as "az:1", that placement and unique_tag refer to.
	Tags []string `hcl:"tags,optional" example:"az:1 ssd" change:"live"`
	// Arbiter makes the node a voter that stores no assets: the third site of two, with JetStream enabled and the tag
	// "!jetstream". A node without JetStream would not vote.
	Arbiter bool `hcl:"arbiter,optional" example:"true" change:"live"`
	Settings
}

// Settings may stand in a node or in any block around it; the inner one wins, attribute by attribute. A node holds the
// result. The values may use node.name, node.address and cluster.name.
type Settings struct {
	// Insecure allows routes without TLS on addresses that are not loopback.
	Insecure bool `hcl:"insecure,optional" example:"true" change:"live"`
	// ClientPort is the TCP port for clients.
	ClientPort int `hcl:"client_port,optional" default:"4222" min:"1" max:"65535" example:"4223" change:"restart"`
	// ClusterPort is the TCP port for routes. It is not opened in a file with one node.
	ClusterPort int `hcl:"cluster_port,optional" default:"6222" min:"1" max:"65535" example:"6250" change:"restart"`
	// GatewayPort is the TCP port for other clusters. It is only opened in a supercluster.
	GatewayPort int `hcl:"gateway_port,optional" default:"7222" min:"1" max:"65535" example:"7250" change:"restart"`
	// TLS is the certificate of the node; left out, everything is sent in clear text.
	TLS *TLS `hcl:"tls,block" change:"live"`
	// JetStream is where and how much the node stores.
	JetStream JetStream `hcl:"jetstream,block"`
	// Monitor is the HTTP listener for the page, the status, metrics, health and the NATS monitoring endpoints.
	Monitor Monitor `hcl:"monitor,block"`
}

// TLS is the certificate of a node. Routes verify both ends against CAFile; clients see CertFile.
type TLS struct {
	// CAFile is a PEM file with the authorities that sign the nodes' certificates.
	CAFile string `hcl:"ca_file" example:"/etc/unibus/tls/ca.pem" change:"live"`
	// CertFile is a PEM file with the node's certificate, valid for its address and for both server and client
	// authentication.
	CertFile string `hcl:"cert_file" example:"/etc/unibus/tls/${node.name}.pem" change:"live"`
	// KeyFile is a PEM file with the private key.
	KeyFile string `hcl:"key_file" example:"/etc/unibus/tls/${node.name}-key.pem" change:"live"`
	// ClientVerify also asks clients for a certificate of CAFile.
	ClientVerify bool `hcl:"client_verify,optional" example:"true" change:"live"`
	// MinVersion is the oldest TLS version that is spoken.
	MinVersion string `hcl:"min_version,optional" default:"1.3" oneof:"1.2 1.3" example:"1.2" change:"live"`
}

// JetStream is where and how much a node stores.
type JetStream struct {
	// Enabled turns JetStream on. A node without it stores nothing and has no vote in the meta group.
	Enabled bool `hcl:"enabled,optional" default:"true" example:"false" change:"restart"`
	// StoreDir is a directory; the node's name is always appended, so that two nodes can never share a store.
	StoreDir string `hcl:"store_dir,optional" default:"/var/lib/unibus" example:"/srv/unibus" change:"restart"`
	// MaxFileStore is how many bytes all file storage of the node may take.
	MaxFileStore Size `hcl:"max_file_store,optional" default:"10GiB" min:"0" example:"40GiB" change:"live"`
	// MaxMemoryStore is how many bytes all memory storage of the node may take.
	MaxMemoryStore Size `hcl:"max_memory_store,optional" default:"1GiB" min:"0" example:"2GiB" change:"live"`
	// UniqueTag is the prefix of the tag, such as "az:", that no two replicas of one asset may share.
	UniqueTag string `hcl:"unique_tag,optional" example:"az:" change:"restart"`
	// Domain is the JetStream domain; it must be the same on every node.
	Domain string `hcl:"domain,optional" example:"hub" change:"restart"`
	// Sync is "always" (every acknowledged write is on disk) or the interval of fsync, such as "10s", which loses the
	// writes in between when all nodes lose power at once.
	Sync string `hcl:"sync,optional" default:"always" example:"10s" change:"restart"`
	// Encryption encrypts the store; left out, it is stored in clear.
	Encryption *Encryption `hcl:"encryption,block" change:"never"`
}

// Encryption is how a store is encrypted.
type Encryption struct {
	// Cipher is the algorithm.
	Cipher string `hcl:"cipher,optional" default:"chachapoly" oneof:"chachapoly aes" example:"aes" change:"never"`
	// Key is the key from which the keys of the store are derived.
	Key Secret `hcl:"key" example:"secret.store" change:"never"`
}

// Monitor is the HTTP listener for the page, the status, metrics, health and the NATS monitoring endpoints. It only
// answers; nothing can be changed through it. On an address that is not loopback it speaks TLS with the node's certificate
// and asks for Token.
type Monitor struct {
	// Enabled opens the listener.
	Enabled bool `hcl:"enabled,optional" default:"true" example:"false" change:"restart"`
	// Listen is the address to bind.
	Listen string `hcl:"listen,optional" default:"127.0.0.1" example:"::1" change:"restart"`
	// Port is the TCP port.
	Port int `hcl:"port,optional" default:"8222" min:"1" max:"65535" example:"8223" change:"restart"`
	// Token is what has to be shown: as a bearer token, or as the password of any user. Left out, whoever reaches a
	// loopback address may look.
	Token Secret `hcl:"token,optional" example:"secret.monitor" change:"live"`
}

// Account is one NATS account: an own subject space with its users and assets.
type Account struct {
	// Name is the account's name.
	Name string `hcl:",label" example:"APP" change:"restart"`
	// Owned keeps the account's users from changing and deleting what the file declares in it, and from restoring over it:
	// streams, buckets, object stores and consumers. They use it as before: they put, get, watch, consume, purge and back up.
	// It guards against accidents and habits, not against a client that means harm. Each declared asset adds some denied
	// subjects to every user.
	Owned bool `hcl:"owned,optional" example:"true" change:"live"`
	// JetStream limits what the account may store; left out, it has no limits of its own.
	JetStream *AccountJetStream `hcl:"jetstream,block" change:"live"`
	// Exports are what other accounts may import.
	Exports []*Export `hcl:"export,block" change:"live"`
	// Imports are what other accounts export and this one uses.
	Imports []*Import `hcl:"import,block" change:"live"`
	Contents
}

// Export lets other accounts receive messages of this one (a stream of them, whether stored or not), or send requests to
// it (a service). Nothing crosses between accounts without an export and an import.
type Export struct {
	// Stream is the subject whose messages others may receive.
	Stream string `hcl:"stream,optional" example:"orders.>" change:"live"`
	// Service is the subject to which others may send requests.
	Service string `hcl:"service,optional" example:"billing.quote" change:"live"`
	// Accounts are those that may import it; left out, every account may.
	Accounts []string `hcl:"accounts,optional" example:"BUS" change:"live"`
	// AccountTokenPosition is the word of the subject, counted from 1, that has to be the name of the importing account, so
	// that each account imports its own part only. The word is * in the export.
	AccountTokenPosition *int `hcl:"account_token_position,optional" min:"1" example:"2" change:"live"`
	// ResponseType is how a service answers: with one message, with a stream of them, or with one in several chunks.
	ResponseType string `hcl:"response_type,optional" oneof:"single stream chunked" example:"single" change:"live"`
	// ResponseThreshold is how long a service may take to answer before the request is forgotten; left out, NATS takes two
	// minutes.
	ResponseThreshold *Duration `hcl:"response_threshold,optional" min:"1000000" example:"5s" change:"live"`
	// AllowTrace lets message traces of other accounts into the service.
	AllowTrace bool `hcl:"allow_trace,optional" example:"true" change:"live"`
	// Latency has the time that requests take measured and published.
	Latency *Latency `hcl:"latency,block" change:"live"`
}

// Latency is how the response times of a service are measured.
type Latency struct {
	// Subject is where the measurements are published, in the account of the service.
	Subject string `hcl:"subject" example:"latency.quote" change:"live"`
	// Sampling is for how many of a hundred requests.
	Sampling int `hcl:"sampling,optional" default:"100" min:"1" max:"100" example:"10" change:"live"`
}

// Import is a stream or a service of another account, as this one uses it.
type Import struct {
	// Stream are the messages to receive.
	Stream *Imported `hcl:"stream,block" change:"live"`
	// Service is where requests go.
	Service *Imported `hcl:"service,block" change:"live"`
	// To is the subject in this account; left out, it is the same as there. Wildcards of the one stand for those of the
	// other, in their order.
	To string `hcl:"to,optional" example:"shop.orders.>" change:"live"`
	// Prefix goes before the subjects of a stream, instead of to.
	Prefix string `hcl:"prefix,optional" example:"shop" change:"live"`
	// Share tells the service's account who asks, for its measurements of latency.
	Share bool `hcl:"share,optional" example:"true" change:"live"`
	// AllowTrace lets message traces into the stream.
	AllowTrace bool `hcl:"allow_trace,optional" example:"true" change:"live"`
}

// Imported is what another account exports.
type Imported struct {
	// Account is the account that exports it.
	Account string `hcl:"account" example:"BUS" change:"live"`
	// Subject is the subject there: that of the export, or a part of it.
	Subject string `hcl:"subject" example:"orders.>" change:"live"`
}

// Contents is what an account holds. It may also stand straight in the top block, and is then in the account BUS.
type Contents struct {
	// Users are the clients that may connect.
	Users []*User `hcl:"user,block" change:"live"`
	// Buckets are the key-value buckets.
	Buckets []*Bucket `hcl:"bucket,block" change:"data"`
	// Streams are the streams.
	Streams []*Stream `hcl:"stream,block" change:"data"`
	// ObjectStores are the object stores.
	ObjectStores []*ObjectStore `hcl:"object_store,block" change:"data"`
}

// AccountJetStream limits what an account may store on the whole cluster. What is left out has no limit.
type AccountJetStream struct {
	// MaxFileStore is how many bytes of file storage, counting every replica.
	MaxFileStore *Size `hcl:"max_file_store,optional" min:"0" example:"20GiB" change:"live"`
	// MaxMemoryStore is how many bytes of memory storage, counting every replica.
	MaxMemoryStore *Size `hcl:"max_memory_store,optional" min:"0" example:"1GiB" change:"live"`
	// MaxStreams is how many streams, buckets included.
	MaxStreams *int `hcl:"max_streams,optional" min:"0" example:"50" change:"live"`
	// MaxConsumers is how many consumers.
	MaxConsumers *int `hcl:"max_consumers,optional" min:"0" example:"500" change:"live"`
	// MaxAckPending is how many messages one consumer may leave unacknowledged.
	MaxAckPending *int `hcl:"max_ack_pending,optional" min:"0" example:"10000" change:"live"`
	// MemoryMaxStreamBytes is how many bytes one memory stream may take.
	MemoryMaxStreamBytes *Size `hcl:"memory_max_stream_bytes,optional" min:"0" example:"100MiB" change:"live"`
	// DiskMaxStreamBytes is how many bytes one file stream may take.
	DiskMaxStreamBytes *Size `hcl:"disk_max_stream_bytes,optional" min:"0" example:"5GiB" change:"live"`
	// MaxBytesRequired makes max_bytes mandatory for every stream and bucket.
	MaxBytesRequired *bool `hcl:"max_bytes_required,optional" example:"true" change:"live"`
}

// User is one client identity. It has either a public nkey or a password.
type User struct {
	// Name is the user name that a password goes with; with an nkey it only names the user in this file.
	Name string `hcl:",label" example:"alice" change:"live"`
	// NKey is the public user key (U…). The client proves it by signing the server's nonce.
	NKey string `hcl:"nkey,optional" example:"UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4" change:"live"`
	// Password is a secret, or a bcrypt hash, which may stand in the file.
	Password Secret `hcl:"password,optional" example:"secret.alice" change:"live"`
	// Permissions are the subjects the user may use; left out, all of the account.
	Permissions *Permissions `hcl:"permissions,block" change:"live"`
	// ConnectionTypes limits how the user may connect; empty allows every way.
	ConnectionTypes []string `hcl:"connection_types,optional" oneof:"STANDARD WEBSOCKET LEAFNODE MQTT" example:"STANDARD WEBSOCKET" change:"live"`
}

// Permissions are the subjects a user may use.
type Permissions struct {
	// Publish is what the user may send to; left out, everything.
	Publish *SubjectPermission `hcl:"publish,block" change:"live"`
	// Subscribe is what the user may receive; left out, everything.
	Subscribe *SubjectPermission `hcl:"subscribe,block" change:"live"`
}

// SubjectPermission is a list of allowed subjects and of exceptions.
type SubjectPermission struct {
	// Allow are the subjects that are allowed; empty allows all that is not denied.
	Allow []string `hcl:"allow,optional" example:"orders.> $KV.UNIBUS_rooms.>" change:"live"`
	// Deny are the subjects that are denied.
	Deny []string `hcl:"deny,optional" example:"orders.internal.>" change:"live"`
}

// Node finds a node by name in any cluster. Both results are nil when there is none.
func (t *Topology) Node(name string) (*Cluster, *Node) {
	for _, c := range t.Clusters {
		for _, n := range c.Nodes {
			if n.Name == name {
				return c, n
			}
		}
	}
	return nil, nil
}

// Nodes are the nodes of all clusters, in the order of the file.
func (t *Topology) Nodes() []*Node {
	var all []*Node
	for _, c := range t.Clusters {
		all = append(all, c.Nodes...)
	}
	return all
}

// Account finds an account by name, or is nil.
func (t *Topology) Account(name string) *Account {
	for _, a := range t.Accounts {
		if a.Name == name {
			return a
		}
	}
	return nil
}

// Voters are the nodes that vote in the JetStream meta group: those with JetStream (nats-server v2.15.2 starts the meta
// group's Raft node only in EnableJetStream).
func (t *Topology) Voters() []*Node {
	return slices.DeleteFunc(t.Nodes(), func(n *Node) bool { return !n.JetStream.Enabled })
}

// DataNodes are the nodes on which assets can be placed: the voters that are not arbiters.
func (t *Topology) DataNodes() []*Node {
	return slices.DeleteFunc(t.Voters(), func(n *Node) bool { return n.Arbiter })
}

// Title is the name of the whole: that of the supercluster, or of its only cluster.
func (t *Topology) Title() string {
	if t.Supercluster() {
		return t.Name
	}
	return t.Clusters[0].Name
}

// Supercluster tells whether the file's top block is a supercluster, whose clusters are linked by gateways.
func (t *Topology) Supercluster() bool { return t.Name != "" }

// Standalone tells whether the file has a single node, which then runs JetStream without a meta group. A standalone
// store can never become part of a cluster.
func (t *Topology) Standalone() bool { return len(t.Nodes()) == 1 }
