package record

import "github.com/lockkeeper/lockkeeper/znode"

// A MessageKind says which part of a [Message] counts. The zero MessageKind is no message.
type MessageKind uint8

// The kinds of messages.
const (
	HelloKind   MessageKind = iota + 1 // Message.Hello, from the member, once, first
	WelcomeKind                        // Message.Welcome, from the writer, once, first
	ForwardKind                        // Message.Forward, from the member
	ConfirmKind                        // Message.Confirm, from the writer
)

// A Message is what goes over the forwarding stream between a member and the writer. Only the
// part that Kind names is sent.
type Message struct {
	Kind    MessageKind
	Hello   Hello
	Welcome Welcome
	Forward Forward
	Confirm Confirm
}

// A Hello opens a stream.
type Hello struct {
	Member      uint64
	Incarnation uint64 // never used before by that member
}

// A Welcome answers a Hello once the writer serves and has nothing of that member in flight.
type Welcome struct {
	Epoch    uint64 // that the stream lives under
	Revision int64  // of the writer's tree; the member waits for it before it sends again
}

// A Forward carries a round of touches and, after them, requests in order. Either may be empty.
type Forward struct {
	Requests []znode.Request
	Touch    Touch
}

// A Touch is a round: the sessions heard from since the one before. The order of the sessions
// means nothing, but is kept; in ascending order they take the least room.
type Touch struct {
	Round    uint64 // 0: no round
	Sessions []znode.SessionID
}

// A Confirm tells that a round's touches count, but for those of the sessions dropped.
type Confirm struct {
	Round   uint64
	Dropped []znode.SessionID
}

// AppendMessage appends a message: a version byte, a kind byte, and the part that the kind
// names. A message of an unknown kind does not decode.
func AppendMessage(dst []byte, m *Message) []byte {
	dst = append(dst, Version, byte(m.Kind))
	switch m.Kind {
	case HelloKind:
		dst = appendFixed64(dst, m.Hello.Member)
		dst = appendInt64(dst, int64(m.Hello.Incarnation))
	case WelcomeKind:
		dst = appendInt64(dst, int64(m.Welcome.Epoch))
		dst = appendInt64(dst, m.Welcome.Revision)
	case ForwardKind:
		dst = appendInt64(dst, int64(m.Forward.Touch.Round))
		dst = appendSessionIDs(dst, m.Forward.Touch.Sessions)
		dst = appendRequests(dst, m.Forward.Requests)
	case ConfirmKind:
		dst = appendInt64(dst, int64(m.Confirm.Round))
		dst = appendSessionIDs(dst, m.Confirm.Dropped)
	}
	return dst
}

// DecodeMessage reads a message. The data of its requests aliases b; their strings share one
// copy of b, which is meant for requests that are soon answered and forgotten.
func DecodeMessage(b []byte) (Message, error) {
	r := open("message", b)
	m := Message{Kind: MessageKind(r.byte())}
	switch m.Kind {
	case HelloKind:
		m.Hello = Hello{Member: r.fixed64(), Incarnation: r.uvarint()}
	case WelcomeKind:
		m.Welcome = Welcome{Epoch: r.uvarint(), Revision: r.int64()}
	case ForwardKind:
		m.Forward.Touch = Touch{Round: r.uvarint(), Sessions: r.sessionIDs()}
		m.Forward.Requests = r.requests()
	case ConfirmKind:
		m.Confirm = Confirm{Round: r.uvarint(), Dropped: r.sessionIDs()}
	default:
		r.fail("unknown kind")
	}
	if err := r.close(); err != nil {
		return Message{}, err
	}
	return m, nil
}

// appendSessionIDs appends a list of sessions, each as the distance from the one before.
func appendSessionIDs(dst []byte, ids []znode.SessionID) []byte {
	dst = appendCount(dst, len(ids))
	var last znode.SessionID
	for _, id := range ids {
		dst = appendDelta(dst, int64(id-last))
		last = id
	}
	return dst
}

// sessionIDs takes a list of sessions, nil when it is empty.
func (r *reader) sessionIDs() []znode.SessionID {
	n := r.count(1)
	if n == 0 {
		return nil
	}
	ids := make([]znode.SessionID, n)
	var last znode.SessionID
	for i := range ids {
		last += znode.SessionID(r.delta())
		ids[i] = last
	}
	return ids
}
