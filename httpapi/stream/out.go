package stream

import (
	"context"
	"runtime"
	"time"

	"github.com/coder/websocket"

	"github.com/lockkeeper/lockkeeper/httpapi/wire"
)

// An outbox is what a stream has not sent yet. Guarded by the stream's mutex.
type outbox struct {
	full   [][]byte // messages that are as long as they may be
	open   []byte   // the one that frames are appended to
	unsent int      // bytes in both, and in the message that is leaving
	woken  bool     // the writer knows that there is something
	room   chan struct{}
}

// keptMessage is the size up to which a message's memory is used again.
const keptMessage = 64 << 10

// sendLocked queues an encoded frame. It never blocks: a client that does not read is cut.
func (s *stream) sendLocked(frame []byte) {
	o := &s.out
	if len(frame) == 0 || s.over || s.closing != nil && s.closing.sent {
		return
	}
	if len(o.open) > 0 && len(o.open)+len(frame) > s.door.limits.MaxFrameBytes {
		o.full = append(o.full, o.open)
		o.open = nil
	}
	o.open = append(o.open, frame...)
	if o.unsent += len(frame); o.unsent > s.door.limits.MaxUnsentBytes {
		s.closeLocked(wire.CloseSlowReader, "too much is not read")
		if s.net != nil {
			_ = s.net.SetWriteDeadline(time.Now()) // the message that is leaving has had its chance
		}
		return
	}
	s.wakeLocked()
}

// pushFrameLocked queues a frame that is about no request.
func (s *stream) pushFrameLocked(f *wire.Frame) {
	s.scratch = wire.AppendFrame(s.scratch[:0], f)
	s.sendLocked(s.scratch)
}

// awaitLarge waits until the client has read enough to be sent one more answer that may fill a
// message. So a few bytes that ask for much cost the member no more than is read. Meanwhile the
// request takes no place from others: those of deaf clients would soon have them all.
func (s *stream) awaitLarge(j *job) error {
	s.mu.Lock()
	if j.place != nil {
		j.place.leave()
		j.place = nil
	}
	s.mu.Unlock()
	select {
	case s.large <- struct{}{}:
		j.large = true
		return s.awaitRoom(j)
	case <-j.Done():
		return j.Err()
	}
}

// awaitRoom waits until the client has left no more unread than half of what it may.
func (s *stream) awaitRoom(ctx context.Context) error {
	for {
		s.mu.Lock()
		var room chan struct{}
		if s.out.unsent > s.door.limits.MaxUnsentBytes/2 {
			if s.out.room == nil {
				s.out.room = make(chan struct{})
			}
			room = s.out.room
		}
		s.mu.Unlock()
		if room == nil {
			return nil
		}
		select {
		case <-room:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

func (s *stream) wakeLocked() {
	if s.out.woken {
		return
	}
	s.out.woken = true
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// takeLocked returns the next message, nil where there is none.
func (o *outbox) takeLocked(spare []byte) (message []byte) {
	switch {
	case len(o.full) > 0:
		message = o.full[0]
		o.full[0] = nil
		if o.full = o.full[1:]; len(o.full) == 0 {
			o.full = nil
		}
	case len(o.open) > 0:
		message, o.open = o.open, spare
	}
	return message
}

// write is the stream's one writer, and its clock. It ends when the stream is over.
func (s *stream) write() {
	tick := time.NewTicker(tickEvery)
	defer tick.Stop()
	for {
		select {
		case <-s.wake:
			// Let those run first who are about to answer too: their answers leave in one go.
			runtime.Gosched()
			if !s.flush() {
				return
			}
		case <-tick.C:
			s.tick()
		case <-s.gone:
			return
		}
	}
}

// flush sends what is queued, and then closes the connection if that is asked for. It reports
// whether the connection is still there.
func (s *stream) flush() bool {
	for {
		s.mu.Lock()
		message := s.out.takeLocked(s.kept)
		s.kept = nil
		if message == nil {
			s.out.woken = false
			closing := s.closing
			if closing != nil {
				closing.sent = true
			}
			s.mu.Unlock()
			if closing != nil {
				s.shake(closing)
			}
			return closing == nil
		}
		s.mu.Unlock()
		err := s.send(message)
		s.mu.Lock()
		s.out.unsent -= len(message)
		if cap(message) <= keptMessage {
			s.kept = message[:0]
		}
		if s.out.room != nil {
			close(s.out.room)
			s.out.room = nil
		}
		if err != nil && s.closing == nil {
			s.closing = &closing{code: wire.CloseSlowReader, reason: err.Error()}
		}
		s.mu.Unlock()
		if err != nil {
			s.cut()
			return false
		}
	}
}

// send writes one message, which has WriteTimeout to leave.
func (s *stream) send(message []byte) error {
	_ = s.net.SetWriteDeadline(time.Now().Add(s.door.limits.WriteTimeout))
	err := s.conn.Write(context.Background(), websocket.MessageBinary, message)
	// The answer to a ping, and a close, may come long after.
	_ = s.net.SetWriteDeadline(time.Time{})
	s.door.meters.sent(len(message))
	return err
}
