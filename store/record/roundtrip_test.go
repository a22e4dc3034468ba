package record

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/lockkeeper/lockkeeper/znode"
)

func TestRoundTrip(t *testing.T) {
	t.Run("content", func(t *testing.T) { roundTrip(t, contents) })
	t.Run("counters", func(t *testing.T) { roundTrip(t, counters) })
	t.Run("session", func(t *testing.T) { roundTrip(t, sessions) })
	t.Run("fence", func(t *testing.T) { roundTrip(t, fences) })
	t.Run("epoch", func(t *testing.T) { roundTrip(t, epochs) })
	t.Run("guard", func(t *testing.T) { roundTrip(t, guards) })
	t.Run("identity", func(t *testing.T) { roundTrip(t, identity) })
	t.Run("card", func(t *testing.T) { roundTrip(t, cards) })
	t.Run("batch", func(t *testing.T) { roundTrip(t, batches) })
}

func roundTrip[T any](t *testing.T, c codec[T]) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) { c.check(t, drawn[T]().Draw(t, c.name)) })
}

func TestRoundTripMessage(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) { messages.check(t, drawnMessage(t)) })
}

// drawnMessage draws a message with nothing in the parts that its kind does not name.
func drawnMessage(t *rapid.T) Message {
	m := Message{Kind: rapid.SampledFrom(upTo(HelloKind, ConfirmKind)).Draw(t, "kind")}
	switch m.Kind {
	case HelloKind:
		m.Hello = drawn[Hello]().Draw(t, "hello")
	case WelcomeKind:
		m.Welcome = drawn[Welcome]().Draw(t, "welcome")
	case ForwardKind:
		m.Forward = drawn[Forward]().Draw(t, "forward")
	case ConfirmKind:
		m.Confirm = drawn[Confirm]().Draw(t, "confirm")
	}
	return m
}

// TestRoundTripOrigins sends more members through one batch than a trail has slots for.
func TestRoundTripOrigins(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var b Batch
		for range rapid.IntRange(0, 200).Draw(t, "entries") {
			b.Changes = append(b.Changes, znode.Change{Kind: znode.Answered, Request: znode.RequestID{
				Member:      rapid.Uint64Range(0, 20).Draw(t, "member"),
				Incarnation: rapid.Uint64Range(0, 1).Draw(t, "incarnation"),
				Number:      rapid.Uint64Range(0, 3).Draw(t, "number"),
			}})
		}
		batches.check(t, b)
	})
}

// TestCut cuts any value anywhere; golden cuts its samples at every byte.
func TestCut(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cut(t, contents, drawn[znode.Content]().Draw(t, "content"))
		cut(t, sessions, drawn[znode.Session]().Draw(t, "session"))
		cut(t, cards, drawn[Card]().Draw(t, "card"))
		cut(t, batches, drawn[Batch]().Draw(t, "batch"))
		cut(t, messages, drawnMessage(t))
	})
}

func cut[T any](t *rapid.T, c codec[T], v T) {
	b := c.append(nil, v)
	c.checkCorrupt(t, b[:rapid.IntRange(0, len(b)-1).Draw(t, "cut")])
}

// The zero value of every record has an encoding.
func TestZero(t *testing.T) {
	contents.check(t, znode.Content{})
	counters.check(t, znode.Counters{})
	sessions.check(t, znode.Session{})
	fences.check(t, 0)
	epochs.check(t, Epoch{})
	guards.check(t, Guard{})
	identity.check(t, Identity{})
	cards.check(t, Card{})
	batches.check(t, Batch{})
	messages.check(t, Message{Kind: HelloKind})
	messages.check(t, Message{Kind: ForwardKind})
}
