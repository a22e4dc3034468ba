package main

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"
	"sigs.k8s.io/yaml"

	"github.com/lockkeeper/lockkeeper/internal/supervise"
	"github.com/lockkeeper/lockkeeper/server"
)

// envPrefix stands before the name of a flag, in capitals and with underscores, in the
// environment: --http-listen is LOCKKEEPER_HTTP_LISTEN.
const envPrefix = "LOCKKEEPER_"

// A serveConfig is what the serve command is told. Each setting is one flag of
// [serveConfig.bind]; the variable and the key in the file take their names from it.
type serveConfig struct {
	server.Config
	logFormat, logLevel string

	file  string // --config; not itself a key of the file
	print bool   // --print-config
}

func newServeConfig() *serveConfig {
	return &serveConfig{Config: server.DefaultConfig(), logFormat: "text", logLevel: "info"}
}

// notSettings are the flags of serve that the file does not know.
var notSettings = []string{"config", "print-config", "help"}

// bind declares the flags. What is in c already is their defaults.
func (c *serveConfig) bind(fs *pflag.FlagSet) {
	fs.SortFlags = false
	fs.StringVar(&c.file, "config", "", "YAML `file` with the settings below; flags and variables go before it")
	fs.BoolVar(&c.print, "print-config", false, "print the settings in effect as such a file, and end")

	fs.StringVar(&c.Name, "name", c.Name, "this member's `name` in its cluster")
	fs.StringVar(&c.DataDir, "data-dir", c.DataDir, "`directory` of everything the member keeps")
	fs.StringVar(&c.HTTPListen, "http-listen", c.HTTPListen, "`address` of the REST door, or off")
	fs.StringVar(&c.ZooKeeperListen, "zookeeper-listen", c.ZooKeeperListen, "`address` of the ZooKeeper door, or off")
	fs.StringVar(&c.ClientListen, "client-listen", c.ClientListen, "`address` where other members reach this one's writer")
	fs.StringVar(&c.PeerListen, "peer-listen", c.PeerListen, "`address` of the quorum's own traffic")
	fs.StringVar(&c.AdvertiseClient, "advertise-client", c.AdvertiseClient, "`address` others dial for --client-listen, where it differs")
	fs.StringVar(&c.AdvertisePeer, "advertise-peer", c.AdvertisePeer, "`address` others dial for --peer-listen, where it differs")
	fs.Var(&clusterValue{&c.InitialCluster}, "initial-cluster", "founding members as `name=peer-url,…`, this one included; empty: alone")
	fs.StringVar(&c.Join, "join", c.Join, "client `addresses` of a running cluster to join, separated by commas")
	fs.DurationVar(&c.Heartbeat, "heartbeat", c.Heartbeat, "between the leader's signs of life")
	fs.DurationVar(&c.Election, "election", c.Election, "silence of the leader after which another is elected")
	fs.DurationVar(&c.DrainDelay, "drain-delay", c.DrainDelay, "a member that is to stop goes on serving after /readyz has said so")
	fs.DurationVar(&c.DrainTimeout, "drain-timeout", c.DrainTimeout, "its clients have then to go, and its requests to finish")
	fs.BoolVar(&c.InsecureClientListen, "insecure-client-listen", c.InsecureClientListen, "allow plain text off loopback for --client-listen and --peer-listen, on closed networks")
	fs.StringVar(&c.TLS.CertFile, "tls-cert-file", c.TLS.CertFile, "PEM `file`: this member's certificate towards other members")
	fs.StringVar(&c.TLS.KeyFile, "tls-key-file", c.TLS.KeyFile, "PEM `file`: its key")
	fs.StringVar(&c.TLS.CAFile, "tls-ca-file", c.TLS.CAFile, "PEM `file`: the authorities that sign members' certificates")

	l := &c.Limits
	fs.IntVar(&l.MaxBodyBytes, "max-body-bytes", l.MaxBodyBytes, "`bytes` of one REST request's body")
	fs.IntVar(&l.MaxNameBytes, "max-name-bytes", l.MaxNameBytes, "`bytes` of a lock's name")
	fs.IntVar(&l.MaxTextBytes, "max-text-bytes", l.MaxTextBytes, "`bytes` of an owner or a reason, each")
	fs.IntVar(&l.MaxRequestIDBytes, "max-request-id-bytes", l.MaxRequestIDBytes, "`bytes` of a request id")
	fs.IntVar(&l.MaxLabelBytes, "max-label-bytes", l.MaxLabelBytes, "`bytes` of all labels of a session")
	fs.IntVar(&l.MaxMetadataBytes, "max-metadata-bytes", l.MaxMetadataBytes, "`bytes` of all metadata of a place in a queue")
	fs.IntVar(&l.MaxConns, "max-conns", l.MaxConns, "open connections of the REST door")
	fs.IntVar(&l.MaxInFlight, "max-in-flight", l.MaxInFlight, "REST requests at work")
	fs.IntVar(&l.MaxWaiting, "max-waiting", l.MaxWaiting, "REST requests held open for a lock")
	fs.IntVar(&l.MaxEventStreams, "max-event-streams", l.MaxEventStreams, "open event streams")
	fs.IntVar(&l.MaxStreams, "max-streams", l.MaxStreams, "open streams")
	fs.IntVar(&l.MaxStreamInFlight, "max-stream-in-flight", l.MaxStreamInFlight, "requests of one stream at work")
	fs.IntVar(&l.MaxStreamWaiting, "max-stream-waiting", l.MaxStreamWaiting, "requests of one stream that wait for a lock")
	fs.IntVar(&l.MaxStreamSessions, "max-stream-sessions", l.MaxStreamSessions, "sessions attached to one stream")
	fs.IntVar(&l.MaxStreamSubscriptions, "max-stream-subscriptions", l.MaxStreamSubscriptions, "subscriptions to events of one stream")
	fs.IntVar(&l.MaxStreamFrameBytes, "max-stream-frame-bytes", l.MaxStreamFrameBytes, "`bytes` of one message of a stream, either way; at least 65536")
	fs.IntVar(&l.MaxStreamUnsentBytes, "max-stream-unsent-bytes", l.MaxStreamUnsentBytes, "`bytes` that a stream's client may leave unread; at least two messages")
	fs.DurationVar(&l.StreamSilence, "stream-silence", l.StreamSilence, "a stream's client may be silent before it is cut")
	fs.IntVar(&l.PageLimit, "page-limit", l.PageLimit, "locks or sessions on one page of a list")
	fs.IntVar(&l.MaxSessions, "max-sessions", l.MaxSessions, "sessions alive")
	fs.IntVar(&l.MaxWaiters, "max-waiters", l.MaxWaiters, "places in the queue of one lock")
	fs.IntVar(&l.MaxPermits, "max-permits", l.MaxPermits, "permits of a semaphore that one request may ask for")
	fs.IntVar(&l.MaxNames, "max-lock-names", l.MaxNames, "locks that one request may ask for together")
	fs.IntVar(&l.MaxEntries, "max-reentrant", l.MaxEntries, "times that one owner may take a reentrant lock without releasing it")
	fs.DurationVar(&l.MaxLockDelay, "max-lock-delay", l.MaxLockDelay, "a lock may rest after its holder's session has expired")
	fs.DurationVar(&l.MinTTL, "min-ttl", l.MinTTL, "shorter TTLs are raised to it")
	fs.DurationVar(&l.MaxTTL, "max-ttl", l.MaxTTL, "longer TTLs are lowered to it")
	fs.DurationVar(&l.MaxWait, "max-wait", l.MaxWait, "one REST request may wait for a lock")
	fs.DurationVar(&l.RequestTimeout, "request-timeout", l.RequestTimeout, "a request that does not wait may take")
	fs.DurationVar(&l.HeaderTimeout, "header-timeout", l.HeaderTimeout, "a client may take to send a request's header")
	fs.DurationVar(&l.ReadTimeout, "read-timeout", l.ReadTimeout, "a client may take to send a whole request")
	fs.DurationVar(&l.WriteTimeout, "write-timeout", l.WriteTimeout, "a client may take to read an answer")
	fs.DurationVar(&l.IdleTimeout, "idle-timeout", l.IdleTimeout, "a connection may rest between requests")
	fs.DurationVar(&l.EventHeartbeat, "event-heartbeat", l.EventHeartbeat, "between signs of life on a silent event stream")
	fs.Var((*sizeValue)(&l.MinFreeDisk), "min-free-disk", "free `size` on the data directory's disk below which nothing new is taken")
	fs.Var((*sizeValue)(&l.MaxDatabaseBytes), "max-database-bytes", "`size` in use in the database above which nothing new is taken")
	fs.IntVar(&l.MaxParticipants, "max-participants", l.MaxParticipants, "participants of one double barrier")
	fs.IntVar(&l.MaxValueBytes, "max-value-bytes", l.MaxValueBytes, "`bytes` of the data of one znode, written over REST or a stream")

	fs.StringVar(&c.Deadlocks, "deadlocks", c.Deadlocks, "`what` becomes of a request that says nothing, whose wait would close a cycle: refuse, report or off")
	fs.IntVar(&l.DeadlockSearch, "deadlock-search-limit", l.DeadlockSearch, "places in queues that one search for a cycle looks at; beyond, nothing is claimed")
	fs.DurationVar(&l.DeadlockReport, "deadlock-report-after", l.DeadlockReport, "a wait lasts before it is looked whether it is part of a cycle to report, or for oneself")

	z := &c.ZooKeeper
	fs.DurationVar(&z.MinSessionTimeout, "zookeeper-min-session-timeout", z.MinSessionTimeout, "shorter timeouts of ZooKeeper's clients are raised to it")
	fs.DurationVar(&z.MaxSessionTimeout, "zookeeper-max-session-timeout", z.MaxSessionTimeout, "longer ones are lowered to it")
	fs.IntVar(&z.MaxClientCnxns, "zookeeper-max-client-cnxns", z.MaxClientCnxns, "ZooKeeper connections of one address; 0: any number")
	fs.IntVar(&z.MaxBufferBytes, "zookeeper-max-buffer-bytes", z.MaxBufferBytes, "`bytes` of one ZooKeeper request, as jute.maxbuffer")
	fs.IntVar(&z.MaxOutstanding, "zookeeper-max-outstanding", z.MaxOutstanding, "requests of one ZooKeeper connection at work")
	fs.IntVar(&z.MaxUnsentBytes, "zookeeper-max-unsent-bytes", z.MaxUnsentBytes, "`bytes` that a ZooKeeper client may leave unread before it is cut")
	fs.DurationVar(&z.ConnectTimeout, "zookeeper-connect-timeout", z.ConnectTimeout, "a ZooKeeper client may take to ask for a session")
	fs.StringVar(&z.Words, "zookeeper-4lw-whitelist", z.Words, "four-letter `words` that are answered, separated by commas; *: all")
	fs.DurationVar(&z.ContainerCheck, "zookeeper-container-check-interval", z.ContainerCheck, "between two looks for empty containers and lapsed TTL znodes, which are removed")
	fs.BoolVar(&z.EnforceQuota, "zookeeper-enforce-quota", z.EnforceQuota, "refuse what a ZooKeeper quota's hard limit forbids; the same at every member")
	fs.StringVar(&z.SuperDigestFile, "zookeeper-super-digest-file", z.SuperDigestFile, "`file` with super:digest, who passes every ACL; empty: nobody")

	fs.StringVar(&c.logFormat, "log-format", c.logFormat, "`format` of the log on standard error: text or json")
	fs.StringVar(&c.logLevel, "log-level", c.logLevel, "`level` of the log: debug, info, warn or error")
}

