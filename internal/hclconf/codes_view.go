package hclconf

// Problems of a running cluster, which `unibus status` names.
const (
	// CodeNoMajority is that too few nodes are seen for JetStream to work.
	CodeNoMajority Code = "UB2201"
	// CodeDeclared is something that is declared and not so.
	CodeDeclared Code = "UB2202"
	// CodeNodeDown is a node that is not heard.
	CodeNodeDown Code = "UB2203"
	// CodeDrift is a node with another configuration than most.
	CodeDrift Code = "UB2204"
	// CodePending is a change that waits for a restart.
	CodePending Code = "UB2205"
	// CodeRefused is a file that a node has refused.
	CodeRefused Code = "UB2206"
	// CodeGone is a member of the meta group that is in no file any more.
	CodeGone Code = "UB2207"
	// CodeFileTrouble is a file that was there when it was loaded, and now is not as it should be.
	CodeFileTrouble Code = "UB2208"
	// CodeCutOff is a node that hears no other.
	CodeCutOff Code = "UB2209"
	// CodeNoMetaLeader is a meta group without a leader.
	CodeNoMetaLeader Code = "UB2210"
	// CodeAsset is an asset that has not all its replicas.
	CodeAsset Code = "UB2211"
	// CodeCertificate is a certificate that ends soon.
	CodeCertificate Code = "UB2212"
	// CodeDisk is a disk that is nearly full.
	CodeDisk Code = "UB2213"
	// CodeNoJetStream is a node on which JetStream has stopped.
	CodeNoJetStream Code = "UB2214"
	// CodeLink is a route or gateway that is missing between nodes that are up.
	CodeLink Code = "UB2215"
	// CodeUndeclared is an asset that is in the file no more, and still there.
	CodeUndeclared Code = "UB2216"
	// CodeSite is a cluster of a supercluster of which nobody is heard.
	CodeSite Code = "UB2217"
)
