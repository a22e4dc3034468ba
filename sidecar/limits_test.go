package sidecar

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lockkeeper/lockkeeper/sdk"
)

// TestTheLimits: more than is set is refused, or not looked after, and what was there before goes on.
func TestTheLimits(t *testing.T) {
	t.Parallel()
	r := start(t, func(c *Config) { c.Limits.MaxRequests, c.Limits.MaxListeners, c.Limits.MaxHolds = 1, 2, 1 })
	n := name(t, "l")
	good(t, http.MethodPost, r.url+"/v1/locks/"+n+"/acquire", "")
	other := good(t, http.MethodPost, r.url+"/v1/locks/"+n+"/two/acquire", "")
	if got := held(t, r); strings.Contains(got, "two") {
		t.Errorf("holds %q", got)
	}
	good(t, http.MethodPost, r.url+"/v1/locks/"+n+"/two/release", fmt.Sprintf(`{"token":%d}`, other.token()))

	waiting := good(t, http.MethodPost, member+"/v1/locks/"+n+"/wait/acquire", `{"ttl":"1m"}`)
	ctx, hangUp := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { // ends by hangUp
		defer close(done)
		_, _ = askFor(ctx, http.MethodPost, r.url+"/v1/locks/"+n+"/wait/acquire", `{"wait":"1m"}`)
	}()
	eventually(t, "it waits", func() bool { return contenders(t, n+"/wait") == 2 })
	problem(t, ask(t, http.MethodGet, r.url+"/v1/locks/"+n, ""), http.StatusTooManyRequests, "too_many_requests")
	good(t, http.MethodGet, r.url+"/state", "")
	hangUp()
	<-done
	eventually(t, "requests are answered again", func() bool {
		return ask(t, http.MethodGet, r.url+"/v1/locks/"+n, "").status == http.StatusOK
	})
	good(t, http.MethodPost, member+"/v1/locks/"+n+"/wait/release", fmt.Sprintf(`{"session":%q}`, waiting.string("session")))

	first := listen(t, r.url+"/events")
	listen(t, r.url+"/app")
	problem(t, ask(t, http.MethodGet, r.url+"/events", ""), http.StatusTooManyRequests, "too_many_listeners")
	problem(t, ask(t, http.MethodGet, r.url+"/app", ""), http.StatusTooManyRequests, "too_many_listeners")
	first.close()
	eventually(t, "there is room for another", func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		req := must(http.NewRequestWithContext(ctx, http.MethodGet, r.url+"/events", nil))
		resp, err := plain.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
}

// TestConnectionsAreBounded: more than are set wait, and the first are answered.
func TestConnectionsAreBounded(t *testing.T) {
	t.Parallel()
	r := start(t, func(c *Config) { c.Limits.MaxConns = 2 })
	first := listen(t, r.url+"/events")
	listen(t, r.url+"/events")
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if a, err := askFor(ctx, http.MethodGet, r.url+"/healthz", ""); err == nil {
		t.Errorf("a third connection is answered: %d", a.status)
	}
	good(t, http.MethodGet, r.status+"/healthz", "") // the other door's are its own
	first.close()
	good(t, http.MethodGet, r.url+"/healthz", "")
}

// TestASlowListenerIsCut: it never keeps anybody waiting.
func TestASlowListenerIsCut(t *testing.T) {
	t.Parallel()
	cfg := DefaultConfig()
	n, err := newNotifier(Notify{}, 2, nil, func(Event) {}, cfg.logger())
	if err != nil {
		t.Fatal(err)
	}
	slow, leave, ok := n.listen()
	if !ok {
		t.Fatal("refused")
	}
	defer leave()
	quick, leaveToo, _ := n.listen()
	defer leaveToo()
	for range unread + 1 {
		n.tell(Event{Event: Lost})
		<-quick
	}
	got := 0
	for range slow { // ends, as it is closed
		got++
	}
	if got != unread {
		t.Errorf("it was told %d events before it was cut; want %d", got, unread)
	}
	n.tell(Event{Event: Held})
	if e := <-quick; e.Event != Held {
		t.Errorf("the other is told %+v", e)
	}
	n.close(t.Context())
	if _, _, ok := n.listen(); ok {
		t.Error("one that is closed takes another")
	}
	n.tell(Event{Event: Held}) // told to nobody
}

// TestTheSocket: its permissions; one that a killed sidecar has left is replaced, one in use is not, and
// what is no socket stays.
func TestTheSocket(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "s")
	on := func(c *Config) { c.Listen, c.SocketMode = unixPrefix+path, 0o600 }
	left, err := net.ListenUnix("unix", &net.UnixAddr{Name: path})
	if err != nil {
		t.Fatal(err)
	}
	left.SetUnlinkOnClose(false)
	left.Close()
	r := start(t, on)
	if r.url != "http://unix:"+path {
		t.Errorf("it listens at %s", r.url)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the socket: %v, %v", info.Mode(), err)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", path)
	}}}
	req := must(http.NewRequestWithContext(t.Context(), http.MethodPost, "http://sidecar/v1/locks/"+name(t, "l")+"/acquire", nil))
	resp, err := client.Do(req)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("acquire by the socket: %v, %v", resp, err)
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
	if _, err := try(t, on); err == nil || !strings.Contains(err.Error(), "another process listens there") {
		t.Errorf("a second sidecar: %v", err)
	}
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the socket after the end: %v", err)
	}
	if err := os.WriteFile(path, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := try(t, on); err == nil {
		t.Error("a sidecar has replaced a file that is no socket")
	}
	if text, _ := os.ReadFile(path); string(text) != "mine" {
		t.Errorf("the file: %q", text)
	}
}

