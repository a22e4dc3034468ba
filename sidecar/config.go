package sidecar

import (
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/url"
	"strings"
	"syscall"
	"time"

	"github.com/lockkeeper/lockkeeper/sdk"
)

// Off is the address of a door that stays closed.
const Off = "off"

// unixPrefix begins the address of a door that is a unix socket.
const unixPrefix = "unix:"

// A Config says how a sidecar runs. [DefaultConfig] has the defaults; their absence is no default.
type Config struct {
	Endpoints []string          // URLs of members
	TTL       time.Duration     // of the session
	Owner     string            // who holds, for people; empty: user@host:pid
	Labels    map[string]string // of the session

	Listen       string      // where the application comes: host:port, unix:PATH, or off
	SocketMode   fs.FileMode // of a unix socket
	StatusListen string      // host:port where probes and metrics are answered, and nothing else; or off
	Insecure     bool        // lets Listen be reached from other machines

	App    App
	Claims []Claim
	Notify Notify
	Limits Limits

	Version string
	Logger  *slog.Logger // nil: none
}

// Limits bound what a sidecar takes on. Zero is no value for any of them.
type Limits struct {
	MaxConns     int           // open connections of each door
	MaxRequests  int           // requests at work
	MaxHolds     int           // locks held by requests of the application
	MaxListeners int           // open streams of events
	MaxBody      int           // bytes of a request's body
	MaxAnswer    int           // bytes of a member's answer
	Retry        time.Duration // for how long a member is looked for that answers a request
	Start        time.Duration // for how long a request waits for the application to be found alive
	Stop         time.Duration // for letting go in order, when it is told to stop
}

// DefaultConfig returns the defaults.
func DefaultConfig() Config {
	return Config{
		Endpoints: []string{"http://127.0.0.1:7070"}, TTL: sdk.DefaultTTL,
		Listen: "127.0.0.1:7071", SocketMode: 0o660, StatusListen: Off,
		App:    App{Age: 10 * time.Second, Every: time.Second, Timeout: time.Second, Failures: 3},
		Notify: Notify{Timeout: 5 * time.Second, Attempts: 3},
		Limits: Limits{
			MaxConns: 256, MaxRequests: 128, MaxHolds: 1024, MaxListeners: 32, MaxBody: 1 << 20, MaxAnswer: 16 << 20,
			Retry: 10 * time.Second, Start: 5 * time.Second, Stop: 20 * time.Second,
		},
	}
}

// A Watch is a way to know that the application lives.
type Watch string

// The ways.
const (
	WatchConnection Watch = "connection" // it keeps a connection to GET /app open
	WatchHealth     Watch = "health"     // a URL of it answers 2xx
	WatchPID        Watch = "pid"        // its process runs
	WatchHeartbeat  Watch = "heartbeat"  // it touches a file
	WatchAlways     Watch = "always"     // it lives for as long as the sidecar does
)

// An App says how the application is known to live.
type App struct {
	Watch     Watch
	HealthURL string
	PID       int           // 0: that in PIDFile
	PIDFile   string        // read anew for each process
	Heartbeat string        // a file
	Age       time.Duration // the longest time between two touches of it
	Every     time.Duration // between two looks
	Timeout   time.Duration // for an answer of HealthURL
	Failures  int           // of HealthURL in a row, after which the application is gone
}

// A Notify says whom to tell what happens.
type Notify struct {
	Webhook  string         // a URL that each event is posted to; empty: none
	Attempts int            // of a post
	Timeout  time.Duration  // of each
	File     string         // that each event is appended to; empty: none
	Signal   syscall.Signal // for the application's process when a lock or the lead is lost; 0: none
}

// An InputError says which setting is wrong, and what to do.
type InputError struct{ Field, Problem, Fix string }

func (e *InputError) Error() string { return e.Field + ": " + e.Problem + "; " + e.Fix }

func bad(field, fix, problem string, args ...any) error {
	return &InputError{Field: field, Problem: fmt.Sprintf(problem, args...), Fix: fix}
}

func (c *Config) logger() *slog.Logger {
	if c.Logger == nil {
		return slog.New(slog.DiscardHandler)
	}
	return c.Logger
}

// Validate returns the first problem that it finds, an [*InputError].
func (c *Config) Validate() error {
	switch {
	case len(c.Endpoints) == 0:
		return bad("endpoints", "name at least one", "names no member")
	case c.TTL <= 0:
		return bad("ttl", "give a duration such as 15s", "is not above 0")
	case c.SocketMode&^0o777 != 0:
		return bad("socket-mode", "give permissions such as 0660", "is %#o", c.SocketMode)
	case c.Listen == Off && c.App.Watch == WatchConnection:
		return bad("app-connection", "open --listen, or choose another way to know that the application lives", "needs the door that --listen closes")
	case c.Listen == Off && len(c.Claims) == 0:
		return bad("listen", "name a lock or an election, or open the door", "is off, and there is nothing to hold")
	}
	if err := c.checkDoors(); err != nil {
		return err
	}
	if err := c.App.validate(); err != nil {
		return err
	}
	if err := c.Notify.validate(c.App); err != nil {
		return err
	}
	seen := map[string]bool{}
	for i := range c.Claims {
		k := &c.Claims[i]
		if err := k.validate(); err != nil {
			return err
		}
		if seen[k.Name] { // an election is a lock
			return bad(string(k.Kind), "name each once", "%q stands twice", k.Name)
		}
		seen[k.Name] = true
	}
	return c.Limits.validate()
}