// load completes the flags that the command line did not give, from the environment and then from
// the file, and checks the whole. It returns where each setting that is not a default came from.
func (c *serveConfig) load(fs *pflag.FlagSet, environ []string) (origins map[string]string, err error) {
	origins = map[string]string{}
	fs.Visit(func(f *pflag.Flag) { origins[f.Name] = "--" + f.Name })
	if err := applyEnv(fs, environ, origins); err != nil {
		return nil, err
	}
	if c.file != "" {
		if err := applyFile(fs, c.file, origins); err != nil {
			return nil, err
		}
	}
	if err := c.Validate(); err != nil {
		return nil, err
	}
	if _, err := newHandler(nil, false, c.logFormat, c.logLevel); err != nil {
		return nil, err
	}
	return origins, nil
}

// A clientConfig is what the commands that talk to members are told.
type clientConfig struct {
	endpoints []string
	timeout   time.Duration
	json      bool
}

func (c *clientConfig) bindEndpoints(fs *pflag.FlagSet) {
	fs.StringSliceVar(&c.endpoints, "endpoints", []string{"http://127.0.0.1:7070"}, "`URLs` of members, tried in order, separated by commas; LOCKKEEPER_ENDPOINTS")
}

func (c *clientConfig) bind(fs *pflag.FlagSet) {
	c.bindEndpoints(fs)
	fs.DurationVar(&c.timeout, "timeout", 5*time.Second, "for the whole command; LOCKKEEPER_TIMEOUT")
	fs.BoolVar(&c.json, "json", false, "print JSON for scripts")
}

