package httpapi

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lockkeeper/lockkeeper/lock"
)

var acquired = lock.Event{
	ID: lock.EventID{Revision: 1042, Index: 1}, Kind: lock.EventAcquired, Name: "orders/42",
	Token: 9, Session: 7, Owner: "ann\nb", Time: noon,
}

const acquiredText = "id: 1042-1\nevent: acquired\ndata: " +
	`{"kind":"acquired","name":"orders/42","token":9,"session":"0000000000000007","owner":"ann\nb","time":"2026-03-04T12:00:00.0000005Z","revision":1042}` + "\n\n"

func TestEventsAreStreamed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench()
		a := b.start(t)
		var wg sync.WaitGroup
		ctx, hangUp := context.WithCancel(t.Context())
		rec := inBackground(&wg, a, http.MethodGet, "/v1/events?prefix=ord", ctx)
		b.sub.events <- acquired
		synctest.Wait()
		<-time.After(40 * time.Second) // two heartbeats, in the bubble
		lost := acquired
		lost.ID, lost.Kind, lost.Cause = lock.EventID{Revision: 1043}, lock.EventLost, "expired"
		b.sub.events <- lost
		synctest.Wait()
		hangUp()
		wg.Wait()

		const beat = ": still here\n\n"
		text := rec.Body.String()
		if want := "retry: 1000\n\n" + acquiredText + beat + beat + "id: 1043-0\nevent: lost\n"; !strings.HasPrefix(text, want) {
			t.Errorf("stream = %q; want it to begin with %q", text, want)
		}
		if got := rec.Header().Get("Content-Type"); got != "text/event-stream" || rec.Header().Get("Lockkeeper-Revision") != "99" {
			t.Errorf("header = %v; want an event stream at revision 99", rec.Header())
		}
		req := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/v1/events?prefix=ord", http.NoBody)
		checkAnswer(t, req, "", rec.Code, rec.Header(), rec.Body.Bytes())
		select {
		case <-b.sub.closed:
		default:
			t.Error("the subscription is still open")
		}
		if n := a.streams.Load(); n != 0 {
			t.Errorf("%d streams are open; want 0", n)
		}
	})
}

func TestEventsResume(t *testing.T) {
	tests := []struct {
		name, header, query string
		want                string // after which event
		gone                bool
	}{
		{"from now on", "", "", "", false},
		{"by the header", "7-3", "", "7-3", false},
		{"by the query", "", "?last_event_id=8-0", "8-0", false},
		{"the header is newer", "7-3", "?last_event_id=2-0", "7-3", false},
		{"no longer remembered", "7-3", "", "7-3", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench()
			var asked []string
			b.Subscribe = func(_ string, after *lock.EventID) (Subscription, error) {
				if after == nil {
					asked = append(asked, "")
					return b.sub, nil
				}
				asked = append(asked, after.String())
				if tt.gone {
					return nil, lock.ErrEventsGone
				}
				return b.sub, nil
			}
			b.sub.broken <- errors.New("enough")
			var header []string
			if tt.header != "" {
				header = []string{"Last-Event-ID", tt.header}
			}
			rec := ask(t, b.start(t), http.MethodGet, "/v1/events"+tt.query, "", header...)
			if asked[0] != tt.want {
				t.Errorf("subscribed after %q; want %q", asked[0], tt.want)
			}
			gap := strings.Contains(rec.Body.String(), "event: gap\ndata: {\"kind\":\"gap\",\"after\":\"7-3\",")
			if gap != tt.gone || (tt.gone && (len(asked) != 2 || asked[1] != "")) {
				t.Errorf("stream %q after asking for %q; want a gap: %v", rec.Body, asked, tt.gone)
			}
		})
	}
}

func TestClosingEndsStreams(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench()
		b.Limits.MaxEventStreams = 1
		a := b.start(t)
		var wg sync.WaitGroup
		inBackground(&wg, a, http.MethodGet, "/v1/events", t.Context())
		wantProblem(t, ask(t, a, http.MethodGet, "/v1/events", ""), http.StatusTooManyRequests, "too_many_streams")
		a.end()
		wg.Wait()
		wantProblem(t, ask(t, a, http.MethodGet, "/v1/events", ""), http.StatusServiceUnavailable, "shutting_down")
	})
}

func TestSubscriberKeepsNil(t *testing.T) {
	subscribe := Subscriber(func(string, *lock.EventID) (*fakeSub, error) { return nil, lock.ErrEventsGone })
	if s, err := subscribe("", nil); s != nil || !errors.Is(err, lock.ErrEventsGone) {
		t.Errorf("subscribe = %v, %v; want nil and the error", s, err)
	}
}
