package sidecar

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/lockkeeper/lockkeeper/internal/quorumtest"
	"github.com/lockkeeper/lockkeeper/sdk/sdktest"
)

// member is the URL of the service that all tests of this package run against.
var member string

// withService runs the tests beside a service of one member.
type withService struct{ tests *testing.M }

func (r withService) Run() int {
	s, err := sdktest.Open()
	if err != nil {
		log.Fatal(err)
	}
	member = s.Endpoints()[0]
	code := r.tests.Run()
	if err := s.Close(); err != nil {
		log.Fatal(err)
	}
	return code
}

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(withService{m}, quorumtest.IgnoreEtcd()...)
}

// patience is how long a test waits for anything before it fails.
const patience = 20 * time.Second

// A running is a sidecar that runs in the test's own process.
type running struct {
	url    string // of the application's door
	status string // of the probes' door
	stop   func() error
}

// start starts a sidecar whose application lives as long as it does; tweaks say otherwise. It ends
// with the test.
func start(t *testing.T, tweaks ...func(*Config)) *running {
	t.Helper()
	r, err := try(t, tweaks...)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func try(t *testing.T, tweaks ...func(*Config)) (*running, error) {
	t.Helper()
	cfg := DefaultConfig()
	cfg.Endpoints, cfg.Listen, cfg.StatusListen = []string{member}, "127.0.0.1:0", "127.0.0.1:0"
	cfg.App.Watch, cfg.App.Every = WatchAlways, 20*time.Millisecond
	cfg.Logger = slog.New(slog.NewTextHandler(t.Output(), nil))
	for _, tweak := range tweaks {
		tweak(&cfg)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ready, ended := make(chan Addresses, 1), make(chan error, 1)
	go func() { ended <- Run(ctx, cfg, func(at Addresses) { ready <- at }) }() // ends by cancel, waited for by stop
	var at Addresses
	select {
	case at = <-ready:
	case err := <-ended:
		cancel()
		return nil, err
	}
	r := &running{url: "http://" + at.Listen, status: "http://" + at.StatusListen}
	stopped := false
	r.stop = func() error {
		cancel()
		stopped = true
		return <-ended
	}
	t.Cleanup(func() {
		if stopped {
			return
		}
		if err := r.stop(); err != nil {
			t.Errorf("the sidecar: %v", err)
		}
	})
	return r, nil
}

// claims adds claims.
func claims(list ...Claim) func(*Config) {
	return func(c *Config) { c.Claims = append(c.Claims, list...) }
}

// plain is a client that leaves no connection behind.
var plain = &http.Client{
	Transport:     &http.Transport{DisableKeepAlives: true},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// An answer is what a door says.
type answer struct {
	status int
	header http.Header
	text   string
	fields map[string]any
}

// ask asks a door.
func ask(t *testing.T, method, url, body string, header ...string) answer {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	a, err := askFor(ctx, method, url, body, header...)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func askFor(ctx context.Context, method, url, body string, header ...string) (a answer, err error) {
	req, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		return a, err
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	req.Host = req.Header.Get("Host") // empty: the URL's
	resp, err := plain.Do(req)
	if err != nil {
		return a, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	a = answer{status: resp.StatusCode, header: resp.Header, text: string(text)}
	_ = json.Unmarshal(text, &a.fields) // not all are JSON
	return a, err
}

// good is ask for what must be answered with 200.
func good(t *testing.T, method, url, body string, header ...string) answer {
	t.Helper()
	a := ask(t, method, url, body, header...)
	if a.status != http.StatusOK {
		t.Fatalf("%s %s %s: %d %s", method, url, body, a.status, a.text)
	}
	return a
}

func (a answer) token() int64 {
	n, _ := a.fields["token"].(float64)
	return int64(n)
}

func (a answer) string(key string) string {
	text, _ := a.fields[key].(string)
	return text
}

// problem fails the test unless a is a problem document with that status and code.
func problem(t *testing.T, a answer, status int, code string) {
	t.Helper()
	media := a.header.Get("Content-Type")
	if a.status != status || a.string("code") != code || media != "application/problem+json" {
		t.Errorf("answer = %d %s %s; want %d %s", a.status, media, a.text, status, code)
		return
	}
	if a.string("type") != "urn:lockkeeper:problem:"+code || a.string("title") == "" || a.fields["status"] != float64(status) || a.string("detail") == "" {
		t.Errorf("problem %s lacks a field", a.text)
	}
}

// eventually waits until done reports true.
func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	over := time.After(patience)
	for !done() {
		select {
		case <-tick.C:
		case <-over:
			t.Fatalf("waited in vain for: %s", what)
		}
	}
}

// leads waits until a probe is answered with 200, and returns the token.
func leads(t *testing.T, url string) (token int64) {
	t.Helper()
	eventually(t, url+" answers 200", func() bool {
		a := ask(t, http.MethodGet, url, "")
		token = a.token()
		return a.status == http.StatusOK
	})
	return token
}

// holders returns the tokens of those who hold a lock by a member's word.
func holder(t *testing.T, name string) int64 {
	t.Helper()
	a := good(t, http.MethodGet, member+"/v1/locks/"+name+"?consistency=linearizable", "")
	who, _ := a.fields["holder"].(map[string]any)
	n, _ := who["token"].(float64)
	return int64(n)
}

// contenders returns how many hold a lock or wait for it.
func contenders(t *testing.T, name string) int {
	t.Helper()
	n, _ := good(t, http.MethodGet, member+"/v1/locks/"+name+"?consistency=linearizable", "").fields["contenders"].(float64)
	return int(n)
}

// free waits until nobody holds a lock.
func free(t *testing.T, name string) {
	t.Helper()
	eventually(t, name+" is free", func() bool { return holder(t, name) == 0 })
}

// force takes a lock away from whoever holds it.
func force(t *testing.T, name string) {
	t.Helper()
	good(t, http.MethodPost, member+"/v1/locks/"+name+"/release", `{"force":true,"reason":"test"}`)
}

// A listener is an open stream of events.
type listener struct {
	events chan Event // closed at its end
	close  func()
}

// listen opens a stream of events at url. It ends with the test.
func listen(t *testing.T, url string) *listener {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := plain.Do(req)
	if err != nil {
		cancel()
		t.Fatal(err)
	}
	if media := resp.Header.Get("Content-Type"); resp.StatusCode != http.StatusOK || media != "text/event-stream" {
		cancel()
		t.Fatalf("%s answers %s, %s", url, resp.Status, media)
	}
	l := &listener{events: make(chan Event, 1024)}
	done := make(chan struct{})
	go func() { // ends with the stream, which close ends
		defer close(done)
		defer close(l.events)
		defer resp.Body.Close()
		lines := bufio.NewScanner(resp.Body)
		for lines.Scan() {
			if text, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
				var e Event
				if err := json.Unmarshal([]byte(text), &e); err != nil {
					t.Errorf("event %s: %v", text, err)
				}
				l.events <- e
			}
		}
	}()
	l.close = func() {
		cancel()
		<-done
	}
	t.Cleanup(l.close)
	return l
}

// next waits for an event of that kind about that name, and fails the test at one that is not
// wanted meanwhile.
func (l *listener) next(t *testing.T, what, name string, never ...string) Event {
	t.Helper()
	over := time.After(patience)
	for {
		select {
		case e, ok := <-l.events:
			if !ok {
				t.Fatalf("the stream has ended without %q of %q", what, name)
			}
			for _, n := range never {
				if e.Event == n && e.Name == name {
					t.Errorf("told %+v", e)
				}
			}
			if e.Event == what && e.Name == name {
				if e.Time.IsZero() || time.Since(e.Time) > time.Minute {
					t.Errorf("the time of %+v", e)
				}
				return e
			}
		case <-over:
			t.Fatalf("waited in vain for %q of %q", what, name)
		}
	}
}

// name is a lock's name that no other test has.
func name(t *testing.T, what string) string { return fmt.Sprintf("%s/%s", t.Name(), what) }
