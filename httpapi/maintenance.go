package httpapi

import (
	"context"
	"time"

	"github.com/lockkeeper/lockkeeper/store"
)

// Maintenance is what this door needs for looking after the member that it belongs to.
type Maintenance interface {
	// Defrag rewrites the database without what nothing uses. It blocks until that is done, and
	// cannot be stopped.
	Defrag(ctx context.Context) (Defragmented, error)
	// Diagnose measures the member and its surroundings. It ends with ctx, and takes seconds.
	Diagnose(ctx context.Context) (Diagnosis, error)
}

// Defragmented is what a rewritten database came to.
type Defragmented struct {
	Member   string `json:"member"`
	Leader   bool   `json:"leader"` // it held everybody up meanwhile
	Before   int64  `json:"bytes_before"`
	After    int64  `json:"bytes_after"`
	Took     Span   `json:"took"`
	Revision int64  `json:"revision"` // as applied here
}

// A Span is a time.Duration that is text in JSON.
type Span time.Duration

// MarshalText writes what [time.ParseDuration] reads.
func (s Span) MarshalText() ([]byte, error) { return []byte(time.Duration(s).String()), nil }

// UnmarshalText reads what MarshalText writes.
func (s *Span) UnmarshalText(text []byte) error {
	d, err := time.ParseDuration(string(text))
	*s = Span(d)
	return err
}

// A Diagnosis is what a member can measure about itself. What it makes of that is up to whoever
// compares the members.
type Diagnosis struct {
	Member   string    `json:"member"`
	MemberID string    `json:"member_id"`
	Version  string    `json:"version"`
	Time     time.Time `json:"time"`             // by this member's clock, as late as possible
	Leader   string    `json:"leader,omitempty"` // empty: none known

	Heartbeat Span `json:"heartbeat"`
	Election  Span `json:"election"`

	FsyncMedian Span  `json:"fsync_median"` // of a small write to the data directory
	FsyncWorst  Span  `json:"fsync_worst"`
	FreeDisk    int64 `json:"free_disk"` // bytes; -1: the system does not tell
	MinFreeDisk int64 `json:"min_free_disk"`

	DatabaseBytes    int64 `json:"database_bytes"` // of the file
	DatabaseInUse    int64 `json:"database_in_use"`
	MaxDatabaseBytes int64 `json:"max_database_bytes"` // in use

	Lag      int64  `json:"lag"` // revisions known of and not applied
	Peers    []Peer `json:"peers"`
	Revision int64  `json:"revision"` // as applied here
}

// A Peer is another member, as this one reaches it.
type Peer struct {
	Name      string `json:"name"`
	ID        string `json:"id"`
	Learner   bool   `json:"learner"`
	Answers   bool   `json:"answers"`
	RoundTrip Span   `json:"round_trip,omitempty"` // median; 0: it does not answer
}

func (c *call) defrag() error {
	switch _, err := c.input(0); {
	case err != nil:
		return err
	case c.api.cfg.Maintenance == nil:
		return errUnknownRoute
	case c.api.closing.Err() != nil:
		return store.ErrClosed
	}
	c.unbindDeadlines()
	d, err := c.api.cfg.Maintenance.Defrag(c.r.Context())
	if err != nil {
		return err
	}
	return c.sendJSON(d, d.Revision)
}

func (c *call) diagnose() error {
	switch err := c.nothingElse(); {
	case err != nil:
		return err
	case c.api.cfg.Maintenance == nil:
		return errUnknownRoute
	case !c.enter(&c.api.diagnoses, 1):
		return store.ErrBusy // it writes to the disk, and would measure itself
	}
	d, err := c.api.cfg.Maintenance.Diagnose(c.bounded())
	if err != nil {
		return err
	}
	if d.Peers == nil {
		d.Peers = []Peer{}
	}
	return c.sendJSON(d, d.Revision)
}
