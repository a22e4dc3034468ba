package wire

import (
	"bytes"
	"fmt"
	"io"
)

// What one frame may count, so that a small message cannot ask for much memory.
const (
	MaxContenders = 1 << 12
	MaxSessions   = 1 << 16 // listed in a Touch
	MaxLost       = 1 << 16
	MaxPairs      = 1 << 10 // labels, and metadata
	MaxEndpoints  = 1 << 10
	MaxNames      = 1 << 12
	MaxLinks      = 1 << 12
)

// A Decoder takes a batch apart, frame by frame. It keeps the batch's bytes, which must not change
// until it has reached the end; the frames do not. The zero Decoder is at the end of an empty
// batch. It is for one goroutine.
type Decoder struct {
	rest []byte
}

// NewDecoder returns a Decoder of batch, the bytes of one WebSocket message.
func NewDecoder(batch []byte) Decoder { return Decoder{rest: batch} }

// Next puts the next frame into f, over whatever was there. It returns [io.EOF] at the end of the
// batch, and a [*FormatError] where the bytes are no batch: nothing after them can be understood.
// Fields that are not known are left aside; of a field that stands there twice the last counts.
func (d *Decoder) Next(f *Frame) error {
	for len(d.rest) > 0 {
		r := reader{b: d.rest}
		field, wireType := r.tag()
		if r.err != nil || field != batchFrames || wireType != typeBytes {
			r.skip(wireType)
			if r.err != nil {
				return d.fail("batch", field, r.err)
			}
			d.rest = r.b
			continue
		}
		body := r.bytes()
		if r.err != nil {
			return d.fail("batch", field, r.err)
		}
		d.rest = r.b
		f.Reset()
		if field, err := f.decode(body); err != nil {
			return d.fail("frame", field, err)
		}
		return nil
	}
	return io.EOF
}

// fail ends the decoding.
func (d *Decoder) fail(message string, field int, err error) error {
	d.rest = nil
	return &FormatError{Message: message, Field: field, Err: err}
}

// A FormatError says where bytes are not what stream.proto says. Its Err is one of this package's
// sentinels.
type FormatError struct {
	Message string // "batch" or "frame"
	Field   int    // its number, 0 where not even that could be read
	Err     error
}

func (e *FormatError) Error() string {
	return fmt.Sprintf("field %d of a %s: %v", e.Field, e.Message, e.Err)
}

// Unwrap returns Err.
func (e *FormatError) Unwrap() error { return e.Err }

// decode reads a frame's bytes into f, which is zero. With an error it returns the field.
func (f *Frame) decode(body []byte) (int, error) {
	r := reader{b: body}
	for len(r.b) > 0 {
		field, wireType := r.tag()
		if r.err == nil && !f.decodeRequest(&r, field, wireType) && !f.decodeAnswer(&r, field, wireType) && !f.decodeMore(&r, field, wireType) {
			r.skip(wireType)
		}
		if r.err != nil {
			return field, r.err
		}
	}
	return 0, nil
}

// decodeRequest reads one field of those that requests have, and reports whether it was one.
func (f *Frame) decodeRequest(r *reader, field, wireType int) bool {
	switch key(field, wireType) {
	case key(frameKind, typeVarint):
		f.Kind = Kind(r.varint())
	case key(frameID, typeVarint):
		f.ID = r.varint()
	case key(frameSession, typeFixed64):
		f.Session = r.fixed64()
	case key(frameName, typeBytes):
		f.Name = r.text()
	case key(frameToken, typeVarint):
		f.Token = int64(r.varint())
	case key(frameRequestID, typeBytes):
		f.RequestID = r.text()
	case key(frameWaitMS, typeVarint):
		f.WaitMS = int64(r.varint())
	case key(frameTTLMS, typeVarint):
		f.TTLMS = int64(r.varint())
	case key(frameOwner, typeBytes):
		f.Owner = r.text()
	case key(frameReason, typeBytes):
		f.Reason = r.text()
	case key(frameLabels, typeBytes):
		r.pair(&f.Labels)
	case key(frameMetadata, typeBytes):
		r.pair(&f.Metadata)
	case key(frameTicket, typeBytes):
		f.Ticket = r.text()
	case key(frameForce, typeVarint):
		f.Force = r.varint() != 0
	case key(frameTarget, typeVarint):
		f.Target = r.varint()
	case key(frameLimit, typeVarint):
		f.Limit = int64(r.varint())
	case key(frameSessions, typeBytes):
		f.Sessions = r.allFixed64(f.Sessions)
	case key(frameSessions, typeFixed64): // not packed, which a reader must take too
		f.Sessions = within(r, append(f.Sessions, r.fixed64()), MaxSessions)
	case key(frameClient, typeBytes):
		f.Client = r.text()
	case key(frameAfter, typeBytes):
		f.After = r.text()
	case key(frameCompat, typeBytes):
		f.Compat = r.text()
	case key(frameMode, typeBytes):
		f.Mode = r.text()
	case key(frameNames, typeBytes):
		f.Names = within(r, append(f.Names, r.text()), MaxNames)
	case key(frameReentrant, typeVarint):
		f.Reentrant = r.varint() != 0
	case key(frameLockDelayMS, typeVarint):
		f.LockDelayMS = int64(r.varint())
	case key(frameDeadlock, typeBytes):
		f.Deadlock = r.text()
	case key(frameValue, typeBytes):
		f.Value = r.text()
	case key(framePriority, typeVarint):
		f.Priority = int64(r.varint())
	case key(frameCandidate, typeVarint):
		f.Candidate = int64(r.varint())
	default:
		return false
	}
	return true
}