func (c *clientConfig) load(fs *pflag.FlagSet, environ []string) error {
	if err := applyEnv(fs, environ, map[string]string{}); err != nil {
		return err
	}
	if c.timeout <= 0 {
		return errors.New("--timeout: must be greater than 0")
	}
	return c.checkEndpoints()
}

// checkEndpoints turns the endpoints into URLs.
func (c *clientConfig) checkEndpoints() error {
	for i, e := range c.endpoints {
		url, err := endpointURL(e)
		if err != nil {
			return fmt.Errorf("--endpoints: %w", err)
		}
		c.endpoints[i] = url
	}
	if len(c.endpoints) == 0 {
		return errors.New("--endpoints: names no member")
	}
	return nil
}

// kubernetesLink matches the variables that Kubernetes puts into every container beside a Service
// called lockkeeper. Nobody wrote them, so they are no mistake of anybody's.
var kubernetesLink = regexp.MustCompile(`^LOCKKEEPER_(.*_)?(SERVICE_(HOST|PORT(_.*)?)|PORT(_\d+_(TCP|UDP|SCTP)(_.*)?)?)$`)

// otherVariables are known besides those named after serve's flags.
var otherVariables = append([]string{"LOCKKEEPER_CONFIG", "LOCKKEEPER_ENDPOINTS", "LOCKKEEPER_TIMEOUT", supervise.InitVariable}, workVariables...)

