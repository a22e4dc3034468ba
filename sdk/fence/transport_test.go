package fence_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/lockkeeper/lockkeeper/sdk"
	"github.com/lockkeeper/lockkeeper/sdk/fence"
)

// A holder is a hold of a test.
type holder struct{ err error }

func (holder) Token() sdk.Token { return 7 }
func (h holder) Err() error     { return h.err }

// base is where a Transport's requests go.
type base struct{ sent []string }

func (b *base) RoundTrip(r *http.Request) (*http.Response, error) {
	b.sent = append(b.sent, r.Header.Get(fence.Header))
	return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody, Request: r}, nil
}

// A body tells whether it was closed.
type body struct {
	io.Reader
	closed bool
}

func (b *body) Close() error { b.closed = true; return nil }

func TestTransport(t *testing.T) {
	for _, tt := range []struct {
		name string
		ctx  context.Context
		want string // sent
		err  error
	}{
		{"token", fence.WithToken(t.Context(), 41), "41", nil},
		{"hold", fence.WithHold(t.Context(), holder{}), "7", nil},
		{"lost hold", fence.WithHold(t.Context(), holder{sdk.ErrLost}), "", sdk.ErrLost},
		{"nothing", t.Context(), "", fence.ErrNoToken},
		{"no token", fence.WithToken(t.Context(), 0), "", fence.ErrNoToken},
		{"token after hold", fence.WithToken(fence.WithHold(t.Context(), holder{sdk.ErrLost}), 8), "8", nil},
	} {
		b, content := &base{}, &body{Reader: strings.NewReader("x")}
		r, err := http.NewRequestWithContext(tt.ctx, http.MethodPut, "http://127.0.0.1/", content)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set(fence.Header, "1")
		resp, err := (&fence.Transport{Base: b}).RoundTrip(r)
		if !errors.Is(err, tt.err) || (tt.err == nil && resp == nil) {
			t.Errorf("%s: RoundTrip = %v, %v; want error %v", tt.name, resp, err, tt.err)
		}
		if got := strings.Join(b.sent, " "); got != tt.want {
			t.Errorf("%s: sent %q; want %q", tt.name, got, tt.want)
		}
		if tt.err != nil && !content.closed {
			t.Errorf("%s: the body of a request that was not sent is open", tt.name)
		}
		if got := r.Header.Get(fence.Header); got != "1" {
			t.Errorf("%s: the request's own header was changed to %q", tt.name, got)
		}
	}
}

func TestTokenFrom(t *testing.T) {
	for _, tt := range []struct {
		name string
		ctx  context.Context
		want sdk.Token
	}{
		{"nothing", t.Context(), 0},
		{"token", fence.WithToken(t.Context(), 41), 41},
		{"zero", fence.WithToken(t.Context(), 0), 0},
		{"hold", fence.WithHold(t.Context(), holder{sdk.ErrLost}), 7},
	} {
		if got, ok := fence.TokenFrom(tt.ctx); got != tt.want || ok != (tt.want != 0) {
			t.Errorf("%s: TokenFrom = %d, %v; want %d, %v", tt.name, got, ok, tt.want, tt.want != 0)
		}
	}
}

// TestParseToken shows that tokens pass as they are written, and nothing else does: a text that
// passes is the one text of its token.
func TestParseToken(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		token := rapid.Int64Range(1, 1<<53-1).Draw(t, "token")
		text := strconv.FormatInt(token, 10)
		if got, err := fence.ParseToken(text); int64(got) != token || err != nil {
			t.Errorf("ParseToken(%q) = %d, %v; want %d", text, got, err, token)
		}
		text = rapid.OneOf(rapid.String(), rapid.StringMatching(`[-+ 0_]?[0-9]{0,20}[ .ex]?`)).Draw(t, "text")
		switch got, err := fence.ParseToken(text); {
		case err != nil && (got != 0 || !errors.Is(err, sdk.ErrInput)):
			t.Errorf("ParseToken(%q) = %d, %v; want 0 and ErrInput", text, got, err)
		case err == nil && (got <= 0 || got >= 1<<53 || text != strconv.FormatInt(int64(got), 10)):
			t.Errorf("ParseToken(%q) = %d; want an error", text, got)
		}
	})
}
