package store

import (
	"time"

	"github.com/lockkeeper/lockkeeper/store/record"
)

// A stream is one member's forwarding stream, as the writer sees it. It lives under one epoch.
type stream struct {
	member, incarnation uint64
	opened              bool // its opening has been answered
}

// open asks for a stream. The answer, in time, is a Welcome, or the stream's end.
func (w *writer) open(now time.Duration, id streamID, member, incarnation uint64) {
	if !w.leading {
		w.act(action{kind: actEnd, stream: id})
		return
	}
	w.streams[id] = &stream{member: member, incarnation: incarnation}
	if old, ok := w.newest[member]; ok && !w.out.TakeOldStreams {
		w.drop(old)
	}
	w.newest[member] = id
	w.step(now)
	w.answerOpenings()
}

// answerOpenings welcomes the newest stream of each member that has nothing on its way through
// the log: only then is everything that the member sent before either in the log or gone.
func (w *writer) answerOpenings() {
	if !w.serving && !w.out.OpenUnserving {
		return
	}
	for member, id := range w.newest {
		s := w.streams[id]
		if s == nil || s.opened || w.inFlight(member) {
			continue
		}
		if !w.out.KeepOldQueue {
			w.dropQueued(member, id)
		}
		s.opened = true
		w.act(action{kind: actSend, stream: id, message: record.Message{
			Kind:    record.WelcomeKind,
			Welcome: record.Welcome{Epoch: w.put, Revision: w.rep.position().Revision},
		}})
	}
}

func (w *writer) inFlight(member uint64) bool {
	if w.out.OpenInFlight {
		return false
	}
	for _, f := range w.flights {
		for i := range f.items {
			if f.items[i].member == member {
				return true
			}
		}
	}
	return false
}

func (w *writer) dropQueued(member uint64, but streamID) {
	kept := w.queue[:0]
	for _, q := range w.queue {
		if q.member != member || q.stream == but {
			kept = append(kept, q)
		}
	}
	clear(w.queue[len(kept):])
	w.queue = kept
}

// receive takes a message of a stream. What comes over a stream that is not its member's
// newest, or was not welcomed, is dropped: the member sends it again over the newest.
func (w *writer) receive(now time.Duration, id streamID, m *record.Forward) {
	s := w.streams[id]
	if s == nil || !s.opened || !w.serving && !w.out.OpenUnserving {
		return
	}
	if w.newest[s.member] != id && !w.out.TakeOldStreams {
		return
	}
	if m.Touch.Round != 0 {
		w.touch(now, id, &m.Touch)
	}
	for i := range m.Requests {
		w.queue = append(w.queue, queued{stream: id, member: s.member, request: &m.Requests[i]})
	}
	w.step(now)
}

// closed tells that a stream has ended.
func (w *writer) closed(id streamID) {
	s := w.streams[id]
	delete(w.streams, id)
	if s != nil && w.newest[s.member] == id {
		delete(w.newest, s.member)
		if !w.out.KeepOldQueue {
			w.dropQueued(s.member, 0)
		}
	}
}

func (w *writer) drop(id streamID) {
	delete(w.streams, id)
	w.act(action{kind: actEnd, stream: id})
}

// endStreams ends every stream: its members open new ones, to whoever serves then.
func (w *writer) endStreams() {
	for id := range w.streams {
		w.drop(id)
	}
	clear(w.newest)
}
