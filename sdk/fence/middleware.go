package fence

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/lockkeeper/lockkeeper/sdk"
)

// defaultPatience is how long a request waits for the check of its token unless told otherwise.
const defaultPatience = 5 * time.Second

// A NameFunc says which fence a request has to pass. The text of its error is sent to the client
// that made the request, with status 400. It must be safe for concurrent use.
type NameFunc func(*http.Request) (name string, err error)

// Fixed returns a NameFunc for a resource with one fence.
func Fixed(name string) NameFunc {
	return func(*http.Request) (string, error) { return name, nil }
}

// Config says how a [Middleware] checks.
type Config struct {
	// Checker judges the tokens: [Cluster], a [*Local], or one of your own. Where it is a [Gate],
	// requests with different tokens are never at work at the same time.
	Checker Checker
	// Name says which fence a request has to pass.
	Name NameFunc
	// Patience is how long a request may wait to be checked, and, at a Gate, for the end of
	// requests with lower tokens. 0: 5 s.
	Patience time.Duration
	// Logger hears why checks had no outcome. nil: nobody.
	Logger *slog.Logger
}

// Validate returns an [*sdk.InputError] for what is missing or wrong.
func (c *Config) Validate() error {
	switch {
	case c.Checker == nil:
		return &sdk.InputError{Field: "Checker", Problem: "is missing", Fix: "give Cluster(client) or NewLocal(LocalConfig{})"}
	case c.Name == nil:
		return &sdk.InputError{Field: "Name", Problem: "is missing", Fix: "give Fixed(name), or a function of the request"}
	case c.Patience < 0:
		return &sdk.InputError{Field: "Patience", Problem: "is negative", Fix: "give 0 for 5 s"}
	}
	return nil
}

// Middleware returns what puts a fence before a handler. A request reaches the handler only if its
// token, in the header [Header], has passed; then its context has the token: [TokenFrom]. Others are
// answered with a problem (application/problem+json):
//
//   - 428 token_required without the header
//   - 400 bad_request where it is no token or stands there twice, or the request has no fence
//   - 412 stale_token where the fence has seen a higher token, which is the problem's "highest".
//     Not 409: a conflict is for the client to resolve and to send again, but a late holder has
//     lost its lock and must stop
//   - 503 uncertain where the check had no outcome in time: the request was not passed on, and may
//     be sent again
//
// With a [Gate] the handler is inside until it returns. Without one the check is a step before the
// handler's work, which a newer request may overtake.
func Middleware(cfg Config) (func(http.Handler) http.Handler, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if cfg.Patience == 0 {
		cfg.Patience = defaultPatience
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	return func(next http.Handler) http.Handler { return &guard{cfg: cfg, next: next} }, nil
}

// A guard is a handler behind a fence.
type guard struct {
	cfg  Config
	next http.Handler
}

func (g *guard) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	token, p := tokenOf(r)
	if p != nil {
		p.write(w)
		return
	}
	name, err := g.cfg.Name(r)
	if err != nil {
		noFence(err).write(w)
		return
	}
	leave, err := g.enter(r.Context(), name, token)
	if err != nil {
		g.refuse(w, r, name, token, err)
		return
	}
	defer leave()
	g.next.ServeHTTP(w, r.WithContext(WithToken(r.Context(), token)))
}

// enter passes the fence. Its patience ends with it: the request goes on by its own context.
func (g *guard) enter(ctx context.Context, name string, token sdk.Token) (leave func(), err error) {
	ctx, cancel := context.WithTimeout(ctx, g.cfg.Patience)
	defer cancel()
	if gate, ok := g.cfg.Checker.(Gate); ok {
		return gate.Enter(ctx, name, token)
	}
	return func() {}, g.cfg.Checker.Check(ctx, name, token)
}

// refuse answers a request that has not passed.
func (g *guard) refuse(w http.ResponseWriter, r *http.Request, name string, token sdk.Token, err error) {
	if stale, ok := errors.AsType[*StaleError](err); ok {
		staleToken(stale).write(w)
		return
	}
	if input, ok := errors.AsType[*sdk.InputError](err); ok {
		noFence(input).write(w)
		return
	}
	if r.Context().Err() == nil { // else the client has gone, which is why
		g.cfg.Logger.Warn("a token could not be checked, and its request was refused", "fence", name, "token", int64(token), "err", err)
	}
	uncertain(name, token).write(w)
}

// tokenOf reads the token of a request.
func tokenOf(r *http.Request) (sdk.Token, *problem) {
	values := r.Header.Values(Header)
	if len(values) == 0 {
		return 0, tokenRequired()
	}
	if len(values) > 1 {
		return 0, badHeader("stands there more than once")
	}
	token, err := ParseToken(values[0])
	if err != nil {
		return 0, badHeader(badToken)
	}
	return token, nil
}
