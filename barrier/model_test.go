package barrier_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lockkeeper/lockkeeper/barrier"
	"github.com/lockkeeper/lockkeeper/internal/membertest"
	"github.com/lockkeeper/lockkeeper/lease"
	"github.com/lockkeeper/lockkeeper/lock"
	"github.com/lockkeeper/lockkeeper/znode"
)

// A party is one participant of the model.
type party struct {
	id      string
	session lease.ID
	done    chan entered // of an Enter that waits; nil: it is inside
}

// TestAgainstAModel compares any run of entries, exits and deaths at three members with a set of
// names and a flag.
func TestAgainstAModel(t *testing.T) {
	t.Parallel()
	members := membertest.Start(t, 3)
	run := 0
	rapid.Check(t, func(r *rapid.T) {
		run++
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		name, number := fmt.Sprintf("model/%d", run), 0
		count := rapid.IntRange(1, 3).Draw(r, "count")
		var there []party
		open, closed := false, false
		member := func() *membertest.Member { return rapid.SampledFrom(members).Draw(r, "member") }
		passed := func(p *party) {
			select {
			case e := <-p.done:
				if e.err != nil || !e.place.Open || e.place.ID != p.id {
					r.Fatalf("%s: %+v", p.id, e)
				}
				p.done = nil
			case <-ctx.Done():
				r.Fatalf("%s waits at an open barrier", p.id)
			}
		}
		take := func() party {
			i := rapid.IntRange(0, len(there)-1).Draw(r, "who")
			p := there[i]
			there = slices.Delete(there, i, i+1)
			return p
		}
		end := func(p party) {
			if _, err := member().Sessions.Close(ctx, p.session, znode.Owner{}); err != nil {
				r.Fatal(err)
			}
		}
		r.Repeat(map[string]func(*rapid.T){
			"enter": func(*rapid.T) {
				if len(there) > 5 {
					r.Skip()
				}
				if len(there) == 0 {
					open = false // what the dead have left behind opens nothing
				}
				m := member()
				s, err := m.Sessions.Open(ctx, lease.Options{TTL: time.Minute})
				if err != nil {
					r.Fatal(err)
				}
				number++
				p := party{id: fmt.Sprintf("p%d-%d", rapid.IntRange(0, 9).Draw(r, "rank"), number), session: s.Session.ID, done: make(chan entered, 1)}
				begun := make(chan struct{})
				go func() {
					place, err := m.Barriers.Enter(ctx, barrier.Entry{Name: name, ID: p.id, Session: p.session, Count: count, Begins: func() { close(begun) }}, forever)
					p.done <- entered{place, err}
				}()
				there = append(there, p)
				if open = open || len(there) >= count; open {
					for i := range there {
						if there[i].done != nil {
							passed(&there[i])
						}
					}
					return
				}
				select {
				case <-begun:
				case e := <-p.done:
					r.Fatalf("%d of %d have come, and %s passes: %+v", len(there), count, p.id, e)
				}
			},
			"try": func(*rapid.T) {
				if open || len(there)+1 >= count {
					r.Skip()
				}
				_, err := member().Barriers.Enter(ctx, barrier.Entry{Name: name, Count: count}, 0)
				if e, ok := errors.AsType[*barrier.ClosedError](err); !ok || e.Participants != len(there)+1 {
					r.Fatalf("%d of %d have come: %v", len(there), count, err)
				}
			},
			"leave": func(*rapid.T) {
				if len(there) == 0 || !open {
					r.Skip()
				}
				p := take()
				place, err := member().Barriers.Leave(ctx, barrier.Exit{Name: name, ID: p.id, Session: p.session}, 0)
				if err != nil || place.Participants != len(there) {
					r.Fatalf("leave with %d others: %+v, %v", len(there), place, err)
				}
				if len(there) == 0 {
					open = false
				}
				end(p)
			},
			"die": func(*rapid.T) {
				if len(there) == 0 {
					r.Skip()
				}
				p := take()
				end(p)
				if p.done == nil {
					return
				}
				select {
				case e := <-p.done:
					if !errors.Is(e.err, lease.ErrLost) {
						r.Fatalf("entry of the dead: %+v", e)
					}
				case <-ctx.Done():
					r.Fatal("the dead wait")
				}
			},
			"look": func(*rapid.T) {
				g, err := member().Barriers.Gathering(ctx, name, 100, lock.Read{Linearizable: true})
				if err != nil || g.Total != len(there) || g.Open != open {
					r.Fatalf("%+v, %v; want %d there, open: %v", g, err, len(there), open)
				}
			},
			"set": func(*rapid.T) {
				s, err := member().Barriers.Set(ctx, name+"-gate", "", "")
				if err != nil || s.Repeated != closed {
					r.Fatalf("%+v, %v", s, err)
				}
				closed = true
			},
			"remove": func(*rapid.T) {
				s, err := member().Barriers.Remove(ctx, name+"-gate")
				if err != nil || s.Repeated == closed {
					r.Fatalf("%+v, %v", s, err)
				}
				closed = false
			},
			"wait": func(*rapid.T) {
				_, err := member().Barriers.Wait(ctx, name+"-gate", 0, nil)
				if errors.Is(err, barrier.ErrClosed) != closed || err != nil && !closed {
					r.Fatalf("closed %v: %v", closed, err)
				}
			},
		})
		for _, p := range there {
			end(p)
			if p.done != nil {
				<-p.done
			}
		}
	})
}
