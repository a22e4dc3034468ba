package httpapi

import "net/http"

// Health says how this member does. The zero Health is a member that has just been started.
type Health struct {
	Quorum      bool   // the quorum has answered lately
	CaughtUp    bool   // this member's tree follows the log closely enough to answer from
	StorageFull bool   // a disk watermark is reached: creates are refused, releases go on
	Member      string // this member's name
	Leader      string // the leader's name; empty: none known
	Revision    int64  // of the quorum's log, as applied here
	Lag         int64  // revisions known of and not applied yet
}

// reason returns why a member in this state is not ready or only half well, and whether it is
// ready.
func (h *Health) reason() (why string, ready bool) {
	switch {
	case !h.Quorum:
		return "no_quorum", false
	case !h.CaughtUp:
		return "not_caught_up", false
	case h.StorageFull:
		return "storage_full", true
	}
	return "", true
}

// healthz answers as long as the process can answer at all, so that no supervisor kills a
// member for what its restart would not mend.
func (c *call) healthz() error {
	revision := c.api.cfg.Revision()
	c.begin().str("status", "alive")
	return c.ok(revision)
}

// readyz says whether to send clients here.
func (c *call) readyz() error {
	h := c.api.cfg.Health()
	why, ready := h.reason()
	if c.api.leaving.Load() || c.api.closing.Err() != nil {
		why, ready = "shutting_down", false
	}
	status, word := http.StatusOK, "ready"
	switch {
	case !ready:
		status, word = http.StatusServiceUnavailable, "unavailable"
		c.w.Header()["Retry-After"] = retryAfter
	case why != "":
		word = "degraded"
	}
	o := c.begin()
	o.str("status", word)
	o.text("reason", why)
	o.flag("quorum", h.Quorum)
	o.flag("caught_up", h.CaughtUp)
	o.flag("storage_full", h.StorageFull)
	o.text("member", h.Member)
	o.text("leader", h.Leader)
	o.num("lag", h.Lag)
	return c.reply(status, h.Revision)
}
