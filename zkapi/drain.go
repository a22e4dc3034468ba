package zkapi

import (
	"io"
	"net"
	"time"
)

// drain has the connection take no more requests, and end when those that it has taken are answered.
func (c *conn) drain() {
	c.draining.Store(true)
	_ = c.nc.SetReadDeadline(time.Unix(1, 0)) // the reader looks up
}

// end has the connection end with the answer to the last request that was taken. It is the reader's,
// who reads no more.
func (c *conn) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if n := len(c.calls); n > 0 {
		c.calls[n-1].end = true
	} else {
		c.last = true
	}
	signal(c.wake)
}

// byeTime is how long a client has to close its side of a connection that has ended with an answer.
const byeTime = 500 * time.Millisecond

// bye waits until the client has closed its side, and drops what it still sends: closing before would
// have the kernel send a reset, which overtakes the answer.
func (c *conn) bye() {
	tcp, ok := c.nc.(*net.TCPConn)
	if !ok || tcp.CloseWrite() != nil {
		return
	}
	_ = tcp.SetReadDeadline(time.Now().Add(byeTime))
	_, _ = io.Copy(io.Discard, tcp)
}
