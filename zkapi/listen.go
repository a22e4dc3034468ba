package zkapi

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"
)

// Serve takes connections from l until Drain or Close, and then returns nil; any other return is the
// listener's error. It closes l.
func (d *Door) Serve(l net.Listener) error {
	ctx, cancel := context.WithCancel(d.ctx)
	var sweeper sync.WaitGroup
	sweeper.Go(func() { d.sweep(ctx) })
	defer sweeper.Wait()
	defer cancel()
	stop := context.AfterFunc(d.draining, func() { _ = l.Close() })
	defer stop()
	for {
		nc, err := l.Accept()
		switch {
		case d.draining.Err() != nil:
			if err == nil {
				_ = nc.Close()
			}
			<-d.ctx.Done() // the sweeper is needed until then
			return nil
		case errors.Is(err, net.ErrClosed):
			return err
		case err != nil: // out of files, most likely: others may close some
			d.log.Warn("cannot accept a connection", "error", err)
			d.pause(acceptPause)
			continue
		}
		d.take(nc)
	}
}

// acceptPause is how long the listener rests after an error.
const acceptPause = 50 * time.Millisecond

// pause waits, unless the door drains meanwhile.
func (d *Door) pause(t time.Duration) {
	timer := time.NewTimer(t)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-d.draining.Done():
	}
}

// take serves a connection, unless its address has too many.
func (d *Door) take(nc net.Conn) {
	ip, _, err := net.SplitHostPort(nc.RemoteAddr().String())
	if err != nil {
		ip = nc.RemoteAddr().String()
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.draining.Err() != nil || (d.cfg.MaxClientCnxns > 0 && d.byIP[ip] >= d.cfg.MaxClientCnxns) {
		_ = nc.Close()
		return
	}
	c := newConn(d, nc, ip)
	d.conns[c] = struct{}{}
	d.byIP[ip]++
	c.counts.since = time.Now()
	d.wg.Add(1)
	go func() {
		defer d.wg.Done()
		c.serve()
		d.drop(c)
		close(c.gone)
	}()
}

// drop forgets a connection that has ended.
func (d *Door) drop(c *conn) {
	if c.watched.Load() {
		d.cfg.Store.Watches(c.dropWatches)
	}
	c.mu.Lock()
	c.last, c.calls = true, nil // outcomes that are still to come find nobody
	c.release(c.reserved)
	c.mu.Unlock()
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.conns, c)
	if d.byIP[c.ip]--; d.byIP[c.ip] == 0 {
		delete(d.byIP, c.ip)
	}
	if d.sessions[c.session] == c {
		delete(d.sessions, c.session)
	}
}
