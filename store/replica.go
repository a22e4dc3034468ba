package store

import (
	"fmt"
	"iter"
	"sync"

	"github.com/lockkeeper/lockkeeper/quorum"
	"github.com/lockkeeper/lockkeeper/store/record"
	"github.com/lockkeeper/lockkeeper/znode"
)

// An Observer sees every change of the tree, in the log's order, inside the apply loop: with
// the tree locked, before anybody can read the change. It must not block.
type Observer interface {
	// Changed tells one change, right after it was applied to t.
	Changed(t *znode.Tree, revision int64, c *znode.Change, e *znode.Effect)
	// Applied tells that the batch of a revision is complete.
	Applied(t *znode.Tree, revision int64)
	// Rebuilt tells that t was built anew, without the changes in between; the last change that it
	// shows was made at revision.
	Rebuilt(t *znode.Tree, revision int64)
}

// A position is how far a replica has come in the log.
type position struct {
	Revision int64
	Epoch    record.Epoch
	EpochRev int64 // modification revision of e
	Guard    record.Guard
	GuardRev int64 // modification revision of w
	Identity record.Identity
}

// A replica is the tree that the log makes. Only apply and load change it.
type replica struct {
	wall func() int64 // milliseconds since 1970

	mu       sync.RWMutex // guards what follows
	tree     *znode.Tree
	watches  *znode.Watches
	at       position
	cards    map[string]record.Card // by member, as in its key
	observer Observer
	contents map[string][]byte // of the znodes that the revision at hand has put
}

// An appliedRevision is what one revision of the log brought.
type appliedRevision struct {
	revision      int64
	hasBatch      bool
	epoch, number uint64 // of the batch
	changes       int
	opened, moved []znode.Session
	closed        []znode.SessionID
	outcomes      []znode.Outcome // of the requests of one incarnation
	results       []znode.Result  // of all outcomes
}

func newReplica(wall func() int64) *replica {
	return &replica{wall: wall, tree: znode.NewTree(), watches: znode.NewWatches(), cards: map[string]record.Card{}, contents: map[string][]byte{}}
}

func (r *replica) position() position {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.at
}

// sessions ranges over the tree's sessions, locked.
func (r *replica) sessions() iter.Seq[*znode.Session] {
	return func(yield func(*znode.Session) bool) {
		r.mu.RLock()
		defer r.mu.RUnlock()
		for s := range r.tree.Sessions() {
			if !yield(s) {
				return
			}
		}
	}
}

// apply brings the tree to the next revision. self and incarnation say whose outcomes to
// collect. An error means that the log and the tree do not fit: the tree must be rebuilt.
func (r *replica) apply(rev quorum.Revision, self, incarnation uint64) (*appliedRevision, error) {
	a := &appliedRevision{revision: rev.Number}
	var batch record.Batch
	for i := range rev.Events {
		if rev.Events[i].Key == record.BatchKey && !rev.Events[i].Delete {
			var err error
			if batch, err = record.DecodeBatch(rev.Events[i].Value); err != nil {
				return nil, fmt.Errorf("revision %d: %w", rev.Number, err)
			}
			a.hasBatch, a.epoch, a.number, a.changes = true, batch.Epoch, batch.Number, len(batch.Changes)
		}
	}

	r.mu.Lock()
	defer r.mu.Unlock()
	defer r.forgetContents()
	for i := range rev.Events {
		if err := r.applyKey(rev.Number, &rev.Events[i]); err != nil {
			return nil, fmt.Errorf("revision %d: %w", rev.Number, err)
		}
	}
	if a.hasBatch {
		if err := r.walk(a, &batch, self, incarnation); err != nil {
			return nil, fmt.Errorf("revision %d: %w", rev.Number, err)
		}
	}
	r.at.Revision = rev.Number
	if r.observer != nil && a.hasBatch {
		r.observer.Applied(r.tree, rev.Number)
	}
	return a, nil
}

