package election_test

import (
	"errors"
	"testing"
	"time"

	"github.com/lockkeeper/lockkeeper/election"
	"github.com/lockkeeper/lockkeeper/internal/membertest"
	"github.com/lockkeeper/lockkeeper/lease"
	"github.com/lockkeeper/lockkeeper/lock"
	"github.com/lockkeeper/lockkeeper/znode"
)

func handOver(t testing.TB, m *membertest.Member, s lease.ID, token, to lock.Token) (lock.Done, error) {
	t.Helper()
	return m.Elections.HandOver(patient(t), election.HandOver{Name: "n", Session: s, Token: token, Candidate: to})
}

// TestHandOver: the candidate leads past the others, whichever member it waits at and however it
// waits, and finds its term by what it has in hand.
func TestHandOver(t *testing.T) {
	members := membertest.Start(t, 3)
	for _, compat := range []lock.Compat{lock.CompatCurator, lock.CompatAll, lock.CompatLatch} {
		t.Run("compat "+string(compat), func(t *testing.T) {
			at := members[0]
			a, b, c := session(t, at), session(t, members[1]), session(t, members[2])
			request := func(s lease.ID, value string) lock.Request {
				r := candidate("n", s, value, 0)
				r.Compat, r.RequestID = compat, value+string(compat)
				return r
			}
			first := lead(t, at, request(a, "a"))
			second := follow(t, members[1], request(b, "b"))
			third := follow(t, members[2], request(c, "c"))
			behind, ahead := awaits(t, members[1], second.Ticket), awaits(t, members[2], third.Ticket)

			done, err := handOver(t, at, a, first.Token, third.Token)
			if err != nil || done.Token <= third.Token || done.Repeated {
				t.Fatalf("hand over = %+v, %v", done, err)
			}
			led := membertest.Receive(t, "the one ahead", ahead)
			if led.State != lock.Held || led.Token != done.Token || led.Value != "c" || led.Session != c {
				t.Errorf("the candidate has %+v; want the token %d", led, done.Token)
			}
			again, err := handOver(t, at, a, first.Token, third.Token)
			if err != nil || again.Token != done.Token || !again.Repeated {
				t.Errorf("repeated = %+v, %v", again, err)
			}
			if got := candidates(t, at, "n"); len(got) != 2 || got[0].Value != "c" || got[1].Value != "b" {
				t.Errorf("candidates %+v", got)
			}
			repeated, err := members[1].Elections.Campaign(patient(t), request(c, "c"), 0)
			if err != nil || !repeated.Repeated || repeated.Token != done.Token {
				t.Errorf("the candidate's request again = %+v, %v", repeated, err)
			}
			if _, err := members[2].Locks.Leave(patient(t), third.Ticket); err != nil {
				t.Errorf("resign by the old ticket: %v", err)
			}
			if led := membertest.Receive(t, "the one behind", behind); led.Token <= done.Token || led.State != lock.Held {
				t.Errorf("the next in line has %+v", led)
			}
			if _, err := members[1].Locks.Release(patient(t), lock.Release{Name: "n", Session: b}); err != nil {
				t.Errorf("resign: %v", err)
			}
		})
	}
}

// TestMovedLeaves: whoever gave up waiting just then leaves nothing behind.
func TestMovedLeaves(t *testing.T) {
	m := membertest.One(t)
	a, b := session(t, m), session(t, m)
	first := lead(t, m, candidate("n", a, "a", 0))
	second := follow(t, m, candidate("n", b, "b", 0))
	if _, err := handOver(t, m, a, first.Token, second.Token); err != nil {
		t.Fatal(err)
	}
	// By the token that it had when it waited.
	if d, err := m.Locks.Release(patient(t), lock.Release{Name: "n", Session: b, Token: second.Token}); err != nil {
		t.Errorf("resign by the old token: %+v, %v", d, err)
	}
	if got := candidates(t, m, "n"); len(got) != 0 {
		t.Errorf("left: %+v", got)
	}
}

