package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/pflag"
	"golang.org/x/sys/unix"

	"github.com/lockkeeper/lockkeeper/sidecar"
)

// A sidecarConfig is what the sidecar command is told.
type sidecarConfig struct {
	sidecar.Config
	gate                gateConfig // what runs a command; it has the endpoints
	logFormat, logLevel string

	file       string
	locks      []string
	elections  []string
	value      string
	priority   int
	connection bool
	always     bool
	signal     string
}

func newSidecarConfig() *sidecarConfig {
	return &sidecarConfig{Config: sidecar.DefaultConfig(), logFormat: "text", logLevel: "info"}
}

// bind declares the flags. What is in c already is their defaults.
func (c *sidecarConfig) bind(fs *pflag.FlagSet) {
	fs.SortFlags = false
	fs.StringVar(&c.file, "config", "", "YAML `file` with the settings below, and locks and elections; flags go before it")
	c.gate.members.bindEndpoints(fs)
	fs.StringVar(&c.Listen, "listen", c.Listen, "`address` where the application comes: host:port, unix:PATH, or off")
	fs.Var((*modeValue)(&c.SocketMode), "socket-mode", "`permissions` of a unix socket")
	fs.StringVar(&c.StatusListen, "status-listen", c.StatusListen, "`address` for probes and metrics only, which others may reach, or off")
	fs.BoolVar(&c.Insecure, "insecure-listen", false, "allow --listen off loopback: whoever comes acts in the application's name")
	fs.DurationVar(&c.TTL, "ttl", c.TTL, "`duration` for which others wait when this machine dies, and an outage may last")
	fs.StringVar(&c.Owner, "owner", "", "`text` that says who holds (default: user@host:pid)")
	fs.StringToStringVar(&c.Labels, "labels", nil, "`key=value,…` of the session, for people who look at it")

	a := &c.App
	fs.BoolVar(&c.connection, "app-connection", false, "the application lives while it keeps GET /app open")
	fs.StringVar(&a.HealthURL, "app-health", "", "it lives while this `URL` answers 2xx")
	fs.IntVar(&a.PID, "app-pid", 0, "it lives while the process of this `number` runs")
	fs.StringVar(&a.PIDFile, "app-pid-file", "", "it lives while the process whose number stands in this `file` runs")
	fs.StringVar(&a.Heartbeat, "app-heartbeat", "", "it lives while it touches this `file`")
	fs.BoolVar(&c.always, "app-always", false, "it lives for as long as the sidecar runs")
	fs.DurationVar(&a.Every, "app-every", a.Every, "between two looks at the application")
	fs.DurationVar(&a.Timeout, "app-timeout", a.Timeout, "for an answer of --app-health")
	fs.IntVar(&a.Failures, "app-failures", a.Failures, "bad answers of --app-health in a row, after which it is gone")
	fs.DurationVar(&a.Age, "app-heartbeat-age", a.Age, "between two touches of --app-heartbeat, at most")

	fs.StringArrayVar(&c.elections, "elect", nil, "election's `name` to campaign in; may be repeated")
	fs.StringVar(&c.value, "value", "", "of --elect: `text` that the leader says to everybody: its address, for example (default: --owner)")
	fs.IntVar(&c.priority, "priority", 0, "of --elect: `number`, from 0 to 1000000; a leader of lower priority is asked to hand over")
	fs.StringArrayVar(&c.locks, "lock", nil, "lock's `name` to hold; may be repeated")

	n := &c.Notify
	fs.StringVar(&n.Webhook, "notify-webhook", "", "`URL` that each event is posted to")
	fs.DurationVar(&n.Timeout, "notify-timeout", n.Timeout, "of each post")
	fs.IntVar(&n.Attempts, "notify-attempts", n.Attempts, "of each post")
	fs.StringVar(&n.File, "notify-file", "", "`file` that each event is appended to, as a line of JSON")
	fs.StringVar(&c.signal, "notify-signal", "", "`signal` for the application's process when something is lost, such as USR1")

	l := &c.Limits
	fs.IntVar(&l.MaxConns, "max-conns", l.MaxConns, "open connections of each door")
	fs.IntVar(&l.MaxRequests, "max-requests", l.MaxRequests, "requests at work")
	fs.IntVar(&l.MaxHolds, "max-holds", l.MaxHolds, "locks held by requests whose loss is told")
	fs.IntVar(&l.MaxListeners, "max-listeners", l.MaxListeners, "open streams of events")
	fs.IntVar(&l.MaxBody, "max-body-bytes", l.MaxBody, "`bytes` of a request's body")
	fs.IntVar(&l.MaxAnswer, "max-answer-bytes", l.MaxAnswer, "`bytes` of a member's answer")
	fs.DurationVar(&l.Retry, "retry-timeout", l.Retry, "a member is looked for that answers a request")
	fs.DurationVar(&l.Start, "start-timeout", l.Start, "a request waits for the application to be found alive")
	fs.DurationVar(&l.Stop, "stop-timeout", l.Stop, "letting go in order may take")

	c.gate.bind(fs)

	fs.StringVar(&c.logFormat, "log-format", c.logFormat, "`format` of the log on standard error: text or json")
	fs.StringVar(&c.logLevel, "log-level", c.logLevel, "`level` of the log: debug, info, warn or error")
}