// TestNoMember: the doors are open before a member answers, and say so; requests are given up in time.
func TestNoMember(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close() // nobody answers there
	r := start(t, claims(Claim{Kind: Lock, Name: name(t, "l")}), func(c *Config) {
		c.Endpoints, c.Limits.Retry, c.Limits.Start = []string{"http://" + l.Addr().String()}, 200*time.Millisecond, 100*time.Millisecond
	})
	good(t, http.MethodGet, r.status+"/healthz", "")
	if a := ask(t, http.MethodGet, r.status+"/readyz", ""); a.status != http.StatusServiceUnavailable || a.string("status") != "unreachable" {
		t.Errorf("ready: %d %s", a.status, a.text)
	}
	if a := ask(t, http.MethodGet, r.status+"/held", ""); a.status != http.StatusServiceUnavailable {
		t.Errorf("held: %d %s", a.status, a.text)
	}
	for _, path := range []string{"/v1/locks/x/acquire", "/v1/sessions"} {
		a := ask(t, http.MethodPost, r.url+path, "")
		problem(t, a, http.StatusServiceUnavailable, "unavailable")
		if a.header.Get("Retry-After") == "" {
			t.Errorf("%s: no Retry-After", path)
		}
	}
	problem(t, ask(t, http.MethodGet, r.url+"/v1/locks/x", ""), http.StatusServiceUnavailable, "unavailable")
}

// TestDoorsThatCannotBeOpened: the error says which.
func TestDoorsThatCannotBeOpened(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for field, tweak := range map[string]func(*Config){
		"listen":        func(c *Config) { c.Listen = l.Addr().String() },
		"status-listen": func(c *Config) { c.StatusListen = l.Addr().String() },
		"notify-file":   func(c *Config) { c.Notify.File = filepath.Join(t.TempDir(), "no", "where") },
	} {
		if _, err := try(t, tweak); err == nil || !strings.HasPrefix(err.Error(), field+": ") {
			t.Errorf("%s: %v", field, err)
		}
	}
}