// workVariables are those that lock, elect and barrier give to their commands, and sidecar to its hooks.
var workVariables = []string{"LOCKKEEPER_LOCK", "LOCKKEEPER_ELECTION_NAME", "LOCKKEEPER_BARRIER", "LOCKKEEPER_TOKEN", "LOCKKEEPER_EVENT", "LOCKKEEPER_WHY"}

// applyEnv sets the flags that the command line left alone from the variables named after them.
// A variable that no command knows is an error; an empty one counts as not set.
func applyEnv(fs *pflag.FlagSet, environ []string, origins map[string]string) error {
	serve := pflag.NewFlagSet("", pflag.ContinueOnError)
	newServeConfig().bind(serve)
	var errs []error
	for _, entry := range environ {
		variable, value, _ := strings.Cut(entry, "=")
		if !strings.HasPrefix(variable, envPrefix) || kubernetesLink.MatchString(variable) {
			continue
		}
		name := strings.ReplaceAll(strings.ToLower(strings.TrimPrefix(variable, envPrefix)), "_", "-")
		known := serve.Lookup(name) != nil && name != "print-config" && variable == envName(name)
		if !known && !slices.Contains(otherVariables, variable) {
			errs = append(errs, fmt.Errorf("%s: no such setting; variables are named after flags, as LOCKKEEPER_HTTP_LISTEN after --http-listen", variable))
			continue
		}
		f := fs.Lookup(name)
		if f == nil || f.Changed || value == "" {
			continue
		}
		if err := fs.Set(name, value); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", variable, cause(err)))
		}
		origins[name] = variable
	}
	return errors.Join(errs...)
}

func envName(flag string) string {
	return envPrefix + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// readFile reads a YAML file of settings.
func readFile(file string) (keys map[string]any, err error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("--config: %w", err)
	}
	if err := yaml.UnmarshalStrict(text, &keys); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return keys, nil
}

// applyFile sets the flags of serve that neither command line nor environment gave from a YAML file.
func applyFile(fs *pflag.FlagSet, file string, origins map[string]string) error {
	keys, err := readFile(file)
	if err != nil {
		return err
	}
	return applyKeys(fs, "serve", file, keys, origins)
}

// applyKeys sets the flags of a command that neither command line nor environment gave from what a
// file says.
func applyKeys(fs *pflag.FlagSet, command, file string, keys map[string]any, origins map[string]string) error {
	var errs []error
	for _, key := range sortedKeys(keys) {
		f := fs.Lookup(key)
		if f == nil || slices.Contains(notSettings, key) {
			errs = append(errs, fmt.Errorf("%s: unknown key %q; keys are named as the flags of 'lockkeeper %s'", file, key, command))
			continue
		}
		value, err := fileValue(keys[key])
		if keys[key] == false && f.Value.Type() == "string" && (key == "listen" || strings.HasSuffix(key, "-listen")) {
			value = server.Off // to YAML an unquoted off is a no
		}
		if err == nil && !f.Changed {
			err = cause(fs.Set(key, value))
			origins[key] = file
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %s: %w", file, key, err))
		}
	}
	return errors.Join(errs...)
}

// cause takes away pflag's own words around what is wrong with a value: they name a flag that
// nobody gave.
func cause(err error) error {
	if invalid, ok := errors.AsType[*pflag.InvalidValueError](err); ok {
		return fmt.Errorf("%q is not valid: %w", invalid.GetValue(), errors.Unwrap(invalid))
	}
	return err
}
