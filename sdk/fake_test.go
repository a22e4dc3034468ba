package sdk

import (
	"context"
	"errors"
	"io"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/lockkeeper/lockkeeper/httpapi/wire"
)

// A fakeCluster is members without a network and a quorum, for tests of what time and broken
// streams do: it runs in a bubble. Its sessions end when they are told to.
type fakeCluster struct {
	mu       sync.Mutex
	sessions map[uint64]*fakeStream // alive, and where it is attached
	queues   map[string][]*fakePlace
	done     map[string]int64 // tokens by the request ids that got them
	fences   map[string]int64
	lastID   uint64
	token    int64
	ttl      time.Duration // granted to all
	streams  []*fakeStream
	touches  int

	nameless bool // it is an older one, which tells no names where a session is attached

	down   map[string]bool                         // endpoints that take no streams
	silent map[string]bool                         // endpoints that answer nothing
	refuse func(f *wire.Frame) *wire.Frame         // answers in place of the cluster; nil: does not
	after  func(s *fakeStream, f *wire.Frame) bool // after a request was done: false swallows its answer
}

// The fake members.
const (
	memberA = "http://a"
	memberB = "http://b"
)

// A fakePlace is a place in a queue.
type fakePlace struct {
	token   int64
	session uint64
	owner   string
	request string
	stream  *fakeStream // that waits for it; nil: none
	id      uint64      // by which request
}

func newFakeCluster(ttl time.Duration) *fakeCluster {
	return &fakeCluster{
		sessions: map[uint64]*fakeStream{}, queues: map[string][]*fakePlace{}, done: map[string]int64{},
		fences: map[string]int64{}, ttl: ttl, down: map[string]bool{}, silent: map[string]bool{},
	}
}

// client dials the cluster's members a and b by the bubble's clock.
func (c *fakeCluster) client(t *testing.T, opts ...Option) *Client {
	t.Helper()
	opts = append([]Option{WithOwner("me"), c.option()}, opts...)
	client, err := Dial(t.Context(), []string{memberA, memberB}, opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.stop)
	return client
}

func (c *fakeCluster) option() Option {
	start := time.Now()
	return func(cfg *config) {
		cfg.dial = c.dial
		cfg.clock = func() time.Duration { return time.Hour + time.Since(start) }
	}
}

func (c *fakeCluster) dial(_ context.Context, endpoint string) (transport, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.down[endpoint] {
		return nil, errors.New("connection refused")
	}
	s := &fakeStream{cluster: c, endpoint: endpoint, answers: make(chan []byte, 1000), closed: make(chan struct{})}
	c.streams = append(c.streams, s)
	return s, nil
}

// with runs f while nothing else happens in the cluster.
func (c *fakeCluster) with(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f()
}

// cut breaks all streams.
func (c *fakeCluster) cut() {
	c.with(func() {
		for _, s := range c.streams {
			s.breakLocked()
		}
		c.streams = nil
	})
}

// holder returns who holds a lock.
func (c *fakeCluster) holder(name string) (token int64, queued int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if q := c.queues[name]; len(q) > 0 {
		return q[0].token, len(q)
	}
	return 0, 0
}

// force takes a lock from its holder; told says whether the holder hears of it.
func (c *fakeCluster) force(name string, told bool) {
	c.with(func() {
		p := c.queues[name][0]
		if s := c.sessions[p.session]; told && s != nil {
			s.sendLocked(&wire.Frame{Kind: wire.HoldLost, Session: p.session, Name: name, Token: p.token, Cause: wire.CauseForced, Reason: "maintenance"})
		}
		c.removeLocked(name, 0)
	})
}

// end ends all sessions.
func (c *fakeCluster) end(told bool) {
	c.with(func() {
		clear(c.queues)
		for id, s := range c.sessions {
			if told {
				s.sendLocked(&wire.Frame{Kind: wire.SessionLost, Session: id, Cause: wire.CauseClosed})
			}
			c.endLocked(id)
		}
	})
}