// decodeAnswer reads one field of those that answers and pushes have besides, and reports whether
// it was one.
func (f *Frame) decodeAnswer(r *reader, field, wireType int) bool {
	switch key(field, wireType) {
	case key(frameState, typeVarint):
		f.State = State(r.varint())
	case key(frameRevision, typeVarint):
		f.Revision = int64(r.varint())
	case key(frameRepeatedRequest, typeVarint):
		f.RepeatedRequest = r.varint() != 0
	case key(framePosition, typeVarint):
		f.Position = int64(r.varint())
	case key(frameSinceMS, typeVarint):
		f.SinceMS = int64(r.varint())
	case key(frameContenders, typeBytes):
		f.Contenders = within(r, append(f.Contenders, r.contender()), MaxContenders)
	case key(frameTotal, typeVarint):
		f.Total = int64(r.varint())
	case key(frameCause, typeBytes):
		f.Cause = r.text()
	case key(frameEvent, typeBytes):
		f.Event = r.text()
	case key(frameTimeMS, typeVarint):
		f.TimeMS = int64(r.varint())
	case key(frameLost, typeBytes):
		f.Lost = within(r, append(f.Lost, r.lost()), MaxLost)
	case key(framePermits, typeVarint):
		f.Permits = int64(r.varint())
	case key(framePermitLimit, typeVarint):
		f.PermitLimit = int64(r.varint())
	case key(frameInUse, typeVarint):
		f.InUse = int64(r.varint())
	case key(frameWaiters, typeVarint):
		f.Waiters = int64(r.varint())
	case key(frameCode, typeBytes):
		f.Code = r.text()
	case key(frameMessage, typeBytes):
		f.Message = r.text()
	case key(frameField, typeBytes):
		f.Field = r.text()
	case key(frameFix, typeBytes):
		f.Fix = r.text()
	case key(frameHighest, typeVarint):
		f.Highest = int64(r.varint())
	case key(frameRetryMS, typeVarint):
		f.RetryMS = int64(r.varint())
	case key(frameMember, typeBytes):
		f.Member = r.text()
	case key(frameCluster, typeBytes):
		f.Cluster = r.text()
	case key(frameVersion, typeBytes):
		f.Version = r.text()
	case key(frameMaxFrame, typeVarint):
		f.MaxFrame = int64(r.varint())
	case key(frameMaxInFlight, typeVarint):
		f.MaxInFlight = int64(r.varint())
	case key(frameKnown, typeVarint):
		f.Known = Known(r.varint())
	case key(frameEndpoints, typeBytes):
		f.Endpoints = within(r, append(f.Endpoints, r.text()), MaxEndpoints)
	case key(frameExpectedMS, typeVarint):
		f.ExpectedMS = int64(r.varint())
	case key(frameAhead, typeVarint):
		f.Ahead = int64(r.varint())
	case key(frameLinks, typeBytes):
		f.Links = within(r, append(f.Links, r.link()), MaxLinks)
	default:
		return false
	}
	return true
}

// decodeMore reads one field of barriers and the data of znodes, and reports whether it was one.
func (f *Frame) decodeMore(r *reader, field, wireType int) bool {
	switch key(field, wireType) {
	case key(frameCount, typeVarint):
		f.Count = int64(r.varint())
	case key(frameParticipant, typeBytes):
		f.Participant = r.text()
	case key(frameClosed, typeVarint):
		f.Closed = r.varint() != 0
	case key(frameData, typeBytes):
		f.Data = bytes.Clone(r.bytes())
	case key(frameDataVersion, typeVarint):
		f.DataVersion = int64(r.varint())
	case key(frameLock, typeBytes):
		f.Lock = r.text()
	case key(frameMzxid, typeVarint):
		f.Mzxid = int64(r.varint())
	default:
		return false
	}
	return true
}
