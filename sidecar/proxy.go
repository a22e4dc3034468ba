package sidecar

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/lockkeeper/lockkeeper/sdk"
)

// serveV1 answers the REST API: a member does, for the session of the application's life.
func (s *sidecar) serveV1(w http.ResponseWriter, r *http.Request) {
	select {
	case s.requests <- struct{}{}:
		defer func() { <-s.requests }()
	default:
		refuse(w, http.StatusTooManyRequests, "too_many_requests", "too many requests are at work at this sidecar", "ask again in a second; the limit is --max-requests")
		return
	}
	path := r.URL.Path
	for _, prefix := range notHere {
		if path != prefix && !strings.HasPrefix(path, prefix+"/") {
			continue
		}
		if prefix == "/v1/sessions" && r.Method == http.MethodPost && path == prefix {
			s.serveSession(w, r)
			return
		}
		if prefix == "/v1/sessions" && r.Method != http.MethodDelete {
			break
		}
		refuse(w, http.StatusNotFound, "not_here", "a sidecar does not do this: "+r.Method+" "+path, "ask a member itself")
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, int64(s.cfg.Limits.MaxBody)))
	if err != nil {
		refuse(w, http.StatusRequestEntityTooLarge, "body_too_large", err.Error(), "send less; the limit is --max-body-bytes")
		return
	}
	o := &order{method: r.Method, path: r.URL.EscapedPath(), query: r.URL.RawQuery, header: r.Header, body: body}
	o.repeatable = r.Method == http.MethodGet || r.Method == http.MethodPost && slices.Contains(harmless, path[strings.LastIndexByte(path, '/')+1:])
	kind, named := kindOf(r.Method, path)
	if kind == "" && !named {
		s.forward(r.Context(), w, o, nil)
		return
	}
	if name := o.meddles(path, s.claimed); name != "" {
		refuse(w, http.StatusConflict, "claimed", fmt.Sprintf("the sidecar itself holds %q for the application, or waits for it", name), "ask GET /leader or GET /held, or leave it out of the sidecar's locks and elections")
		return
	}
	if named {
		if field := o.ofSessions(); field != "" {
			refuseInput(w, field, "is for a session of its own; here the application's holds", "leave it out: --ttl and --labels of the sidecar say it for all")
			return
		}
	}
	l := s.lifeFor(r.Context())
	if l == nil {
		s.refuseAbsent(w)
		return
	}
	defer l.wg.Done()
	ctx, cancel := context.WithCancelCause(r.Context())
	defer cancel(nil)
	defer context.AfterFunc(l.ctx, func() { cancel(context.Cause(l.ctx)) })()
	session, err := s.bounded(ctx, l)
	if err != nil {
		s.refuseFailed(w, err)
		return
	}
	if named {
		o.complete(path, session.ID().String(), l.of.client.Load().Owner(), l.holds.only)
	}
	learned := func(answer []byte) { l.holds.learn(l.ctx, kind, answer, session) }
	if o.back == nil {
		s.forward(ctx, w, o, learned)
		return
	}
	s.forwardTaking(ctx, l, w, o, learned)
}

// claimed reports whether the sidecar takes a lock or an election of that name by itself.
func (s *sidecar) claimed(name string) bool {
	return slices.ContainsFunc(s.claims, func(c *claim) bool { return c.Name == name })
}

// bounded returns the life's session, and does not wait longer for a member than is set.
func (s *sidecar) bounded(ctx context.Context, l *life) (*sdk.Session, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, s.cfg.Limits.Retry, errNoMember)
	defer cancel()
	return l.sessionFor(ctx)
}

// forward has a member answer. learned is told what a success says, before the application is.
func (s *sidecar) forward(ctx context.Context, w http.ResponseWriter, o *order, learned func([]byte)) {
	a, err := s.ask(ctx, o)
	s.pass(w, a, err, learned)
}

// An outcome is what came of an order.
type outcome struct {
	answer *reply
	err    error
}

// forwardTaking has a member answer what takes something. If nobody is left to hear of it, because the
// application has hung up, it is taken back: a place in a queue at once, and what is being granted when
// it is.
func (s *sidecar) forwardTaking(ctx context.Context, l *life, w http.ResponseWriter, o *order, learned func([]byte)) {
	asking, cancel := context.WithCancelCause(l.ctx) // not the request's: what is half done must be known to be undone
	defer cancel(nil)
	done := make(chan outcome, 1)
	go func() { // ends with asking at the latest
		a, err := s.ask(asking, o)
		done <- outcome{a, err}
	}()
	var got outcome
	select {
	case got = <-done:
	case <-ctx.Done():
		got = s.abandon(l, o, done, cancel, learned)
	}
	if s.pass(w, got.answer, got.err, learned) != nil || ctx.Err() != nil {
		s.takeBack(l, o, learned)
	}
}

