package lock_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/lockkeeper/lockkeeper/internal/membertest"
	"github.com/lockkeeper/lockkeeper/lease"
	"github.com/lockkeeper/lockkeeper/lock"
	"github.com/lockkeeper/lockkeeper/znode"
)

// A permitClaim is a claim in the model: it holds, or it waits.
type permitClaim struct {
	owner   string // its request id, too
	session lease.ID
	n       int
	ticket  string
	token   lock.Token // of a hold; 0 where the model has not been told
}

// A permitModel is a semaphore as its users think of it.
type permitModel struct {
	limit        int
	holds, queue []permitClaim
}

func (m *permitModel) inUse() (n int) {
	for _, c := range m.holds {
		n += c.n
	}
	return n
}

// settle grants whatever can be granted.
func (m *permitModel) settle() {
	for len(m.queue) > 0 && m.inUse()+m.queue[0].n <= m.limit {
		m.holds, m.queue = append(m.holds, m.queue[0]), m.queue[1:]
	}
}

// take returns the claim at a place, holds first, and takes it out.
func (m *permitModel) take(i int) permitClaim {
	if i < len(m.holds) {
		c := m.holds[i]
		m.holds = slices.Delete(m.holds, i, i+1)
		return c
	}
	i -= len(m.holds)
	c := m.queue[i]
	m.queue = slices.Delete(m.queue, i, i+1)
	return c
}