func (c *fakeCluster) endLocked(id uint64) {
	delete(c.sessions, id)
	for name, q := range c.queues {
		for i := len(q) - 1; i >= 0; i-- {
			if q[i].session == id {
				c.removeLocked(name, i)
			}
		}
	}
}

// removeLocked takes a place out, and tells the next one.
func (c *fakeCluster) removeLocked(name string, i int) {
	q := slices.Delete(c.queues[name], i, i+1)
	c.queues[name] = q
	if len(q) > 0 && q[0].stream != nil {
		c.grantLocked(q[0])
	}
}

func (c *fakeCluster) grantLocked(p *fakePlace) {
	s := p.stream
	p.stream = nil
	s.sendLocked(&wire.Frame{Kind: wire.OK, ID: p.id, State: wire.Held, Token: p.token})
}

// A fakeStream is the transport of one stream.
type fakeStream struct {
	cluster  *fakeCluster
	endpoint string
	answers  chan []byte
	closed   chan struct{}
	once     sync.Once
}

func (s *fakeStream) Read() ([]byte, error) {
	select {
	case b := <-s.answers:
		return b, nil
	case <-s.closed:
		return nil, io.EOF
	}
}

func (s *fakeStream) Write(batch []byte) error {
	s.cluster.mu.Lock()
	defer s.cluster.mu.Unlock()
	var f wire.Frame
	for d := wire.NewDecoder(batch); ; {
		if err := d.Next(&f); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		if s.isClosed() {
			return io.ErrClosedPipe
		}
		if s.cluster.silent[s.endpoint] && f.Kind != wire.Hello {
			continue
		}
		s.takeLocked(&f)
	}
}

func (s *fakeStream) Limit(int64) {}

func (s *fakeStream) Close() error {
	s.once.Do(func() { close(s.closed) })
	return nil
}

func (s *fakeStream) isClosed() bool {
	select {
	case <-s.closed:
		return true
	default:
		return false
	}
}

// breakLocked breaks the stream: waits end, sessions are left.
func (s *fakeStream) breakLocked() {
	_ = s.Close()
	for _, q := range s.cluster.queues {
		for _, p := range q {
			if p.stream == s {
				p.stream = nil
			}
		}
	}
}

func (s *fakeStream) sendLocked(f *wire.Frame) {
	select {
	case s.answers <- wire.AppendFrame(nil, f):
	case <-s.closed:
	}
}

// takeLocked does one request.
func (s *fakeStream) takeLocked(f *wire.Frame) {
	c := s.cluster
	if c.refuse != nil {
		if answer := c.refuse(f); answer != nil {
			answer.Kind, answer.ID = wire.Error, f.ID
			s.sendLocked(answer)
			return
		}
	}
	answer := s.doLocked(f)
	if c.after != nil && !c.after(s, f) || answer == nil {
		return
	}
	if answer.Kind == 0 {
		answer.Kind = wire.OK
	}
	if answer.Code != "" {
		answer.Kind = wire.Error
	}
	answer.ID = f.ID
	s.sendLocked(answer)
}