// abandon takes back what is asked for, over and over until the answer is there: a member that has not
// heard of it yet has nothing to take back.
func (s *sidecar) abandon(l *life, o *order, done <-chan outcome, cancel context.CancelCauseFunc, learned func([]byte)) outcome {
	defer time.AfterFunc(releaseLimit, func() { cancel(errNoMember) }).Stop()
	for wait := takeBackFirst; ; wait = min(2*wait, time.Second) {
		s.takeBack(l, o, learned)
		select {
		case got := <-done:
			return got
		case <-time.After(wait):
		}
	}
}

// takeBackFirst is the pause after a first attempt to take something back.
const takeBackFirst = 10 * time.Millisecond

// takeBack takes back what o has taken. If that fails it is held for as long as the application lives.
func (s *sidecar) takeBack(l *life, o *order, learned func([]byte)) {
	ctx, cancel := context.WithTimeout(l.ctx, releaseLimit) // with the life's session all of it ends
	defer cancel()
	a, err := s.ask(ctx, o.back)
	if err == nil && a.status == http.StatusOK {
		learned(a.body)
	}
}

// pass answers the application with what came of an order.
func (s *sidecar) pass(w http.ResponseWriter, a *reply, err error, learned func([]byte)) error {
	if err != nil {
		s.refuseFailed(w, err)
		return nil
	}
	header := w.Header()
	for _, key := range passedBack {
		if v := a.header.Values(key); len(v) > 0 {
			header[http.CanonicalHeaderKey(key)] = v
		}
	}
	if a.stream != nil {
		s.copyEvents(w, a)
		return nil
	}
	if a.status == http.StatusOK && learned != nil {
		learned(a.body)
	}
	w.WriteHeader(a.status)
	if _, err := w.Write(a.body); err != nil {
		return err
	}
	return http.NewResponseController(w).Flush() // so that it is seen here where nobody hears it
}

// copyEvents passes a member's events on as they come, until one of the two hangs up.
func (s *sidecar) copyEvents(w http.ResponseWriter, a *reply) {
	defer a.end()
	defer a.stream.Body.Close()
	w.WriteHeader(a.status)
	flusher := http.NewResponseController(w)
	buf := make([]byte, 16<<10)
	for {
		n, err := a.stream.Body.Read(buf)
		if n > 0 {
			if _, err := w.Write(buf[:n]); err != nil {
				return
			}
			_ = flusher.Flush()
		}
		if err != nil {
			return
		}
	}
}

// serveSession answers with the session that there is, in place of opening another.
func (s *sidecar) serveSession(w http.ResponseWriter, r *http.Request) {
	l := s.lifeFor(r.Context())
	if l == nil {
		s.refuseAbsent(w)
		return
	}
	defer l.wg.Done()
	session, err := s.bounded(r.Context(), l)
	if err != nil {
		s.refuseFailed(w, err)
		return
	}
	s.forward(r.Context(), w, &order{method: http.MethodGet, path: "/v1/sessions/" + session.ID().String(), query: "consistency=linearizable", repeatable: true}, nil)
}

// refuseAbsent says that nothing can be held for an application that is not there.
func (s *sidecar) refuseAbsent(w http.ResponseWriter) {
	_, why, _ := s.presence.now()
	w.Header().Set("Retry-After", "1")
	fix := "start it, and ask again"
	if s.cfg.App.Watch == WatchConnection {
		fix = "open GET /app, keep it open for as long as the application lives, and ask again"
	}
	refuse(w, http.StatusConflict, "app_absent", "the application is not known to live: "+why, fix)
}

// refuseFailed says why no member's answer can be given.
func (s *sidecar) refuseFailed(w http.ResponseWriter, err error) {
	w.Header().Set("Retry-After", "1")
	switch {
	case errors.Is(err, errAppGone), errors.Is(err, errStopping):
		refuse(w, http.StatusConflict, "app_absent", err.Error(), "whatever was held is released")
	case errors.Is(err, errNoMember), errors.Is(err, sdk.ErrUnreachable):
		refuse(w, http.StatusServiceUnavailable, "unavailable", err.Error(), "look at the members of --endpoints: lockkeeper health --ready")
	default:
		refuse(w, http.StatusServiceUnavailable, "uncertain", err.Error(), "ask again with the same request_id")
	}
}
