package lock_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/lockkeeper/lockkeeper/internal/membertest"
	"github.com/lockkeeper/lockkeeper/lease"
	"github.com/lockkeeper/lockkeeper/lock"
)

func subscribe(t *testing.T, m *membertest.Member, prefix string, after *lock.EventID) *lock.Subscription {
	t.Helper()
	s, err := m.Locks.Subscribe(prefix, after)
	if err != nil {
		t.Fatalf("subscribe at %s: %v", m.Name(), err)
	}
	t.Cleanup(s.Close)
	return s
}

// events reads n events.
func events(t *testing.T, s *lock.Subscription, n int) (list []lock.Event) {
	t.Helper()
	ctx := patient(t)
	for range n {
		e, err := s.Next(ctx)
		if err != nil {
			t.Fatalf("after %d of %d events: %v", len(list), n, err)
		}
		list = append(list, e)
	}
	return list
}

func TestEvents(t *testing.T) {
	t.Parallel()
	members := membertest.Start(t, 3)
	a, b := members[0], members[1]
	sub, other := subscribe(t, a, "ev/", nil), subscribe(t, b, "ev/", nil)

	h := acquire(t, a, lock.Request{Name: "ev/1", Owner: "me"})
	acquire(t, a, lock.Request{Name: "elsewhere"})
	w := enqueue(t, a, lock.Request{Name: "ev/1"})
	quits := enqueue(t, a, lock.Request{Name: "ev/1"})
	if _, err := a.Locks.Leave(patient(t), quits.Ticket); err != nil {
		t.Fatal(err)
	}
	release(t, a, lock.Release{Name: "ev/1", Session: h.Session})
	if _, err := a.Locks.Release(patient(t), lock.Release{Name: "ev/1", Force: true, Reason: "why"}); err != nil {
		t.Fatal(err)
	}
	acquire(t, a, lock.Request{Name: "ev/2", TTL: lease.MinTTL})

	type told struct {
		Kind          lock.EventKind
		Name          string
		Token         lock.Token
		Owner         string
		Cause, Reason string
	}
	list := events(t, sub, 9)
	var got []told
	for i, e := range list {
		if i < 8 {
			got = append(got, told{e.Kind, e.Name, e.Token, e.Owner, e.Cause, e.Reason})
		}
		if i > 0 && (e.ID.Revision < list[i-1].ID.Revision || e.ID == list[i-1].ID) || e.Time.IsZero() {
			t.Errorf("event %d: %+v after %v", i, e, list[i-1].ID)
		}
	}
	want := []told{
		{lock.EventAcquired, "ev/1", h.Token, "me", "", ""},
		{lock.EventWaiting, "ev/1", w.Token, "", "", ""},
		{lock.EventWaiting, "ev/1", quits.Token, "", "", ""},
		{lock.EventLeft, "ev/1", quits.Token, "", "", ""},
		{lock.EventReleased, "ev/1", h.Token, "me", "", ""},
		{lock.EventAcquired, "ev/1", w.Token, "", "", ""},
		{lock.EventLost, "ev/1", w.Token, "", "forced", "why"},
		{lock.EventAcquired, "ev/2", list[7].Token, "", "", ""},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	if e := list[8]; e.Kind != lock.EventLost || e.Cause != "expired" || e.Token != list[7].Token {
		t.Errorf("the last event: %+v", e)
	}
	if diff := cmp.Diff(list, events(t, other, 9)); diff != "" {
		t.Errorf("at another member (-first +other):\n%s", diff)
	}
	// Resume after each event, at each member, once it is there.
	for _, m := range members {
		if err := m.Store.Sync(patient(t)); err != nil {
			t.Fatal(err)
		}
		for i := range list[:8] {
			resumed := subscribe(t, m, "ev/", &list[i].ID)
			if diff := cmp.Diff(list[i+1:], events(t, resumed, 8-i)); diff != "" {
				t.Errorf("resumed after event %d at %s (-want +got):\n%s", i, m.Name(), diff)
			}
			resumed.Close()
		}
	}
	t.Run("ahead of the member", func(t *testing.T) {
		membertest.CutOff(b)
		last := list[8].ID
		h := acquire(t, membertest.Leader(t, a, members[2]), lock.Request{Name: "ev/3"})
		if err := a.Store.Sync(patient(t)); err != nil {
			t.Fatal(err)
		}
		e := events(t, subscribe(t, a, "ev/", &last), 1)[0]
		behind := subscribe(t, b, "ev/", &e.ID)
		membertest.Heal(b)
		release(t, a, lock.Release{Name: "ev/3", Session: h.Session})
		if got := events(t, behind, 1)[0]; got.Kind != lock.EventReleased {
			t.Errorf("the first event after %v is %+v", e, got)
		}
	})
	t.Run("gone", func(t *testing.T) {
		// Before the first batch there was nothing, so nothing is forgotten either.
		all := subscribe(t, a, "ev/", &lock.EventID{Revision: 1})
		if diff := cmp.Diff(list[:9], events(t, all, 9)); diff != "" {
			t.Errorf("from the cluster's beginning (-want +got):\n%s", diff)
		}
		for _, id := range []lock.EventID{{}, {Revision: 1 << 50}} {
			_, err := a.Locks.Subscribe("", &id)
			is(t, id.String(), err, lock.ErrEventsGone)
		}
		members[2].Restart()
		_, err := members[2].Locks.Subscribe("", &list[0].ID)
		is(t, "after a restart", err, lock.ErrEventsGone)
	})
}

func TestSlowSubscriber(t *testing.T) {
	m := membertest.One(t, func(c *membertest.Config) { c.Lock.EventsKept, c.Lock.Subscribers = 8, 2 })
	slow, fast := subscribe(t, m, "", nil), subscribe(t, m, "", nil)
	_, err := m.Locks.Subscribe("", nil)
	is(t, "over the limit", err, lock.ErrTooManySubscribers)
	var first lock.Event
	for i := range 20 {
		acquire(t, m, lock.Request{Name: fmt.Sprint(i)})
		if e := events(t, fast, 1)[0]; i == 0 {
			first = e
		} else if e.Name != fmt.Sprint(i) {
			t.Errorf("event %d is of %s", i, e.Name)
		}
	}
	_, err = slow.Next(patient(t))
	is(t, "the slow one", err, lock.ErrSlowSubscriber)
	slow.Close()
	_, err = m.Locks.Subscribe("", &first.ID)
	is(t, "resume", err, lock.ErrEventsGone)
	fast.Close()
	fast.Close()
	_, err = fast.Next(patient(t))
	is(t, "after Close", err, lock.ErrSubscriptionEnded)
}

// TestSubscribeUnderLoad resumes subscriptions while the apply loop is busy.
func TestSubscribeUnderLoad(t *testing.T) {
	m := membertest.One(t)
	s := session(t, m)
	h := acquire(t, m, lock.Request{Name: "first", Session: s})
	after := lock.EventID{Revision: h.Revision}
	end := time.Now().Add(time.Second)
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			r := lock.Request{Name: fmt.Sprint("busy", i), Session: s}
			for time.Now().Before(end) && !t.Failed() {
				acquire(t, m, r)
				release(t, m, lock.Release{Name: r.Name, Session: s})
			}
		})
		wg.Go(func() {
			for time.Now().Before(end) {
				sub, err := m.Locks.Subscribe("", &after)
				if errors.Is(err, lock.ErrEventsGone) {
					return
				}
				if err != nil {
					t.Error(err)
					return
				}
				if _, err := sub.Next(patient(t)); err != nil && !errors.Is(err, lock.ErrSlowSubscriber) {
					t.Error(err)
				}
				sub.Close()
			}
		})
	}
	wg.Wait()
}