func (c *Config) checkDoors() error {
	if path, ok := strings.CutPrefix(c.Listen, unixPrefix); ok {
		if path == "" || len(path) > 100 {
			return bad("listen", "give a path of 1 to 100 bytes, as unix:/run/lockkeeper.sock", "%q has no usable path", c.Listen)
		}
	} else if c.Listen != Off {
		host, _, err := net.SplitHostPort(c.Listen)
		if err != nil {
			return bad("listen", "write host:port, unix:PATH or off", "%q is no address", c.Listen)
		}
		if ip := net.ParseIP(host); !c.Insecure && host != "localhost" && (ip == nil || !ip.IsLoopback()) {
			return bad("listen", "listen on 127.0.0.1 or a unix socket; for probes there is --status-listen; --insecure-listen where only the application can come", "%q can be reached from other machines, and whoever comes acts in the application's name", c.Listen)
		}
	}
	if c.StatusListen != Off {
		if _, _, err := net.SplitHostPort(c.StatusListen); err != nil {
			return bad("status-listen", "write host:port or off", "%q is no address", c.StatusListen)
		}
	}
	return nil
}

func (a *App) validate() error {
	switch a.Watch {
	case "":
		return bad("app", "choose one of --app-connection, --app-health, --app-pid, --app-pid-file, --app-heartbeat and --app-always", "nothing says how the application is known to live")
	case WatchHealth:
		if u, err := url.Parse(a.HealthURL); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			return bad("app-health", "write http://127.0.0.1:8080/healthz", "%q is no URL", a.HealthURL)
		}
	case WatchPID:
		if (a.PIDFile == "") == (a.PID == 0) || a.PID < 0 {
			return bad("app-pid", "give the number of a process, or a file with it", "%d is no process", a.PID)
		}
	case WatchHeartbeat:
		if a.Heartbeat == "" {
			return bad("app-heartbeat", "name the file that the application touches", "is empty")
		}
	case WatchConnection, WatchAlways:
	default:
		return bad("app", "say connection, health, pid, heartbeat or always", "%q is no way to know that it lives", string(a.Watch))
	}
	switch {
	case a.Every < 10*time.Millisecond:
		return bad("app-every", "give at least 10ms", "is %v", a.Every)
	case a.Timeout <= 0:
		return bad("app-timeout", "give a duration such as 1s", "is not above 0")
	case a.Failures < 1:
		return bad("app-failures", "give at least 1", "is %d", a.Failures)
	case a.Watch == WatchHeartbeat && a.Age < 2*a.Every:
		return bad("app-heartbeat-age", "give at least two looks of --app-every", "is %v", a.Age)
	}
	return nil
}

func (n *Notify) validate(app App) error {
	switch {
	case n.Webhook != "" && !webURL(n.Webhook):
		return bad("notify-webhook", "write http://127.0.0.1:8080/locks", "%q is no URL", n.Webhook)
	case n.Signal != 0 && app.Watch != WatchPID:
		return bad("notify-signal", "give --app-pid or --app-pid-file, too", "needs to know the application's process")
	case n.Attempts < 1:
		return bad("notify-attempts", "give at least 1", "is %d", n.Attempts)
	case n.Timeout <= 0:
		return bad("notify-timeout", "give a duration such as 5s", "is not above 0")
	}
	return nil
}

func webURL(text string) bool {
	u, err := url.Parse(text)
	return err == nil && u.Host != "" && (u.Scheme == "http" || u.Scheme == "https")
}

func (l *Limits) validate() error {
	for _, x := range []struct {
		name  string
		value int64
	}{
		{"max-conns", int64(l.MaxConns)},
		{"max-requests", int64(l.MaxRequests)},
		{"max-holds", int64(l.MaxHolds)},
		{"max-listeners", int64(l.MaxListeners)},
		{"max-body-bytes", int64(l.MaxBody)},
		{"max-answer-bytes", int64(l.MaxAnswer)},
		{"retry-timeout", int64(l.Retry)},
		{"start-timeout", int64(l.Start)},
		{"stop-timeout", int64(l.Stop)},
	} {
		if x.value <= 0 {
			return bad(x.name, "leave it out for the default", "is not above 0")
		}
	}
	return nil
}
