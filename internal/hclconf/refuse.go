package hclconf

// Refuse adds what another package found wrong with the file, such as nats-server's own validation. A config with errors
// has no topology.
func (c *Config) Refuse(found ...Diagnostic) {
	c.Diagnostics = append(c.Diagnostics, found...)
	c.Diagnostics.sort()
	if c.Diagnostics.HasErrors() {
		c.Topology, c.Digest = nil, ""
	}
}
