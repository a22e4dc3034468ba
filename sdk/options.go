package sdk

import (
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"os/user"
	"time"
)

// The defaults of the limits, each set by the option of its name.
const (
	DefaultTTL            = 15 * time.Second
	DefaultMaxPending     = 16 << 10
	DefaultMaxUnsent      = 8 << 20
	DefaultMaxSessions    = 10_000
	DefaultRedialMin      = 50 * time.Millisecond
	DefaultRedialMax      = 2 * time.Second
	DefaultRequestTimeout = 30 * time.Second
	DefaultEventBuffer    = 1024
)

// An Option changes what [Dial] makes. A bad one is an error of Dial.
type Option func(*config)

// A config is what the options come to.
type config struct {
	session        sessionConfig
	owner          string
	log            *slog.Logger
	lock           []LockOption // before a lock's own
	http           *http.Client
	maxPending     int
	maxUnsent      int
	maxSessions    int
	redialMin      time.Duration
	redialMax      time.Duration
	requestTimeout time.Duration
	eventBuffer    int

	dial  dialer               // replaced in tests
	clock func() time.Duration // likewise
}

func newConfig(opts []Option) (*config, error) {
	c := &config{
		session:        sessionConfig{ttl: DefaultTTL},
		log:            slog.New(slog.DiscardHandler),
		maxPending:     DefaultMaxPending,
		maxUnsent:      DefaultMaxUnsent,
		maxSessions:    DefaultMaxSessions,
		redialMin:      DefaultRedialMin,
		redialMax:      DefaultRedialMax,
		requestTimeout: DefaultRequestTimeout,
		eventBuffer:    DefaultEventBuffer,
		clock:          newClock(),
	}
	for _, o := range opts {
		o(c)
	}
	if c.owner == "" {
		c.owner = defaultOwner()
	}
	if err := newLockConfig(nil, c.lock, nil).validate(); err != nil {
		return nil, err
	}
	return c, c.validate()
}

func (c *config) validate() error {
	if err := c.session.validate(); err != nil {
		return err
	}
	for _, limit := range []struct {
		name  string
		value int64
	}{
		{"MaxPending", int64(c.maxPending)},
		{"MaxUnsent", int64(c.maxUnsent)},
		{"MaxSessions", int64(c.maxSessions)},
		{"Redial", int64(c.redialMin)},
		{"RequestTimeout", int64(c.requestTimeout)},
		{"EventBuffer", int64(c.eventBuffer)},
	} {
		if limit.value <= 0 {
			return &InputError{Field: limit.name, Problem: "is not above 0", Fix: "leave the option out for the default"}
		}
	}
	if c.redialMax < c.redialMin {
		return &InputError{Field: "Redial", Problem: "has a longest pause below its shortest", Fix: "give the shorter one first"}
	}
	return nil
}

// defaultOwner is user@host:pid.
func defaultOwner() string {
	name, host := "unknown", "unknown"
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	if h, err := os.Hostname(); err == nil {
		host = h
	}
	return fmt.Sprintf("%s@%s:%d", name, host, os.Getpid())
}

// WithTTL asks for sessions that end when nothing was heard of this client for d; the service may
// grant another time, see [Session.TTL]. It is how long others wait for a holder that has died.
// The default is [DefaultTTL].
func WithTTL(d time.Duration) Option { return func(c *config) { c.session.ttl = d } }

// WithLabels says who opens sessions, for the people who look at them.
func WithLabels(labels map[string]string) Option {
	return func(c *config) { c.session.labels = labels }
}

// WithOwner says who holds locks, for the people who look at them, and for those who wait. The
// default is user@host:pid.
func WithOwner(owner string) Option { return func(c *config) { c.owner = owner } }

// WithLogger has the client log what may interest operators: connections that break, members that
// it goes to, sessions that are lost. The default is to log nothing.
func WithLogger(log *slog.Logger) Option {
	return func(c *config) {
		if log != nil {
			c.log = log
		}
	}
}

// WithLockOptions gives all that the client takes these options, before its own: locks, permits and
// terms. A recipe that does not know one of them refuses it, but for [WithDeadlock].
func WithLockOptions(opts ...LockOption) Option {
	return func(c *config) { c.lock = append(c.lock, opts...) }
}

// WithOnWait gives every lock of the client [OnWait].
func WithOnWait(f func(Wait)) Option { return WithLockOptions(OnWait(f)) }

// WithOnState gives every lock of the client [OnState].
func WithOnState(f func(*Hold, State)) Option { return WithLockOptions(OnState(f)) }

// WithHTTPClient dials with h: with its TLS configuration, its proxy, its own way to connect. Its
// Timeout should be 0. The default is one that does not use proxies.
func WithHTTPClient(h *http.Client) Option { return func(c *config) { c.http = h } }

// WithMaxPending bounds the requests that have no answer yet, those that wait for locks included.
// Above it, requests fail with [ErrTooManyRequests].
func WithMaxPending(n int) Option { return func(c *config) { c.maxPending = n } }

// WithMaxUnsent bounds the bytes of requests that are not yet on their way. Above it, requests
// fail with [ErrTooManyRequests].
func WithMaxUnsent(bytes int) Option { return func(c *config) { c.maxUnsent = bytes } }

// WithMaxSessions bounds the sessions open at one time. Above it, OpenSession fails with
// [ErrTooManySessions].
func WithMaxSessions(n int) Option { return func(c *config) { c.maxSessions = n } }

// WithRedial bounds the pauses between two rounds of attempts to reach a member. They double from
// shortest to longest, with jitter.
func WithRedial(shortest, longest time.Duration) Option {
	return func(c *config) { c.redialMin, c.redialMax = shortest, longest }
}

// WithRequestTimeout bounds requests that wait for no lock and belong to no session, such as a
// look at a queue or a fence, where their context has no earlier end; those of a session end at
// the latest with it. A member that owes an answer for so long is left for another one.
func WithRequestTimeout(d time.Duration) Option { return func(c *config) { c.requestTimeout = d } }

// WithEventBuffer bounds the events that a [Subscription] keeps until they are read. One that is
// overrun ends with [ErrTooSlow].
func WithEventBuffer(n int) Option { return func(c *config) { c.eventBuffer = n } }
