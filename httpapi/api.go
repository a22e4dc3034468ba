// Package httpapi is the REST door: locks, sessions, fences and events over HTTP and JSON.
//
// It decides nothing. A handler reads a request, calls one method of [Sessions] or [Locks],
// and writes what came of it; errors become RFC 9457 problems by one table (problems.go), and
// routes.go lists every route there is.
//
// # What it guarantees
//
// Everything that a client can make grow is bounded by [Limits], and above a limit a client
// gets an error of its own at once while others go on. A request that is worked on ends within
// [Limits.RequestTimeout]; a wait ends with its time, with the client's hanging up, or with
// [Server.Close], whichever comes first.
package httpapi

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"sync/atomic"

	"github.com/gin-gonic/gin"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/lockkeeper/lockkeeper/httpapi/stream"
	"github.com/lockkeeper/lockkeeper/lock"
)

// A Config says what an [API] serves. Sessions, Locks, Subscribe and Health are required.
type Config struct {
	Sessions  Sessions
	Locks     Locks
	Barriers  Barriers  // nil: there are none
	Values    Values    // nil: there are none
	Subscribe Subscribe // of the locks' events; see [Subscriber]

	Health   func() Health // must not block; called for every probe
	Status   func() Status // must not block; nil: made from Health
	Revision func() int64  // what this member's tree has applied; called for every error; nil: Health's

	Metrics *prometheus.Registry // where this door registers, and what /metrics gathers besides the default one; nil: one of its own
	Logger  *slog.Logger         // nil: silent
	Limits  Limits               // the zero Limits are the defaults
	Version string               // of the program, told by /v1/status

	Member    uint64          // this member's id; with a generation it names what a session is attached to
	Cluster   func() string   // the cluster's id; nil: not told
	Endpoints func() []string // of the members' HTTP doors; nil: not told

	Elections Elections // nil: none are served
	Members   Members   // nil: the cluster's members cannot be changed here

	Maintenance Maintenance // nil: there is none

	// Snapshot writes the database, as fresh as is asked for, to w, with its checksum behind it. It
	// ends with ctx. Nil: there are no snapshots.
	Snapshot func(ctx context.Context, fresh lock.Read, w io.Writer) error

	Commands http.Handler // serves /commands and what is below; nil: there is nothing
}

// Validate says what is missing or contradictory.
func (c Config) Validate() error {
	var problems []error
	if c.Sessions == nil {
		problems = append(problems, errors.New("httpapi needs Sessions"))
	}
	if c.Locks == nil {
		problems = append(problems, errors.New("httpapi needs Locks"))
	}
	if c.Subscribe == nil {
		problems = append(problems, errors.New("httpapi needs Subscribe"))
	}
	if c.Health == nil {
		problems = append(problems, errors.New("httpapi needs Health"))
	}
	return errors.Join(append(problems, c.Limits.Validate())...)
}

// An API answers the requests of this door. It is safe for concurrent use.
type API struct {
	cfg     Config
	limits  Limits
	log     *slog.Logger
	engine  *gin.Engine
	meters  *meters
	foreign *http.CrossOriginProtection

	inFlight  atomic.Int64 // requests worked on
	waiting   atomic.Int64 // requests that wait in a queue
	snapshots atomic.Int64 // that are being written
	diagnoses atomic.Int64 // that are being made
	streams   atomic.Int64 // event streams
	door      *stream.Door
	turns     chan struct{} // held while a long answer is made

	leaving atomic.Bool     // Leave has been called
	closing context.Context // done once waits and streams must end; it is the API's own life
	end     context.CancelFunc
}

// New makes an API of cfg. Its errors are those of [Config.Validate] and of registering the
// metrics. It starts nothing.
func New(cfg Config) (*API, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Metrics == nil {
		cfg.Metrics = prometheus.NewRegistry()
	}
	if cfg.Revision == nil {
		cfg.Revision = func() int64 { return cfg.Health().Revision }
	}
	if cfg.Status == nil {
		cfg.Status = func() Status { return statusOf(cfg.Health()) }
	}
	a := &API{
		cfg:     cfg,
		limits:  cfg.Limits.withDefaults(),
		log:     cfg.Logger,
		foreign: http.NewCrossOriginProtection(),
		turns:   newTurns(),
	}
	a.closing, a.end = context.WithCancel(context.Background())
	var err error
	if a.meters, err = newMeters(a); err != nil {
		return nil, err
	}
	if a.door, err = a.newDoor(); err != nil {
		return nil, err
	}
	a.engine = a.mount(routes())
	return a, nil
}

// Leave has /readyz say that clients should go elsewhere, and every connection end with its next
// answer. All is served as before.
func (a *API) Leave() { a.leaving.Store(true) }

// Handler returns the handler of every route. Serve it with a [Server]: the limits on time and
// connections are the server's part.
func (a *API) Handler() http.Handler { return a.engine }
