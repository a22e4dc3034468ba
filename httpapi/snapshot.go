package httpapi

import (
	"net/http"
	"time"

	"github.com/lockkeeper/lockkeeper/store"
)

// maxSnapshots is how many snapshots a member writes at once: each keeps pages of the database from
// being used again.
const maxSnapshots = 2

var snapshotType = []string{"application/octet-stream"}

// snapshot streams a snapshot of the database. What goes wrong before the first byte is a problem;
// after, the connection is cut, so that half a snapshot never looks like a whole one. Its end is the
// checksum, besides.
func (c *call) snapshot() error {
	_, fresh, err := c.read()
	switch {
	case err != nil:
		return err
	case c.api.cfg.Snapshot == nil:
		return errUnknownRoute
	case c.api.closing.Err() != nil:
		return store.ErrClosed
	case !c.enter(&c.api.snapshots, maxSnapshots):
		return store.ErrBusy
	}
	c.unbindDeadlines()
	revision := c.api.cfg.Revision()
	w := &snapshotWriter{call: c, revision: revision}
	if err := c.api.cfg.Snapshot(c.closing(c.r.Context(), func() {}), fresh, w); err != nil {
		if c.sent == 0 {
			return err
		}
		c.api.log.Warn("a snapshot was not written to its end", "err", err)
		c.torn = true
	}
	return nil
}

// A snapshotWriter begins the answer with its first write, and gives the client some time to read
// each.
type snapshotWriter struct {
	call     *call
	revision int64
}

func (w *snapshotWriter) Write(p []byte) (int, error) {
	c := w.call
	if c.sent == 0 {
		c.out.reset()
		c.send(http.StatusOK, snapshotType, w.revision)
	}
	_ = c.control().SetWriteDeadline(time.Now().Add(c.api.limits.WriteTimeout))
	return c.w.Write(p)
}
