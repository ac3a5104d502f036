package hclconf

// Rules that `unibus validate` reports about files on the machine it runs on: the unibus file itself, and with --files
// the certificates, keys and secrets that it names.
const (
	// CodeUnreadable is a unibus file that cannot be read.
	CodeUnreadable Code = "UB2101"
	// CodeNoFiles is a check of files on a machine that has none of them.
	CodeNoFiles Code = "UB2102"
	// CodeFile is a certificate or key that is not there, cannot be read or is no PEM file.
	CodeFile Code = "UB2103"
	// CodeMode is a key or secret that others may read.
	CodeMode Code = "UB2104"
	// CodeKey is a key that does not belong to the certificate.
	CodeKey Code = "UB2105"
	// CodeChain is a certificate that the authorities did not sign.
	CodeChain Code = "UB2106"
	// CodeExpiry is a certificate that is out of date, or soon will be.
	CodeExpiry Code = "UB2107"
	// CodeSAN is a certificate that is not for the address of the node.
	CodeSAN Code = "UB2108"
	// CodeUsage is a certificate that may not be used by both ends.
	CodeUsage Code = "UB2109"
)