func (s *fakeStream) doLocked(f *wire.Frame) *wire.Frame {
	c := s.cluster
	needs := f.Kind == wire.Close || f.Kind == wire.Acquire || f.Kind == wire.Enqueue || f.Kind == wire.Release
	if at, alive := c.sessions[f.Session]; needs && (!alive || at != s) {
		if !alive {
			return &wire.Frame{Code: wire.CodeSessionLost, Cause: wire.CauseExpired, Session: f.Session}
		}
		return &wire.Frame{Code: wire.CodeSessionMoved}
	}
	switch f.Kind {
	case wire.Hello:
		return &wire.Frame{Member: s.endpoint}
	case wire.Open:
		c.lastID++
		c.sessions[c.lastID] = s
		return &wire.Frame{Session: c.lastID, TTLMS: c.ttl.Milliseconds()}
	case wire.Attach:
		if _, alive := c.sessions[f.Session]; !alive {
			return &wire.Frame{Code: wire.CodeSessionLost, Cause: wire.CauseExpired, Session: f.Session}
		}
		c.sessions[f.Session] = s
		answer := &wire.Frame{Session: f.Session, TTLMS: c.ttl.Milliseconds()}
		for name, q := range c.queues {
			for _, p := range q {
				if p.session == f.Session {
					if !c.nameless {
						answer.Names = append(answer.Names, name)
					}
					answer.Contenders = append(answer.Contenders, wire.Contender{Token: p.token, Session: p.session, Znode: "/" + name + "/place"})
				}
			}
		}
		answer.Total = int64(len(answer.Contenders))
		return answer
	case wire.Queue:
		answer := &wire.Frame{Total: int64(len(c.queues[f.Name]))}
		for i, p := range c.queues[f.Name] {
			state := wire.Held
			if i > 0 {
				state = wire.Waits
			}
			answer.Contenders = append(answer.Contenders, wire.Contender{Token: p.token, Session: p.session, State: state})
		}
		return answer
	case wire.Close:
		c.endLocked(f.Session)
		return &wire.Frame{}
	case wire.Touch:
		c.touches++
		return &wire.Frame{}
	case wire.Acquire, wire.Enqueue:
		return s.acquireLocked(f)
	case wire.Release:
		return s.releaseLocked(f)
	case wire.Cancel:
		for name, q := range c.queues {
			for i, p := range q {
				if p.stream == s && p.id == f.Target {
					p.stream = nil
					c.removeLocked(name, i)
					s.sendLocked(&wire.Frame{Kind: wire.Error, ID: f.Target, Code: wire.CodeCancelled})
					return nil
				}
			}
		}
		return nil
	case wire.Check:
		if f.Token < c.fences[f.Name] {
			return &wire.Frame{Code: wire.CodeStaleToken, Name: f.Name, Token: f.Token, Highest: c.fences[f.Name]}
		}
		c.fences[f.Name] = f.Token
		return &wire.Frame{Token: f.Token}
	}
	return &wire.Frame{Code: wire.CodeUnknownKind}
}

func (s *fakeStream) acquireLocked(f *wire.Frame) *wire.Frame {
	c := s.cluster
	q := c.queues[f.Name]
	i := slices.IndexFunc(q, func(p *fakePlace) bool { return p.request == f.RequestID })
	if i < 0 {
		if f.WaitMS == 0 && f.Kind == wire.Acquire && len(q) > 0 {
			return &wire.Frame{Code: wire.CodeLockHeld, Name: f.Name, Position: int64(len(q)), Contenders: []wire.Contender{{
				Token: q[0].token, Session: q[0].session, State: wire.Held, Owner: q[0].owner, SinceMS: 946684800000, Reason: "backup",
			}}}
		}
		c.token++
		i = len(q)
		c.queues[f.Name] = append(q, &fakePlace{token: c.token, session: f.Session, owner: f.Owner, request: f.RequestID})
	}
	p := c.queues[f.Name][i]
	if i == 0 {
		return &wire.Frame{State: wire.Held, Token: p.token}
	}
	if p.stream, p.id = s, f.ID; f.WaitMS != 0 {
		s.sendLocked(&wire.Frame{Kind: wire.Waiting, ID: f.ID, Position: int64(i), Contenders: []wire.Contender{{
			Token: c.queues[f.Name][0].token, State: wire.Held, Owner: c.queues[f.Name][0].owner,
		}}})
	}
	return nil
}

func (s *fakeStream) releaseLocked(f *wire.Frame) *wire.Frame {
	c := s.cluster
	for i, p := range c.queues[f.Name] {
		if p.session == f.Session && (f.Token == p.token || f.RequestID != "" && f.RequestID == p.request) {
			c.removeLocked(f.Name, i)
			return &wire.Frame{Token: p.token}
		}
	}
	return &wire.Frame{Code: wire.CodeNotHeld}
}
