package sdk

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lockkeeper/lockkeeper/httpapi/wire"
)

// leading returns a term of a cluster that answers hand-overs and proclamations by answer; nil swallows the
// answer.
func leading(t *testing.T, answer func(times int) *wire.Frame) (*fakeCluster, *Term) {
	t.Helper()
	f := newFakeCluster(fakeTTL)
	times := 0
	f.after = func(s *fakeStream, r *wire.Frame) bool {
		switch r.Kind {
		case wire.Campaign:
			s.sendLocked(&wire.Frame{Kind: wire.OK, ID: r.ID, State: wire.Held, Token: 7})
		case wire.HandOver, wire.Proclaim:
			times++
			if a := answer(times); a != nil {
				a.ID = r.ID
				s.sendLocked(a)
			}
		case wire.Release:
			s.sendLocked(&wire.Frame{Kind: wire.OK, ID: r.ID})
		default:
			return true
		}
		return false
	}
	term, err := f.client(t).Election("e").Campaign(t.Context(), "me")
	if err != nil {
		t.Fatal(err)
	}
	return f, term
}

// TestWhatBecameOfATerm: the error of a hand-over, or of a proclamation, says that the outcome is not known
// where it is not, and what it is where it is.
func TestWhatBecameOfATerm(t *testing.T) {
	refusal := func(code string) *wire.Frame { return &wire.Frame{Kind: wire.Error, Code: code} }
	for _, tt := range []struct {
		name    string
		answer  func(times int) *wire.Frame
		cut     bool // the stream, before the answer
		close   bool // the client, before the answer
		want    error
		unknown bool
	}{
		{name: "refused", answer: func(int) *wire.Frame { return refusal(wire.CodeNoCandidate) }, want: ErrNoCandidate},
		{name: "not held", answer: func(int) *wire.Frame { return refusal(wire.CodeNotHeld) }, want: ErrNotHeld},
		{
			name: "refused for now, and then for good",
			answer: func(times int) *wire.Frame {
				if times == 1 {
					return refusal(wire.CodeUnavailable)
				}
				return refusal(wire.CodeNoCandidate)
			},
			want: ErrNoCandidate,
		},
		{
			name: "not known, and then refused",
			answer: func(times int) *wire.Frame {
				if times == 1 {
					return refusal(wire.CodeUncertain)
				}
				return refusal(wire.CodeNoCandidate)
			},
			want: ErrNoCandidate, unknown: true,
		},
		{
			name: "the stream breaks, and then refused", cut: true,
			answer: func(times int) *wire.Frame {
				if times == 1 {
					return nil
				}
				return refusal(wire.CodeNotHeld)
			},
			want: ErrNotHeld, unknown: true,
		},
		{name: "the client is closed", close: true, answer: func(int) *wire.Frame { return nil }, want: ErrClosed, unknown: true},
	} {
		for _, do := range []struct {
			name string
			ask  func(ctx context.Context, term *Term) error
		}{
			{"HandOver", func(ctx context.Context, term *Term) error { return term.HandOver(ctx, 9) }},
			{"Proclaim", func(ctx context.Context, term *Term) error { return term.Proclaim(ctx, "else") }},
		} {
			t.Run(do.name+" "+tt.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					f, term := leading(t, tt.answer)
					done := make(chan error, 1)
					go func() { done <- do.ask(t.Context(), term) }()
					synctest.Wait()
					if tt.cut {
						f.cut()
					}
					if tt.close {
						term.hold.session.client.stop()
					}
					err := <-done
					if !errors.Is(err, tt.want) || errors.Is(err, ErrUncertain) != tt.unknown {
						t.Errorf("%s = %v; want %v, unknown: %v", do.name, err, tt.want, tt.unknown)
					}
				})
			})
		}
	}
}

// A session that ends while a hand-over is under way leaves open what came first.
func TestAHandOverOfALostSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, term := leading(t, func(int) *wire.Frame { return nil })
		done := make(chan error, 1)
		go func() { done <- term.HandOver(t.Context(), 9) }()
		time.Sleep(time.Second)
		f.end(true)
		err := <-done
		wantError(t, "HandOver", err, ErrUncertain)
		wantError(t, "HandOver", err, ErrSessionLost)
	})
}
