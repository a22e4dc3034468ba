package lock_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lockkeeper/lockkeeper/internal/membertest"
	"github.com/lockkeeper/lockkeeper/internal/quorumtest"
	"github.com/lockkeeper/lockkeeper/lease"
	"github.com/lockkeeper/lockkeeper/lock"
	"github.com/lockkeeper/lockkeeper/znode"
)

// A place is a contender in the model's queue.
type place struct {
	hold    lock.Hold
	session lease.ID
	owner   string
	answer  chan error         // of a blocked Acquire; nil: a ticket or a hold
	cancel  context.CancelFunc // of it

	repeated bool // another caller has come for it: it stays when the first one goes
	foreign  bool // a kazoo client's
	compat   lock.Compat
}

// second returns the path of the second znode of a lock that keeps every client away.
func second(path string) string {
	dir, name := znode.Split(path)
	id, number, _ := strings.Cut(strings.TrimPrefix(name, "_c_"), "-lock-")
	n, _ := strconv.Atoi(number)
	return fmt.Sprintf("%s/k%s__lock__%010d", dir, strings.ReplaceAll(id, "-", ""), n+1)
}

// lengthSoon waits until the queue has n contenders.
func lengthSoon(rt *rapid.T, m *membertest.Member, name string, n int) {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	end := time.After(3 * time.Second)
	for {
		q, err := m.Locks.Queue(context.Background(), name, 1, lock.Read{})
		if err == nil && q.Total == n {
			return
		}
		select {
		case <-tick.C:
		case <-end:
			rt.Fatalf("%d in the queue; want %d", q.Total, n)
		}
	}
}

