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

// A reader or writer in the model's line.
type rwPlace struct {
	token   lock.Token
	session lease.ID
	owner   string
	mode    lock.Mode
	foreign string // the path of another client's znode
}

// holding tells by the rule who holds: whoever has nobody ahead, and a reader who has only readers
// ahead.
func holding(line []rwPlace, i int) bool {
	if i == 0 {
		return true
	}
	return !slices.ContainsFunc(line[:i+1], func(p rwPlace) bool { return p.mode != lock.ModeRead })
}

// TestModesAgainstModel makes random calls in all modes, among contenders of Curator's and kazoo's,
// and compares the queue with a list.
func TestModesAgainstModel(t *testing.T) {
	t.Parallel()
	m := membertest.One(t)
	round := 0
	rapid.Check(t, func(rt *rapid.T) {
		round++
		name, made, last := fmt.Sprint("modes/", round), 0, lock.Token(0)
		var line []rwPlace
		sessions := []lease.ID{session(t, m), session(t, m)}
		defer func() {
			for _, s := range sessions {
				m.Sessions.Close(patient(t), s, znode.Owner{})
			}
		}()
		token := func(rt *rapid.T, got lock.Token) {
			if got <= last {
				rt.Fatalf("token %d after %d", got, last)
			}
			last = got
		}
		request := func(rt *rapid.T) lock.Request {
			made++
			return lock.Request{
				Name: name, Session: rapid.SampledFrom(sessions).Draw(rt, "session"), Owner: fmt.Sprint(made),
				Mode:   rapid.SampledFrom([]lock.Mode{lock.ModeRead, lock.ModeRead, lock.ModeWrite, lock.ModeExclusive}).Draw(rt, "mode"),
				Compat: rapid.SampledFrom([]lock.Compat{lock.CompatCurator, lock.CompatAll}).Draw(rt, "compat"),
			}
		}
		join := func(rt *rapid.T, h lock.Hold, r lock.Request) {
			token(rt, h.Token)
			line = append(line, rwPlace{h.Token, r.Session, r.Owner, r.Mode, ""})
		}
		pick := func(rt *rapid.T) int { return rapid.IntRange(0, max(0, len(line)-1)).Draw(rt, "place") }
		rt.Repeat(map[string]func(*rapid.T){
			"try": func(rt *rapid.T) {
				r := request(rt)
				h, err := m.Locks.Acquire(patient(t), r, 0)
				if free := holding(append(slices.Clone(line), rwPlace{mode: r.Mode}), len(line)); !free {
					e, ok := errors.AsType[*lock.HeldError](err)
					if !ok || e.Holder.Token == 0 || e.Position != len(line) {
						rt.Fatalf("try in mode %q: %+v, %v", r.Mode, h, err)
					}
					return
				}
				if err != nil || h.State != lock.Held || h.Mode != r.Mode || h.Position != 0 {
					rt.Fatalf("try in mode %q of a free lock: %+v, %v", r.Mode, h, err)
				}
				join(rt, h, r)
			},
			"enqueue": func(rt *rapid.T) {
				r := request(rt)
				h, err := m.Locks.Enqueue(patient(t), r)
				if err != nil {
					rt.Fatalf("enqueue: %v", err)
				}
				join(rt, h, r)
				if held := holding(line, len(line)-1); (h.State == lock.Held) != held || held != (h.Position == 0) || !held && h.Position != len(line)-1 {
					rt.Fatalf("enqueue in mode %q as number %d: %+v", r.Mode, len(line), h)
				}
			},
			"foreign": func(rt *rapid.T) {
				made++
				p := rwPlace{session: rapid.SampledFrom(sessions).Draw(rt, "session"), owner: "10.0.0.7", mode: lock.ModeRead}
				stem := rapid.SampledFrom([]string{"/_c_%036x-__READ__", "/%032x__rlock__", "/_c_%036x-__WRIT__", "/%032x__lock__"}).Draw(rt, "stem")
				switch stem[len(stem)-8:] {
				case "__WRIT__":
					p.mode = lock.ModeWrite
				case "__READ__", "_rlock__":
				default:
					p.mode = lock.ModeExclusive
				}
				made := foreign(t, m, p.session, "/"+name+fmt.Sprintf(stem, made))
				p.foreign, p.token = made.Path, lock.Token(made.Stat.Czxid)
				token(rt, p.token)
				line = append(line, p)
			},
			"release": func(rt *rapid.T) {
				if len(line) == 0 {
					return
				}
				i := pick(rt)
				if line[i].foreign != "" {
					out, err := m.Store.Do(patient(t), &znode.Request{Session: line[i].session, Ops: []znode.Op{{Kind: znode.OpDelete, Path: line[i].foreign, Version: -1}}})
					if err != nil || out.Code != znode.OK {
						rt.Fatalf("delete %q: %v, %v", line[i].foreign, out.Code, err)
					}
				} else if _, err := m.Locks.Release(patient(t), lock.Release{Name: name, Session: line[i].session, Token: line[i].token}); err != nil {
					rt.Fatalf("release: %v", err)
				}
				line = slices.Delete(line, i, i+1)
			},
			"downgrade": func(rt *rapid.T) {
				i := pick(rt)
				if len(line) == 0 || line[i].foreign != "" {
					return
				}
				h, err := m.Locks.Downgrade(patient(t), name, line[i].session, 0, line[i].token)
				if line[i].mode != lock.ModeWrite || !holding(line, i) {
					if line[i].mode != lock.ModeRead && !errors.As(err, new(*lease.InputError)) {
						rt.Fatalf("downgrade of %+v: %+v, %v", line[i], h, err)
					}
					return
				}
				if err != nil || h.State != lock.Held || h.Mode != lock.ModeRead || h.Since.IsZero() || h.Owner != line[i].owner {
					rt.Fatalf("downgrade: %+v, %v", h, err)
				}
				if h.Token != line[i].token {
					rt.Fatalf("downgrade: token %d; want %d", h.Token, line[i].token)
				}
				line[i].mode = lock.ModeRead
				again, err := m.Locks.Downgrade(patient(t), name, line[i].session, 0, h.Token)
				if err != nil || again.Token != h.Token || !again.Repeated {
					rt.Fatalf("downgrade again: %+v, %v; want %d", again, err, h.Token)
				}
			},
			"end of a session": func(rt *rapid.T) {
				i := rapid.IntRange(0, 1).Draw(rt, "which")
				if _, err := m.Sessions.Close(patient(t), sessions[i], znode.Owner{}); err != nil {
					rt.Fatal(err)
				}
				line = slices.DeleteFunc(line, func(p rwPlace) bool { return p.session == sessions[i] })
				sessions[i] = session(t, m)
			},
			"": func(rt *rapid.T) {
				q := queue(t, m, name)
				if q.Total != len(line) {
					rt.Fatalf("%d in the queue; want %d", q.Total, len(line))
				}
				for i, c := range q.Contenders {
					p, held := line[i], holding(line, i)
					if c.Token != p.token || c.Owner != p.owner || c.Mode != p.mode || (c.State == lock.Held) != held || held != (c.Position == 0) {
						rt.Fatalf("place %d: %+v; want %+v, held %v", i, c, p, held)
					}
				}
			},
		})
	})
}
