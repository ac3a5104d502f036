package hclconf

// Text is the file, byte for byte. It must not be changed.
func (c *Config) Text() []byte { return c.text }
