package fence

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
)

// ErrNoToken is returned by a Transport for a request whose context has no token.
var ErrNoToken = errors.New("the request's context has no fencing token: make it by WithToken or WithHold")

// A Transport sends each request with the token of its context in the header [Header]. A context is
// given one by [WithToken] or [WithHold]; that of a request which [Middleware] let pass has it
// already. The zero value is ready. It is safe for concurrent use.
type Transport struct {
	// Base sends the requests. nil: [http.DefaultTransport].
	Base http.RoundTripper
}

// RoundTrip sends a request, whose header it leaves as it is. Without a token in its context nothing
// is sent, and the error matches [ErrNoToken]; by a hold that is over neither: the error is the
// hold's. The latter spares the resource a request that it would refuse, and replaces no check: the
// program may be stopped right after the look.
func (t *Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	c, _ := r.Context().Value(contextKey{}).(carried)
	var err error
	switch {
	case c.token <= 0:
		err = ErrNoToken
	case c.holder != nil:
		err = c.holder.Err()
	}
	if err != nil {
		if r.Body != nil {
			_ = r.Body.Close() // as a RoundTripper must
		}
		return nil, fmt.Errorf("nothing was sent: %w", err)
	}
	sent := r.Clone(r.Context())
	sent.Header.Set(Header, strconv.FormatInt(int64(c.token), 10))
	base := t.Base
	if base == nil {
		base = http.DefaultTransport
	}
	return base.RoundTrip(sent)
}