// applyKey takes what stands beside the tree, and collects the znodes' contents.
func (r *replica) applyKey(revision int64, e *quorum.Event) error {
	kind, rest, ok := record.ParseKey(e.Key)
	if !ok {
		return nil // not ours: it only moves the revision
	}
	var err error
	switch kind {
	case record.NodeKind:
		if !e.Delete {
			r.contents[rest] = e.Value
		}
	case record.EpochKind:
		r.at.Epoch, err = record.DecodeEpoch(e.Value)
		r.at.EpochRev = revision
	case record.GuardKind:
		r.at.Guard, err = record.DecodeGuard(e.Value)
		r.at.GuardRev = revision
	case record.IdentityKind:
		r.at.Identity, err = record.DecodeIdentity(e.Value)
	case record.CardKind:
		if e.Delete {
			delete(r.cards, rest)
		} else if card, cerr := record.DecodeCard(e.Value); cerr == nil {
			r.cards[rest] = card // a card that cannot be read is a newer version's: ignored
		}
	}
	return err
}

// keptContents is up to how many znodes' contents the map's memory is kept for.
const keptContents = 4096

func (r *replica) forgetContents() {
	if len(r.contents) > keptContents {
		r.contents = map[string][]byte{}
	} else {
		clear(r.contents)
	}
}

// walk applies a batch's change list.
func (r *replica) walk(a *appliedRevision, b *record.Batch, self, incarnation uint64) error {
	var bad error
	content := func(path string) (znode.Content, bool) {
		v, ok := r.contents[path]
		if !ok {
			return znode.Content{}, false
		}
		c, err := record.DecodeContent(v)
		if err != nil && bad == nil {
			bad = fmt.Errorf("znode %q: %w", path, err)
		}
		return c, err == nil
	}
	own := 0
	for i := range b.Changes {
		if id := &b.Changes[i].Request; id.Member == self && id.Incarnation == incarnation {
			own++
		}
	}
	if own > 0 { // at most one outcome, and one result, for each change
		a.outcomes, a.results = make([]znode.Outcome, 0, own), make([]znode.Result, 0, own)
	}
	var current *znode.Outcome
	var e znode.Effect // one for all: observers are given a pointer to it
	for i := range b.Changes {
		c := &b.Changes[i]
		e = r.tree.Apply(c, content)
		if e.Err != nil {
			return e.Err
		}
		r.watches.Fire(c, &e)
		if r.observer != nil {
			r.observer.Changed(r.tree, a.revision, c, &e)
		}
		switch c.Kind {
		case znode.SessionOpened:
			a.opened = append(a.opened, c.Record)
		case znode.SessionMoved:
			a.moved = append(a.moved, c.Record)
		case znode.SessionClosed:
			a.closed = append(a.closed, c.Session)
		}
		if c.Request.Member != self || c.Request.Incarnation != incarnation {
			continue
		}
		if current == nil || current.ID != c.Request {
			a.outcomes = append(a.outcomes, znode.Outcome{ID: c.Request, Failed: -1, Revision: a.revision})
			current = &a.outcomes[len(a.outcomes)-1]
		}
		a.addResult(current, c, &e)
	}
	return bad
}

// addResult adds what one change of a request came to. The results of all requests share one
// piece of memory, in which those of the request at hand come last.
func (a *appliedRevision) addResult(o *znode.Outcome, c *znode.Change, e *znode.Effect) {
	if c.Zxid != 0 {
		o.Zxid = c.Zxid
	}
	if c.Aux {
		return
	}
	if c.Kind == znode.Refused {
		o.Code, o.Failed = c.Code, int(c.Step)
	}
	if o.Results == nil {
		o.Results = a.results[len(a.results):]
	}
	for len(o.Results) <= int(c.Step) {
		o.Results = append(o.Results, znode.Result{})
		a.results = a.results[:min(len(a.results)+1, cap(a.results))]
	}
	o.Results[c.Step] = e.Result
}