// load completes the flags from the environment and the file, and checks the whole.
func (c *sidecarConfig) load(fs *pflag.FlagSet, environ []string) error {
	origins := map[string]string{}
	if err := noGate(fs); err != nil {
		return err
	}
	if err := applyEnv(fs, environ, origins); err != nil {
		return err
	}
	var inFile []sidecar.Claim
	if c.file != "" {
		keys, err := readFile(c.file)
		if err != nil {
			return err
		}
		if inFile, err = takeClaims(c.file, keys); err != nil {
			return err
		}
		if err := applyKeys(fs, "sidecar", c.file, keys, origins); err != nil {
			return err
		}
	}
	if err := c.gate.members.checkEndpoints(); err != nil {
		return err
	}
	c.Endpoints = c.gate.members.endpoints
	if (c.value != "" || c.priority != 0) && len(c.elections) == 0 {
		return errors.New("--value, --priority: are of the elections of --elect; in the file they stand beside each")
	}
	for _, name := range c.elections {
		c.Claims = append(c.Claims, sidecar.Claim{Kind: sidecar.Election, Name: lockName(name), Value: c.value, Priority: c.priority})
	}
	for _, name := range c.locks {
		c.Claims = append(c.Claims, sidecar.Claim{Kind: sidecar.Lock, Name: lockName(name)})
	}
	c.Claims = append(c.Claims, inFile...)
	var err error
	if c.Notify.Signal, err = signalNumber(c.signal); err != nil {
		return err
	}
	if err := c.watch(); err != nil {
		return err
	}
	if _, err := newHandler(nil, false, c.logFormat, c.logLevel); err != nil {
		return err
	}
	if err := c.Validate(); err != nil {
		if input, ok := errors.AsType[*sidecar.InputError](err); ok {
			return settingError(input)
		}
		return err
	}
	return nil
}

// watch takes the one way to know that the application lives that is given.
func (c *sidecarConfig) watch() error {
	var given []string
	for _, way := range []struct {
		given bool
		flag  string
		watch sidecar.Watch
	}{
		{c.connection, "--app-connection", sidecar.WatchConnection},
		{c.App.HealthURL != "", "--app-health", sidecar.WatchHealth},
		{c.App.PID != 0, "--app-pid", sidecar.WatchPID},
		{c.App.PIDFile != "", "--app-pid-file", sidecar.WatchPID},
		{c.App.Heartbeat != "", "--app-heartbeat", sidecar.WatchHeartbeat},
		{c.always, "--app-always", sidecar.WatchAlways},
	} {
		if way.given {
			given, c.App.Watch = append(given, way.flag), way.watch
		}
	}
	if len(given) > 1 {
		return fmt.Errorf("%s: are several ways to know that the application lives; choose one", strings.Join(given, ", "))
	}
	return nil
}