// TestAgainstModel makes random calls to one member and compares each answer and each queue with
// a list.
func TestAgainstModel(t *testing.T) {
	m := membertest.One(t)
	round := 0
	rapid.Check(t, func(rt *rapid.T) {
		round++
		name := fmt.Sprint("model/", round)
		var line []place
		last := lock.Token(0)
		made := 0
		sessions := []lease.ID{session(t, m), session(t, m)}
		defer func() {
			for _, p := range line {
				if p.cancel != nil {
					p.cancel()
					<-p.answer
				}
			}
			for _, s := range sessions {
				m.Sessions.Close(patient(t), s, znode.Owner{})
			}
		}()
		pick := func(rt *rapid.T) int { return rapid.IntRange(0, max(0, len(line)-1)).Draw(rt, "place") }
		request := func(rt *rapid.T) lock.Request {
			made++
			return lock.Request{Name: name, Session: rapid.SampledFrom(sessions).Draw(rt, "session"), Owner: fmt.Sprint(made), RequestID: fmt.Sprint(made), Compat: rapid.SampledFrom([]lock.Compat{lock.CompatCurator, lock.CompatAll}).Draw(rt, "compat")}
		}
		token := func(rt *rapid.T, h lock.Hold) {
			if h.Token <= last {
				rt.Fatalf("token %d after %d", h.Token, last)
			}
			last = h.Token
		}
		drop := func(i int) {
			p := line[i]
			line = append(line[:i:i], line[i+1:]...)
			if p.answer != nil {
				<-p.answer
				p.cancel()
			}
		}

		remove := func(rt *rapid.T, p place, path string) {
			out, err := m.Store.Do(patient(t), &znode.Request{Ops: []znode.Op{{Kind: znode.OpDelete, Path: path, Version: -1}}})
			if err != nil || out.Code != znode.OK {
				rt.Fatalf("delete %q of %+v: %v, %v", path, p, out.Code, err)
			}
		}

		rt.Repeat(map[string]func(*rapid.T){
			"try": func(rt *rapid.T) {
				r := request(rt)
				h, err := m.Locks.Acquire(patient(t), r, 0)
				if len(line) > 0 {
					e, ok := errors.AsType[*lock.HeldError](err)
					if !ok || e.Holder.Owner != line[0].owner || e.Position != len(line) {
						rt.Fatalf("try: %+v, %v; %d stand there", h, err, len(line))
					}
					return
				}
				if err != nil || h.State != lock.Held {
					rt.Fatalf("try of a free lock: %+v, %v", h, err)
				}
				token(rt, h)
				line = append(line, place{hold: h, session: r.Session, owner: r.Owner, compat: r.Compat})
			},
			"enqueue": func(rt *rapid.T) {
				r := request(rt)
				h, err := m.Locks.Enqueue(patient(t), r)
				if err != nil || h.Position != len(line) || (h.State == lock.Held) != (len(line) == 0) {
					rt.Fatalf("enqueue behind %d: %+v, %v", len(line), h, err)
				}
				token(rt, h)
				line = append(line, place{hold: h, session: r.Session, owner: r.Owner, compat: r.Compat})
			},
			"wait": func(rt *rapid.T) {
				if len(line) == 0 {
					return
				}
				r := request(rt)
				ctx, cancel := context.WithCancel(t.Context())
				answer := make(chan error, 1)
				go func() {
					_, err := m.Locks.Acquire(ctx, r, forever)
					answer <- err
				}()
				lengthSoon(rt, m, name, len(line)+1)
				q := queue(t, m, name)
				c := q.Contenders[len(line)]
				line = append(line, place{hold: lock.Hold{Name: name, Contender: c}, session: r.Session, owner: r.Owner, answer: answer, cancel: cancel, compat: r.Compat})
				last = max(last, c.Token)
			},
			"hang up": func(rt *rapid.T) {
				i := pick(rt)
				if len(line) == 0 || line[i].answer == nil || i == 0 {
					return
				}
				line[i].cancel()
				if line[i].repeated {
					<-line[i].answer
					line[i].answer, line[i].cancel = nil, nil
					return
				}
				drop(i)
				lengthSoon(rt, m, name, len(line))
			},
			"repeat": func(rt *rapid.T) {
				if len(line) == 0 {
					return
				}
				p := &line[pick(rt)]
				if p.foreign {
					return
				}
				p.repeated = true
				h, err := m.Locks.Enqueue(patient(t), lock.Request{Name: name, Session: p.session, RequestID: p.owner, Compat: p.compat})
				if err != nil || h.Token != p.hold.Token || !h.Repeated {
					rt.Fatalf("repeated: %+v, %v; want %d", h, err, p.hold.Token)
				}
			},
			"release": func(rt *rapid.T) {
				if len(line) == 0 {
					return
				}
				i := pick(rt)
				p := line[i]
				if p.foreign {
					remove(rt, p, p.hold.Znode)
					drop(i)
					return
				}
				if _, err := m.Locks.Release(patient(t), lock.Release{Name: name, Session: p.session, Token: p.hold.Token}); err != nil {
					rt.Fatalf("release: %v", err)
				}
				d, err := m.Locks.Release(patient(t), lock.Release{Name: name, Session: p.session, Token: p.hold.Token})
				if err != nil || !d.Repeated {
					rt.Fatalf("release again: %+v, %v", d, err)
				}
				drop(i)
			},
			"kazoo": func(rt *rapid.T) { // another client's, that knows nothing of our names
				made++
				owner, s := fmt.Sprint(made), rapid.SampledFrom(sessions).Draw(rt, "session")
				out, err := m.Store.Do(patient(t), &znode.Request{Session: s, Ops: []znode.Op{{
					Kind: znode.OpCreate, Path: fmt.Sprintf("/%s/%032x__lock__", name, made), Data: []byte(owner), ACL: znode.OpenACL,
					Node: znode.Ephemeral, Sequential: true, Parents: true,
				}}})
				if err != nil || out.Code != znode.OK {
					rt.Fatalf("kazoo's create: %v, %v", out.Code, err)
				}
				h := lock.Hold{Contender: lock.Contender{Token: lock.Token(out.Results[0].Stat.Czxid), Znode: out.Results[0].Path}}
				token(rt, h)
				line = append(line, place{hold: h, session: s, owner: owner, foreign: true})
			},
			"delete the second name": func(rt *rapid.T) {
				i := pick(rt)
				if len(line) == 0 || line[i].compat != lock.CompatAll || line[i].repeated {
					return
				}
				remove(rt, line[i], second(line[i].hold.Znode))
				drop(i)
			},
			"force": func(rt *rapid.T) {
				d, err := m.Locks.Release(patient(t), lock.Release{Name: name, Force: true, Reason: "r"})
				if len(line) == 0 {
					if !errors.Is(err, lock.ErrNotHeld) {
						rt.Fatalf("force: %v", err)
					}
					return
				}
				if err != nil || d.Token != line[0].hold.Token {
					rt.Fatalf("force: %+v, %v; want %d", d, err, line[0].hold.Token)
				}
				drop(0)
			},
			"expire": func(rt *rapid.T) { // as good as: the session ends, and all its places with it
				i := rapid.IntRange(0, 1).Draw(rt, "which")
				if _, err := m.Sessions.Close(patient(t), sessions[i], znode.Owner{}); err != nil {
					rt.Fatal(err)
				}
				for j := len(line) - 1; j >= 0; j-- {
					if line[j].session == sessions[i] {
						drop(j)
					}
				}
				sessions[i] = session(t, m)
			},
			"": func(rt *rapid.T) {
				q := queue(t, m, name)
				if q.Total != len(line) {
					rt.Fatalf("%d in the queue; want %d", q.Total, len(line))
				}
				for i, c := range q.Contenders {
					if c.Owner != line[i].owner || c.Token != line[i].hold.Token {
						rt.Fatalf("place %d: %+v; want %s", i, c, line[i].owner)
					}
				}
				if len(line) > 0 && line[0].answer != nil { // its Acquire returns
					select {
					case err := <-line[0].answer:
						if err != nil {
							rt.Fatalf("the first in line: %v", err)
						}
					case <-time.After(quorumtest.Patience):
						rt.Fatal("the first in line was not told")
					}
					line[0].cancel()
					line[0].answer, line[0].cancel = nil, nil
				}
			},
		})
	})
	m.Store.View(func(tree *znode.Tree, _ int64) {
		if n := tree.EphemeralCount(); n != 0 {
			t.Errorf("%d znodes are left", n)
		}
	})
}