func TestMetrics(t *testing.T) {
	t.Parallel()
	m := membertest.One(t)
	r := prometheus.NewPedanticRegistry()
	m.Locks.Register(r)
	h := acquire(t, m, lock.Request{Name: "m"})
	done := make(chan struct{})
	go func() {
		defer close(done)
		if _, err := m.Locks.Acquire(patient(t), lock.Request{Name: "m"}, forever); err != nil {
			t.Error(err)
		}
	}()
	length(t, m, "m", 2)
	release(t, m, lock.Release{Name: "m", Session: h.Session})
	<-done
	if _, err := m.Locks.Release(patient(t), lock.Release{Name: "m", Force: true}); err != nil {
		t.Fatal(err)
	}
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	counts := map[string]uint64{}
	for _, f := range families {
		if hist := f.GetMetric()[0].GetHistogram(); hist != nil {
			counts[f.GetName()] = hist.GetSampleCount()
		} else {
			counts[f.GetName()] = uint64(f.GetMetric()[0].GetCounter().GetValue())
		}
	}
	for name, want := range map[string]uint64{
		"lockkeeper_lock_wait_seconds": 2, "lockkeeper_lock_hold_seconds": 2, "lockkeeper_lock_hand_over_seconds": 1,
		"lockkeeper_lock_queue_length": 2, "lockkeeper_lock_lost_total": 1,
	} {
		if counts[name] != want {
			t.Errorf("%s counted %d; want %d", name, counts[name], want)
		}
	}
	problems, err := testutil.GatherAndLint(r)
	if err != nil || len(problems) > 0 {
		t.Errorf("lint: %v, %v", problems, err)
	}
}