// TestPermitsAgainstModel makes random calls to one member and compares each answer and each view
// with a list.
func TestPermitsAgainstModel(t *testing.T) {
	m := membertest.One(t)
	round := 0
	rapid.Check(t, func(rt *rapid.T) {
		round++
		name := fmt.Sprint("permits/", round)
		model := &permitModel{limit: 3}
		if _, err := m.Locks.SetLimit(patient(t), name, model.limit); err != nil {
			rt.Fatal(err)
		}
		sessions := []lease.ID{session(t, m), session(t, m)}
		defer func() {
			for _, s := range sessions {
				m.Sessions.Close(patient(t), s, znode.Owner{})
			}
		}()
		made, last := 0, lock.Token(0)
		request := func(rt *rapid.T) lock.PermitRequest {
			made++
			return lock.PermitRequest{
				Request: lock.Request{Name: name, Session: rapid.SampledFrom(sessions).Draw(rt, "session"), Owner: fmt.Sprint(made), RequestID: fmt.Sprint(made)},
				Permits: rapid.IntRange(1, 4).Draw(rt, "permits"),
			}
		}
		// some returns a claim, which it takes out of the model; false if there is none.
		some := func(rt *rapid.T) (permitClaim, bool) {
			all := len(model.holds) + len(model.queue)
			if all == 0 {
				return permitClaim{}, false
			}
			return model.take(rapid.IntRange(0, all-1).Draw(rt, "claim")), true
		}
		rt.Repeat(map[string]func(*rapid.T){
			"try": func(rt *rapid.T) {
				r := request(rt)
				h, err := m.Locks.AcquirePermits(patient(t), r, 0)
				e, refused := errors.AsType[*lock.PermitsError](err)
				switch {
				case r.Permits > model.limit:
					if !refused || !errors.Is(err, lock.ErrTooManyPermits) || e.Limit != model.limit {
						rt.Fatalf("try %d of %d: %v", r.Permits, model.limit, err)
					}
				case len(model.queue) > 0 || model.inUse()+r.Permits > model.limit:
					if !refused || !errors.Is(err, lock.ErrNoPermits) || e.InUse != model.inUse() || e.Waiting != len(model.queue) {
						rt.Fatalf("try %d: %v; the model is %+v", r.Permits, err, model)
					}
				case err != nil || h.State != lock.Held || h.Token <= last || h.Permits != r.Permits:
					rt.Fatalf("try %d: %+v, %v", r.Permits, h, err)
				default:
					last = h.Token
					model.holds = append(model.holds, permitClaim{r.Owner, r.Session, r.Permits, h.Ticket, h.Token})
				}
			},
			"enqueue": func(rt *rapid.T) {
				r := request(rt)
				h, err := m.Locks.EnqueuePermits(patient(t), r)
				if r.Permits > model.limit {
					if !errors.Is(err, lock.ErrTooManyPermits) {
						rt.Fatalf("enqueue for %d of %d: %v", r.Permits, model.limit, err)
					}
					return
				}
				if err != nil {
					rt.Fatal(err)
				}
				model.queue = append(model.queue, permitClaim{r.Owner, r.Session, r.Permits, h.Ticket, 0})
				before := len(model.holds)
				model.settle()
				if held := len(model.holds) > before; held != (h.State == lock.Held) || !held && h.Position != len(model.queue) {
					rt.Fatalf("enqueue: %+v; the model is %+v", h, model)
				}
			},
			"repeat": func(rt *rapid.T) {
				c, ok := some(rt)
				if !ok {
					return
				}
				again := lock.PermitRequest{Request: lock.Request{Name: name, Session: c.session, RequestID: c.owner}, Permits: c.n}
				if h, err := m.Locks.EnqueuePermits(patient(t), again); err != nil || !h.Repeated || h.Permits != c.n {
					rt.Fatalf("repeated: %+v, %v", h, err)
				}
				if _, err := m.Locks.Leave(patient(t), c.ticket); err != nil {
					rt.Fatalf("leave: %v", err)
				}
				if _, err := m.Locks.Leave(patient(t), c.ticket); err != nil {
					rt.Fatalf("leave again: %v", err)
				}
			},
			"release": func(rt *rapid.T) {
				c, ok := some(rt)
				if !ok {
					return
				}
				for i := range 2 {
					d, err := m.Locks.ReleasePermits(patient(t), lock.Release{Name: name, Session: c.session, RequestID: c.owner, Token: c.token})
					if err != nil && (i == 0 || c.token != 0) || err == nil && d.Repeated != (i == 1) {
						rt.Fatalf("release %d of %+v: %+v, %v", i, c, d, err)
					}
				}
			},
			"force": func(rt *rapid.T) {
				if len(model.holds) == 0 {
					return
				}
				c := model.take(rapid.IntRange(0, len(model.holds)-1).Draw(rt, "hold"))
				h, err := m.Locks.Await(patient(t), c.ticket, 0)
				if err != nil || h.State != lock.Held {
					rt.Fatalf("await: %+v, %v", h, err)
				}
				if _, err := m.Locks.ReleasePermits(patient(t), lock.Release{Name: name, Force: true, Token: h.Token, Reason: "r"}); err != nil {
					rt.Fatalf("force: %v", err)
				}
				_, err = m.Locks.ReleasePermits(patient(t), lock.Release{Name: name, Session: c.session, Token: h.Token})
				if !errors.Is(err, lock.ErrHoldLost) {
					rt.Fatalf("release of what was taken: %v", err)
				}
			},
			"limit": func(rt *rapid.T) {
				model.limit = rapid.IntRange(1, 5).Draw(rt, "limit")
				if _, err := m.Locks.SetLimit(patient(t), name, model.limit); err != nil {
					rt.Fatal(err)
				}
			},
			"expire": func(rt *rapid.T) { // as good as: the session ends, and all its claims with it
				i := rapid.IntRange(0, 1).Draw(rt, "which")
				if _, err := m.Sessions.Close(patient(t), sessions[i], znode.Owner{}); err != nil {
					rt.Fatal(err)
				}
				gone := func(c permitClaim) bool { return c.session == sessions[i] }
				model.holds, model.queue = slices.DeleteFunc(model.holds, gone), slices.DeleteFunc(model.queue, gone)
				sessions[i] = session(t, m)
			},
			"": func(rt *rapid.T) {
				model.settle()
				view := semaphore(t, m, name)
				if view.InUse != model.inUse() || view.Limit != model.limit || view.Holding != len(model.holds) || view.Waiting != len(model.queue) {
					rt.Fatalf("the view is %+v; the model %+v", view, model)
				}
				for i, c := range view.Holders {
					if c.Owner != model.holds[i].owner || c.Permits != model.holds[i].n || i > 0 && c.Token <= view.Holders[i-1].Token {
						rt.Fatalf("hold %d: %+v; want %+v", i, c, model.holds[i])
					}
					last = max(last, c.Token)
				}
				for i, c := range view.Waiters {
					if c.Owner != model.queue[i].owner || c.Permits != model.queue[i].n || c.Position != i+1 {
						rt.Fatalf("place %d: %+v; want %+v", i, c, model.queue[i])
					}
				}
			},
		})
	})
}