// TestEverySettingIsChecked: the error names the setting, and says what to do.
func TestEverySettingIsChecked(t *testing.T) {
	t.Parallel()
	claim := Claim{Kind: Election, Name: "e"}
	with := func(change func(*Claim)) func(*Config) {
		return func(c *Config) {
			k := claim
			change(&k)
			c.Claims = []Claim{k}
		}
	}
	watch := func(w Watch, change func(*App)) func(*Config) {
		return func(c *Config) {
			c.App.Watch = w
			change(&c.App)
		}
	}
	for i, x := range []struct {
		field string
		tweak func(*Config)
	}{
		{"endpoints", func(c *Config) { c.Endpoints = nil }},
		{"ttl", func(c *Config) { c.TTL = 0 }},
		{"socket-mode", func(c *Config) { c.SocketMode = 0o1777 }},
		{"app-connection", func(c *Config) { c.Listen, c.App.Watch = Off, WatchConnection }},
		{"listen", func(c *Config) { c.Listen = Off }},
		{"listen", func(c *Config) { c.Listen = "nowhere" }},
		{"listen", func(c *Config) { c.Listen = unixPrefix }},
		{"listen", func(c *Config) { c.Listen = unixPrefix + strings.Repeat("x", 101) }},
		{"listen", func(c *Config) { c.Listen = "0.0.0.0:7071" }},
		{"listen", func(c *Config) { c.Listen = ":7071" }},
		{"listen", func(c *Config) { c.Listen = "app.example:7071" }},
		{"status-listen", func(c *Config) { c.StatusListen = "nowhere" }},
		{"app", watch("", func(*App) {})},
		{"app", watch("guess", func(*App) {})},
		{"app-health", watch(WatchHealth, func(*App) {})},
		{"app-health", watch(WatchHealth, func(a *App) { a.HealthURL = "ftp://127.0.0.1/x" })},
		{"app-pid", watch(WatchPID, func(*App) {})},
		{"app-pid", watch(WatchPID, func(a *App) { a.PID = -1 })},
		{"app-pid", watch(WatchPID, func(a *App) { a.PID, a.PIDFile = 1, "x" })},
		{"app-heartbeat", watch(WatchHeartbeat, func(*App) {})},
		{"app-heartbeat-age", watch(WatchHeartbeat, func(a *App) { a.Heartbeat, a.Age = "x", a.Every })},
		{"app-every", func(c *Config) { c.App.Every = time.Millisecond }},
		{"app-timeout", func(c *Config) { c.App.Timeout = 0 }},
		{"app-failures", func(c *Config) { c.App.Failures = 0 }},
		{"notify-webhook", func(c *Config) { c.Notify.Webhook = "127.0.0.1:80" }},
		{"notify-signal", func(c *Config) { c.Notify.Signal = 10 }},
		{"notify-attempts", func(c *Config) { c.Notify.Attempts = 0 }},
		{"notify-timeout", func(c *Config) { c.Notify.Timeout = 0 }},
		{"election", with(func(k *Claim) { k.Name = "" })},
		{"election", func(c *Config) { c.Claims = []Claim{claim, claim} }},
		{"lock", func(c *Config) { c.Claims = []Claim{claim, {Kind: Lock, Name: claim.Name}} }},
		{"locks", with(func(k *Claim) { k.Kind, k.Value = Lock, "v" })},
		{"locks", with(func(k *Claim) { k.Kind, k.Priority = Lock, 1 })},
		{"locks", with(func(k *Claim) { k.Kind, k.Latch = Lock, true })},
		{"priority", with(func(k *Claim) { k.Priority = -1 })},
		{"priority", with(func(k *Claim) { k.Priority = 1_000_001 })},
		{"compat", with(func(k *Claim) { k.All, k.Latch = true, true })},
		{"on-gain", with(func(k *Claim) { k.OnGain = Hook{Command: []string{"true"}, URL: "http://x"} })},
		{"on-gain", with(func(k *Claim) { k.OnGain = Hook{URL: "x"} })},
		{"on-loss", with(func(k *Claim) { k.OnLoss = Hook{Command: []string{"/no/such/program"}} })},
		{"on-loss", with(func(k *Claim) { k.OnLoss = Hook{URL: "http://x", Timeout: -1} })},
		{"max-conns", func(c *Config) { c.Limits.MaxConns = 0 }},
		{"max-requests", func(c *Config) { c.Limits.MaxRequests = 0 }},
		{"max-holds", func(c *Config) { c.Limits.MaxHolds = -1 }},
		{"max-listeners", func(c *Config) { c.Limits.MaxListeners = 0 }},
		{"max-body-bytes", func(c *Config) { c.Limits.MaxBody = 0 }},
		{"max-answer-bytes", func(c *Config) { c.Limits.MaxAnswer = 0 }},
		{"retry-timeout", func(c *Config) { c.Limits.Retry = 0 }},
		{"start-timeout", func(c *Config) { c.Limits.Start = 0 }},
		{"stop-timeout", func(c *Config) { c.Limits.Stop = 0 }},
	} {
		cfg := DefaultConfig()
		cfg.App.Watch = WatchAlways
		x.tweak(&cfg)
		err := Run(t.Context(), cfg, nil)
		if e, ok := errors.AsType[*InputError](err); !ok || e.Field != x.field || e.Problem == "" || e.Fix == "" {
			t.Errorf("case %d: %v; want an error about %s", i, err, x.field)
		}
	}
	cfg := DefaultConfig()
	cfg.App.Watch, cfg.Listen, cfg.Insecure, cfg.TTL = WatchAlways, "0.0.0.0:0", true, sdk.DefaultTTL
	if err := cfg.Validate(); err != nil {
		t.Errorf("what is right: %v", err)
	}
}
