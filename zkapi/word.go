package zkapi

// word answers a four-letter word, and reports whether the connection began with one.
func (c *conn) word(first []byte) bool {
	switch string(first) {
	case "ruok":
		c.finish([]byte("imok"))
		return true
	}
	return false
}