// TestHandOverMeetsTimeout: a wait that ends while its contender is moved either leads or leaves.
func TestHandOverMeetsTimeout(t *testing.T) {
	m := membertest.One(t)
	for range 20 {
		a, b := session(t, m), session(t, m)
		first := lead(t, m, candidate("n", a, "a", 0))
		waited := make(chan error, 1)
		go func() {
			_, err := m.Elections.Campaign(patient(t), candidate("n", b, "b", 0), 10*time.Millisecond)
			waited <- err
		}()
		for token := lock.Token(0); ; {
			if token == 0 {
				if got := candidates(t, m, "n"); len(got) == 2 {
					token = got[1].Token
				}
			}
			select {
			case err := <-waited:
				if err != nil {
					waitGone(t, m, b)
				}
			default:
				if token != 0 {
					_, _ = handOver(t, m, a, first.Token, token)
				}
				continue
			}
			break
		}
		for _, s := range []lease.ID{a, b} {
			if _, err := m.Sessions.Close(patient(t), s, znode.Owner{}); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// waitGone waits until a session has no contender.
func waitGone(t testing.TB, m *membertest.Member, s lease.ID) {
	t.Helper()
	if _, list, _ := m.Locks.Of(s, 10); len(list) != 0 {
		t.Errorf("a campaign that timed out has left %+v", list)
	}
}

func TestHandOverIsRefused(t *testing.T) {
	m := membertest.One(t)
	a, b := session(t, m), session(t, m)
	first := lead(t, m, candidate("n", a, "a", 0))
	second := follow(t, m, candidate("n", b, "b", 0))
	z, err := m.Sessions.Open(patient(t), lease.Options{Labels: map[string]string{"door": "zookeeper"}})
	if err != nil {
		t.Fatal(err)
	}
	foreign := follow(t, m, candidate("n", z.Session.ID, "z", 0))

	_, err = handOver(t, m, a, first.Token, 0)
	membertest.BadInput(t, err, "candidate")
	_, err = handOver(t, m, 0, first.Token, second.Token)
	membertest.BadInput(t, err, "session")
	_, err = handOver(t, m, a, first.Token, foreign.Token)
	membertest.BadInput(t, err, "candidate")
	_, err = handOver(t, m, a, first.Token, second.Token) // past nobody, but a client of ZooKeeper waits
	membertest.BadInput(t, err, "candidate")
	_, err = handOver(t, m, a, first.Token, first.Token)
	membertest.BadInput(t, err, "candidate")
	if _, err = handOver(t, m, a, first.Token, second.Token+1_000_000); !errors.Is(err, election.ErrNoCandidate) {
		t.Errorf("to nobody: %v", err)
	}
	if _, err = handOver(t, m, b, second.Token, first.Token); !errors.Is(err, lock.ErrNotHeld) {
		t.Errorf("by one that waits: %v", err)
	}
	if _, err = handOver(t, m, b, first.Token, second.Token); !errors.Is(err, lock.ErrNotHeld) {
		t.Errorf("by another session: %v", err)
	}
	if got := candidates(t, m, "n"); len(got) != 3 || got[0].Token != first.Token {
		t.Errorf("candidates %+v", got)
	}
}

// TestOneShotHandsOver: a session that was made for a term ends with it.
func TestOneShotHandsOver(t *testing.T) {
	m := membertest.One(t)
	first := lead(t, m, candidate("n", 0, "a", 0))
	second := follow(t, m, candidate("n", session(t, m), "b", 0))
	if _, err := handOver(t, m, first.Session, first.Token, second.Token); err != nil {
		t.Fatal(err)
	}
	ctx := patient(t)
	for {
		if _, _, open := m.Sessions.Look(first.Session); !open {
			break
		}
		if ctx.Err() != nil {
			t.Fatal("its session goes on")
		}
		if err := m.Store.Sync(ctx); err != nil {
			t.Fatal(err)
		}
	}
	if done, err := handOver(t, m, first.Session, first.Token, second.Token); err != nil || !done.Repeated {
		t.Errorf("repeated = %+v, %v", done, err)
	}
}
