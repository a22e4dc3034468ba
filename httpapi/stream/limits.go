package stream

import (
	"errors"
	"fmt"
	"time"
)

// Limits bound what one stream, or all together, can ask. A field that is zero takes its default;
// none can be switched off.
type Limits struct {
	MaxStreams       int // open at once; default 4096
	MaxInFlight      int // requests of a stream worked on at once, waits aside; more are refused; default 1024
	MaxWaiting       int // requests of a stream that wait in a queue; default 4096
	MaxSessions      int // attached to a stream; default 10000
	MaxSubscriptions int // of a stream; default 16
	MaxFrameBytes    int // of a message, and of a frame in it, either way; at least 64 KiB; default 256 KiB
	MaxUnsentBytes   int // of a stream; one that does not read is cut above it; default 4 MiB

	MaxNameBytes      int // of a lock's or fence's name, a prefix; default 1024
	MaxTextBytes      int // of an owner, a reason or a client's name, each; default 1024
	MaxRequestIDBytes int // of a request id; default 128
	MaxLabelBytes     int // of a session's labels, keys and values together; default 4 KiB
	MaxMetadataBytes  int // of a hold's metadata, keys and values together; default 8 KiB
	PageLimit         int // contenders in one answer; default 1000

	// RequestTimeout bounds the work on a request, a wait it asked for aside, to within a second;
	// default 10s.
	RequestTimeout time.Duration
	HelloTimeout   time.Duration // for HELLO to arrive, to within a second; default 5s
	Silence        time.Duration // a stream from which nothing came for so long is cut; default 2m
	WriteTimeout   time.Duration // a message may take so long to leave; default 15s
}

// minFrameBytes lets every request through that the other limits' defaults allow.
const minFrameBytes = 64 << 10

// WithDefaults returns l with the fields filled in that are zero.
func (l Limits) WithDefaults() Limits {
	number := func(field *int, value int) {
		if *field == 0 {
			*field = value
		}
	}
	span := func(field *time.Duration, value time.Duration) {
		if *field == 0 {
			*field = value
		}
	}
	number(&l.MaxStreams, 4096)
	number(&l.MaxInFlight, 1024)
	number(&l.MaxWaiting, 4096)
	number(&l.MaxSessions, 10000)
	number(&l.MaxSubscriptions, 16)
	number(&l.MaxFrameBytes, 256<<10)
	number(&l.MaxUnsentBytes, 4<<20)
	number(&l.MaxNameBytes, 1024)
	number(&l.MaxTextBytes, 1024)
	number(&l.MaxRequestIDBytes, 128)
	number(&l.MaxLabelBytes, 4<<10)
	number(&l.MaxMetadataBytes, 8<<10)
	number(&l.PageLimit, 1000)
	span(&l.RequestTimeout, 10*time.Second)
	span(&l.HelloTimeout, 5*time.Second)
	span(&l.Silence, 2*time.Minute)
	span(&l.WriteTimeout, 15*time.Second)
	return l
}

// Validate says which fields are negative or too small.
func (l Limits) Validate() error {
	l = l.WithDefaults()
	var problems []error
	for _, f := range []struct {
		name  string
		value int64
	}{
		{"MaxStreams", int64(l.MaxStreams)},
		{"MaxInFlight", int64(l.MaxInFlight)},
		{"MaxWaiting", int64(l.MaxWaiting)},
		{"MaxSessions", int64(l.MaxSessions)},
		{"MaxSubscriptions", int64(l.MaxSubscriptions)},
		{"MaxFrameBytes", int64(l.MaxFrameBytes - minFrameBytes)},
		{"MaxUnsentBytes", int64(l.MaxUnsentBytes - 2*l.MaxFrameBytes)},
		{"MaxNameBytes", int64(l.MaxNameBytes)},
		{"MaxTextBytes", int64(l.MaxTextBytes)},
		{"MaxRequestIDBytes", int64(l.MaxRequestIDBytes)},
		{"MaxLabelBytes", int64(l.MaxLabelBytes)},
		{"MaxMetadataBytes", int64(l.MaxMetadataBytes)},
		{"PageLimit", int64(l.PageLimit)},
		{"RequestTimeout", int64(l.RequestTimeout)},
		{"HelloTimeout", int64(l.HelloTimeout)},
		{"Silence", int64(l.Silence)},
		{"WriteTimeout", int64(l.WriteTimeout)},
	} {
		if f.value < 0 {
			problems = append(problems, fmt.Errorf("stream limit %s is too small", f.name))
		}
	}
	return errors.Join(problems...)
}