// A claimFile is a lock or an election as the file has it.
type claimFile struct {
	Name     string    `json:"name"`
	Reason   string    `json:"reason"`
	Value    string    `json:"value"`
	Priority int       `json:"priority"`
	Compat   string    `json:"compat"`
	OnGain   *hookFile `json:"on-gain"`
	OnLoss   *hookFile `json:"on-loss"`
}

type hookFile struct {
	Command []string `json:"command"`
	URL     string   `json:"url"`
	Timeout string   `json:"timeout"`
}

// takeClaims takes the locks and elections out of what a file says.
func takeClaims(file string, keys map[string]any) ([]sidecar.Claim, error) {
	var claims []sidecar.Claim
	for _, list := range []struct {
		key  string
		kind sidecar.Kind
	}{{"locks", sidecar.Lock}, {"elections", sidecar.Election}} {
		raw, ok := keys[list.key]
		if !ok {
			continue
		}
		delete(keys, list.key)
		text, err := json.Marshal(raw)
		if err != nil {
			return nil, fmt.Errorf("%s: %s: %w", file, list.key, err)
		}
		d := json.NewDecoder(strings.NewReader(string(text)))
		d.DisallowUnknownFields()
		var found []claimFile
		if err := d.Decode(&found); err != nil {
			return nil, fmt.Errorf("%s: %s: is not a list of those with name, reason, value, priority, compat, on-gain and on-loss: %w", file, list.key, err)
		}
		for i := range found {
			claim, err := found[i].claim(list.kind)
			if err != nil {
				return nil, fmt.Errorf("%s: %s: %q: %w", file, list.key, found[i].Name, err)
			}
			claims = append(claims, claim)
		}
	}
	return claims, nil
}

func (f *claimFile) claim(kind sidecar.Kind) (c sidecar.Claim, err error) {
	c = sidecar.Claim{Kind: kind, Name: lockName(f.Name), Reason: f.Reason, Value: f.Value, Priority: f.Priority}
	switch f.Compat {
	case "":
	case "all":
		c.All = true
	case "latch":
		c.Latch = true
	default:
		return c, fmt.Errorf("compat: is %q; say all or latch, or leave it out", f.Compat)
	}
	if c.OnGain, err = f.OnGain.hook(); err != nil {
		return c, fmt.Errorf("on-gain: %w", err)
	}
	if c.OnLoss, err = f.OnLoss.hook(); err != nil {
		return c, fmt.Errorf("on-loss: %w", err)
	}
	return c, nil
}

func (f *hookFile) hook() (h sidecar.Hook, err error) {
	if f == nil {
		return h, nil
	}
	h.Command, h.URL = f.Command, f.URL
	if f.Timeout != "" {
		if h.Timeout, err = time.ParseDuration(f.Timeout); err != nil {
			return h, fmt.Errorf("timeout: %q is not a duration; write it as 10s", f.Timeout)
		}
	}
	if len(h.Command) == 0 && h.URL == "" {
		return h, errors.New("has neither command nor url")
	}
	return h, nil
}

// signalNumber returns the signal called name, with or without its SIG; 0 for none.
func signalNumber(name string) (syscall.Signal, error) {
	if name == "" {
		return 0, nil
	}
	number := unix.SignalNum("SIG" + strings.TrimPrefix(strings.ToUpper(name), "SIG"))
	if number == 0 {
		return 0, fmt.Errorf("--notify-signal: there is no signal %q; write USR1, TERM or HUP", name)
	}
	return number, nil
}

// A modeValue is the flag of a file's permissions.
type modeValue fs.FileMode

// String is part of [pflag.Value].
func (m *modeValue) String() string { return fmt.Sprintf("%04o", uint32(*m)) }

// Set is part of [pflag.Value].
func (m *modeValue) Set(text string) error {
	n, err := strconv.ParseUint(text, 8, 9)
	if err != nil {
		return errors.New("write permissions as 0660")
	}
	*m = modeValue(n)
	return nil
}

// Type names the kind of value in help texts.
func (m *modeValue) Type() string { return "permissions" }
