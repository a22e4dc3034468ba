package httpapi

import (
	"errors"
	"fmt"
	"time"

	"github.com/lockkeeper/lockkeeper/httpapi/stream"
)

// Limits bound what one client, or all together, can ask of this door. A field that is zero
// takes its default; none can be switched off.
type Limits struct {
	MaxBodyBytes      int // of a request's body; default 64 KiB
	MaxNameBytes      int // of a lock's or fence's name, a prefix, a ticket; default 1024
	MaxTextBytes      int // of an owner or a reason, each; default 1024
	MaxRequestIDBytes int // of a request id; default 128
	MaxLabelBytes     int // of a session's labels, keys and values together; default 4 KiB
	MaxMetadataBytes  int // of a hold's metadata, keys and values together; default 8 KiB
	PageLimit         int // entries in one answer to a listing; default 1000
	MaxValueBytes     int // of a value that is written; default 64 KiB

	// MaxInFlight is how many requests may be worked on at once, long waits and event streams
	// aside; default 8192. The last eighth is kept for requests that give something up or keep
	// a session alive, so that an overload of acquires cannot cost anybody a lock.
	MaxInFlight     int
	MaxWaiting      int // requests that wait in a queue at once; default 8192
	MaxEventStreams int // event streams open at once; default 256
	MaxConns        int // connections open at once, streams aside; default 10000

	MaxStreams             int           // streams open at once; default 4096
	MaxStreamInFlight      int           // requests of a stream worked on at once, waits aside; default 1024
	MaxStreamWaiting       int           // requests of a stream that wait in a queue; default 4096
	MaxStreamSessions      int           // attached to a stream; default 10000
	MaxStreamSubscriptions int           // of a stream; default 16
	MaxStreamFrameBytes    int           // of a message of a stream, either way; at least 64 KiB; default 256 KiB
	MaxStreamUnsentBytes   int           // of a stream that is not read; at least two messages; default 4 MiB
	StreamSilence          time.Duration // a stream from which nothing came for so long is cut; default 2m

	MaxWait time.Duration // the longest wait of one request, and what "forever" means; default 1h

	// RequestTimeout bounds the work on a request, a wait it asked for aside; default 10s. What
	// it then answers says whether the request may have been done.
	RequestTimeout time.Duration
	HeaderTimeout  time.Duration // for a request's header to arrive; default 5s
	ReadTimeout    time.Duration // for a whole request to arrive; default 30s
	WriteTimeout   time.Duration // at least this long has an answer, or one event, to leave; default 15s
	IdleTimeout    time.Duration // between two requests of a connection; default 2m
	Heartbeat      time.Duration // between the comments of a silent event stream; default 15s
}

// keepShare is the part of MaxInFlight that only giving up and keeping alive may use.
const keepShare = 8

// withDefaults fills in the fields that are zero.
func (l Limits) withDefaults() Limits {
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
	number(&l.MaxBodyBytes, 64<<10)
	number(&l.MaxNameBytes, 1024)
	number(&l.MaxTextBytes, 1024)
	number(&l.MaxRequestIDBytes, 128)
	number(&l.MaxLabelBytes, 4<<10)
	number(&l.MaxMetadataBytes, 8<<10)
	number(&l.PageLimit, 1000)
	number(&l.MaxValueBytes, 64<<10)
	number(&l.MaxInFlight, 8192)
	number(&l.MaxWaiting, 8192)
	number(&l.MaxEventStreams, 256)
	number(&l.MaxConns, 10000)
	span(&l.MaxWait, time.Hour)
	span(&l.RequestTimeout, 10*time.Second)
	span(&l.HeaderTimeout, 5*time.Second)
	span(&l.ReadTimeout, 30*time.Second)
	span(&l.WriteTimeout, 15*time.Second)
	span(&l.IdleTimeout, 2*time.Minute)
	span(&l.Heartbeat, 15*time.Second)
	st := l.stream().WithDefaults()
	l.MaxStreams, l.MaxStreamInFlight, l.MaxStreamWaiting = st.MaxStreams, st.MaxInFlight, st.MaxWaiting
	l.MaxStreamSessions, l.MaxStreamSubscriptions = st.MaxSessions, st.MaxSubscriptions
	l.MaxStreamFrameBytes, l.MaxStreamUnsentBytes, l.StreamSilence = st.MaxFrameBytes, st.MaxUnsentBytes, st.Silence
	return l
}

// stream returns the limits of streams.
func (l *Limits) stream() stream.Limits {
	return stream.Limits{
		MaxStreams: l.MaxStreams, MaxInFlight: l.MaxStreamInFlight, MaxWaiting: l.MaxStreamWaiting,
		MaxSessions: l.MaxStreamSessions, MaxSubscriptions: l.MaxStreamSubscriptions,
		MaxFrameBytes: l.MaxStreamFrameBytes, MaxUnsentBytes: l.MaxStreamUnsentBytes, Silence: l.StreamSilence,
		MaxNameBytes: l.MaxNameBytes, MaxTextBytes: l.MaxTextBytes, MaxRequestIDBytes: l.MaxRequestIDBytes,
		MaxLabelBytes: l.MaxLabelBytes, MaxMetadataBytes: l.MaxMetadataBytes, PageLimit: l.PageLimit,
		RequestTimeout: l.RequestTimeout, HelloTimeout: l.HeaderTimeout, WriteTimeout: l.WriteTimeout,
	}
}

// Validate says which fields are negative, or contradict one another once the defaults are
// filled in.
func (l Limits) Validate() error {
	l = l.withDefaults()
	var problems []error
	for _, f := range []struct {
		name  string
		value int64
	}{
		{"MaxBodyBytes", int64(l.MaxBodyBytes)},
		{"MaxNameBytes", int64(l.MaxNameBytes)},
		{"MaxTextBytes", int64(l.MaxTextBytes)},
		{"MaxRequestIDBytes", int64(l.MaxRequestIDBytes)},
		{"MaxLabelBytes", int64(l.MaxLabelBytes)},
		{"MaxMetadataBytes", int64(l.MaxMetadataBytes)},
		{"PageLimit", int64(l.PageLimit)},
		{"MaxValueBytes", int64(l.MaxValueBytes)},
		{"MaxInFlight", int64(l.MaxInFlight)},
		{"MaxWaiting", int64(l.MaxWaiting)},
		{"MaxEventStreams", int64(l.MaxEventStreams)},
		{"MaxConns", int64(l.MaxConns)},
		{"MaxWait", int64(l.MaxWait)},
		{"RequestTimeout", int64(l.RequestTimeout)},
		{"HeaderTimeout", int64(l.HeaderTimeout)},
		{"ReadTimeout", int64(l.ReadTimeout)},
		{"WriteTimeout", int64(l.WriteTimeout)},
		{"IdleTimeout", int64(l.IdleTimeout)},
		{"Heartbeat", int64(l.Heartbeat)},
	} {
		if f.value < 0 {
			problems = append(problems, fmt.Errorf("limit %s is negative", f.name))
		}
	}
	// net/http ends a request's context when ReadTimeout passes while it is worked on, and that
	// must not look like a client that hung up.
	if least := l.HeaderTimeout + l.RequestTimeout; l.ReadTimeout <= least {
		problems = append(problems, fmt.Errorf("limit ReadTimeout (%v) must be longer than HeaderTimeout and RequestTimeout together (%v)", l.ReadTimeout, least))
	}
	return errors.Join(append(problems, l.stream().Validate())...)
}
