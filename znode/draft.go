package znode

import "github.com/lockkeeper/lockkeeper/internal/rules"

// A Draft is the writer's side of the data model. It judges requests one after the other
// against a [Tree] plus what the requests before have changed, turns each into changes or into
// one refusal, and keeps the keys' final values. It is not safe for concurrent use. Its tree must
// not change between the first request and [Draft.Reset] but by the batch that the draft stands
// on; see [Draft.Above].
type Draft struct {
	// Full makes creates, sets that grow a znode and new sessions be refused with [ErrFull].
	Full bool
	// EnforceQuota makes creates and sets that grow a znode be refused with [ErrQuotaExceeded] where
	// a quota's hard limit forbids them.
	EnforceQuota bool
	// Out takes safety rules out, for a simulation.
	Out rules.Out

	tree      *Tree
	below     *Draft // the batch before, which the tree need not show yet; nil: it does
	nodes     map[string]*draftNode
	seen      []*draftNode // all of nodes; behind its length, memory of earlier batches
	sorted    bool         // seen is in the order of paths
	sessions  map[SessionID]*draftSession
	fences    map[string]int64
	lines     map[string][]*draftNode // see line
	usage     map[string]Usage        // what the batch adds to quotas, by their paths
	changes   []Change
	size      int
	newest    int64 // the highest zxid used
	setsQuota bool
	due       []string // semaphores where a grant may be due
	isDue     map[string]struct{}

	// The request at hand.
	request     *Request
	step        int32
	by          SessionID // the request's session, or the one it has opened
	checked     bool      // by exists and its connection is the right one
	zxid, now   int64
	expired     bool
	used        bool   // the zxid stands in a change
	whyPath     string // of the refusal to come
	whyToken    int64
	journal     bool // the request has steps to take back
	serial      uint64
	firstChange int
	firstSize   int

	undoNodes    []undoNode
	undoSessions []undoSession
	undoFences   []undoFence
}

// NewDraft returns a draft on top of t.
func NewDraft(t *Tree) *Draft {
	return &Draft{
		tree:     t,
		nodes:    make(map[string]*draftNode),
		sessions: make(map[SessionID]*draftSession),
		fences:   make(map[string]int64),
		lines:    make(map[string][]*draftNode),
		usage:    make(map[string]Usage),
	}
}

// keptNodes is up to how many znodes a batch's memory is kept for the next one.
const keptNodes = 4096

// Above puts the empty draft on top of another one on the same tree: a batch that is certain to be
// applied before this one, and that the tree may show already or not. What below itself stood on
// the tree must show. below must not change quotas, and not be Reset before the tree has applied it.
func (d *Draft) Above(below *Draft) {
	below.below = nil
	d.below = below
}

// Reset forgets the batch, so that the draft can be used for the next one once the tree has
// applied or will never apply it. What the draft has handed out is no longer valid. Full and
// EnforceQuota stay.
func (d *Draft) Reset() {
	if len(d.seen) > keptNodes || cap(d.changes) > keptNodes {
		fresh := NewDraft(d.tree)
		fresh.Full, fresh.EnforceQuota, fresh.Out = d.Full, d.EnforceQuota, d.Out
		*d = *fresh
		return
	}
	d.below = nil
	for _, n := range d.seen {
		*n = draftNode{}
	}
	d.seen = d.seen[:0]
	clear(d.nodes)
	clear(d.sessions)
	clear(d.fences)
	clear(d.lines)
	clear(d.usage)
	clear(d.changes)
	d.changes = d.changes[:0]
	d.size, d.newest, d.setsQuota = 0, 0, false
	d.due = nil
	clear(d.isDue)
	d.sorted = false
}

// Judge decides a request at a time in milliseconds since 1970, and appends its changes, or
// exactly one [Refused] entry, to the batch. It returns 0, or the code of the refusal. Used
// says whether zxid stands in a change and must not be given again; zxid must be greater than
// all used before. The draft keeps the request's strings and slices.
func (d *Draft) Judge(r *Request, zxid, now int64) (code Code, used bool) {
	d.begin(r, zxid, now)
	if len(r.Ops) == 0 {
		if code = d.checkSession(); code == OK {
			d.add(Answered)
		}
	}
	for i := range r.Ops {
		d.step = int32(i)
		if code = d.judge(&r.Ops[i]); code != OK {
			break
		}
	}
	if code != OK {
		d.refuse(code)
	}
	d.changes[len(d.changes)-1].Last = true
	d.end()
	return code, d.used
}

// Refuse appends a [Refused] entry for a request that the writer turns down unjudged, because of
// its operation step; no zxid is used.
func (d *Draft) Refuse(r *Request, step int, code Code) {
	d.begin(r, 0, d.now)
	d.journal = false
	d.step = int32(step)
	d.refuse(code)
	d.changes[len(d.changes)-1].Last = true
	d.end()
}

// ForgetLast drops the entry of the request that was refused last, for a simulation.
func (d *Draft) ForgetLast() { d.changes = d.changes[:d.firstChange] }

// Expire ends a session because the writer found it overdue. It reports false, and does
// nothing, if there is no such session; otherwise zxid is used.
func (d *Draft) Expire(id SessionID, zxid, now int64) bool {
	s := d.session(id)
	if s.record == nil {
		return false
	}
	d.begin(&Request{Session: id}, zxid, now)
	d.expired = true
	d.sweep(s)
	d.changes[len(d.changes)-1].Last = true
	d.end()
	return true
}

// Changes returns the batch's change list so far.
func (d *Draft) Changes() []Change { return d.changes }

// Session returns a session's record as the batch has left it.
func (d *Draft) Session(id SessionID) (*Session, bool) {
	for layer := d; layer != nil; layer = layer.below {
		if s, ok := layer.sessions[id]; ok {
			return s.record, s.record != nil
		}
	}
	return d.tree.Session(id)
}

// Newest returns the highest zxid that the batch has used; 0: none. Most requests use the one that
// they are judged with; a hand-over, as many after that as it moves contenders.
func (d *Draft) Newest() int64 { return d.newest }

func (d *Draft) begin(r *Request, zxid, now int64) {
	d.request, d.by, d.zxid, d.now = r, r.Session, zxid, now
	d.step, d.checked, d.expired, d.used = 0, false, false, false
	d.whyPath, d.whyToken = "", 0
	// A request of one step changes nothing before it is known to pass.
	d.journal = len(r.Ops) > 1 || len(r.Ops) == 1 && (r.Ops[0].Parents || r.Ops[0].Kind == OpAcquirePermits || r.Ops[0].Kind == OpSetPermits)
	d.serial++
	d.firstChange, d.firstSize = len(d.changes), d.size
	d.sorted = false
}

func (d *Draft) end() {
	if d.used {
		d.newest = d.zxid
	}
	d.request = nil
	if len(d.undoNodes) > 0 {
		clear(d.undoNodes)
		d.undoNodes = d.undoNodes[:0]
	}
	clear(d.undoSessions)
	d.undoSessions = d.undoSessions[:0]
	d.undoFences = d.undoFences[:0]
}

func (d *Draft) refuse(code Code) {
	if d.journal {
		d.undo()
	}
	d.used = false
	c := d.add(Refused)
	c.Code, c.Path, c.Token = code, d.whyPath, d.whyToken
	d.size += len(c.Path)
}

// add appends an entry of the step at hand.
func (d *Draft) add(kind ChangeKind) *Change {
	d.changes = append(d.changes, Change{
		Kind: kind, Request: d.request.ID, Step: d.step, Session: d.by, Time: d.now, Expired: d.expired,
	})
	c := &d.changes[len(d.changes)-1]
	if kind != Answered && kind != Refused {
		c.Zxid = d.zxid
		d.used = true
	}
	d.size += entrySize
	return c
}

// checkSession looks whether the request's session, if it has one, is open and the request came
// over the connection that the session belongs to.
func (d *Draft) checkSession() Code {
	if d.by == 0 || d.checked {
		return OK
	}
	record, open := d.Session(d.by)
	if !open {
		return ErrSessionExpired
	}
	if d.request.Owner != (Owner{}) && d.request.Owner != record.Owner && !d.Out.NoOwnerCheck {
		return ErrSessionMoved
	}
	d.checked = true
	return OK
}
