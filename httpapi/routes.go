package httpapi

import (
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/lockkeeper/lockkeeper/httpapi/wire"
)

// A class says how a request is counted against the limits.
type class uint8

const (
	ordinary class = iota
	keeping        // gives something up or keeps it alive: may use the last of the places in flight
	exempt         // must be answered in any overload, or has a limit of its own
)

// A route is one line of the list. {name} and {ticket} match over slashes.
type route struct {
	method  string
	pattern string
	handle  func(*call) error
	class   class
	raw     bool // its body is taken as it is, up to MaxValueBytes
	meter   *meter
}

// routes is the only list of routes.
func routes() []route {
	const get, post, put, del = http.MethodGet, http.MethodPost, http.MethodPut, http.MethodDelete
	return []route{
		{method: post, pattern: "/v1/sessions", handle: (*call).openSession},
		{method: get, pattern: "/v1/sessions", handle: (*call).listSessions},
		{method: get, pattern: "/v1/sessions/{id}", handle: (*call).getSession},
		{method: del, pattern: "/v1/sessions/{id}", handle: (*call).closeSession, class: keeping},
		{method: post, pattern: "/v1/sessions/{id}/keepalive", handle: (*call).touchSession, class: keeping},

		{method: get, pattern: "/v1/locks", handle: (*call).listLocks},
		{method: get, pattern: "/v1/locks/{name}", handle: (*call).getLock},
		{method: post, pattern: "/v1/locks/{name}/acquire", handle: (*call).acquire},
		{method: post, pattern: "/v1/locks/{name}/enqueue", handle: (*call).enqueue},
		{method: post, pattern: "/v1/locks/{name}/release", handle: (*call).release, class: keeping},
		{method: post, pattern: "/v1/locks/{name}/keepalive", handle: (*call).keepAlive, class: keeping},
		{method: post, pattern: "/v1/locks/{name}/downgrade", handle: (*call).downgrade, class: keeping},
		{method: post, pattern: "/v1/multilocks/acquire", handle: (*call).acquireAll},
		{method: post, pattern: "/v1/multilocks/release", handle: (*call).releaseAll, class: keeping},

		{method: get, pattern: "/v1/semaphores/{name}", handle: (*call).getSemaphore},
		{method: put, pattern: "/v1/semaphores/{name}", handle: (*call).setLimit},
		{method: post, pattern: "/v1/semaphores/{name}/acquire", handle: (*call).acquirePermits},
		{method: post, pattern: "/v1/semaphores/{name}/enqueue", handle: (*call).enqueuePermits},
		{method: post, pattern: "/v1/semaphores/{name}/release", handle: (*call).releasePermits, class: keeping},
		{method: post, pattern: "/v1/semaphores/{name}/keepalive", handle: (*call).keepPermits, class: keeping},

		{method: get, pattern: "/v1/tickets/{ticket}", handle: (*call).await},
		{method: del, pattern: "/v1/tickets/{ticket}", handle: (*call).leave, class: keeping},

		{method: get, pattern: "/v1/fences/{name}", handle: (*call).getFence},
		{method: post, pattern: "/v1/fences/{name}/check", handle: (*call).checkFence},

		{method: get, pattern: "/v1/barriers/{name}", handle: (*call).getBarrier},
		{method: put, pattern: "/v1/barriers/{name}", handle: (*call).setBarrier},
		{method: del, pattern: "/v1/barriers/{name}", handle: (*call).removeBarrier, class: keeping},
		{method: post, pattern: "/v1/barriers/{name}/wait", handle: (*call).waitBarrier},
		{method: get, pattern: "/v1/double-barriers/{name}", handle: (*call).getDoubleBarrier},
		{method: post, pattern: "/v1/double-barriers/{name}/enter", handle: (*call).enterBarrier},
		{method: post, pattern: "/v1/double-barriers/{name}/leave", handle: (*call).leaveBarrier, class: keeping},

		{method: get, pattern: "/v1/data/{name}", handle: (*call).getValue},
		{method: put, pattern: "/v1/data/{name}", handle: (*call).putValue, raw: true},
		{method: del, pattern: "/v1/data/{name}", handle: (*call).deleteValue},
		{method: get, pattern: "/v1/locks/{name}/blockers", handle: (*call).getBlockers},
		{method: get, pattern: "/v1/deadlocks", handle: (*call).getDeadlocks},
		{method: get, pattern: "/v1/elections/{name}", handle: (*call).getElection},
		{method: get, pattern: "/v1/elections/{name}/observe", handle: (*call).observe, class: exempt},
		{method: post, pattern: "/v1/elections/{name}/campaign", handle: (*call).campaign},
		{method: post, pattern: "/v1/elections/{name}/enqueue", handle: (*call).enqueueCandidate},
		{method: post, pattern: "/v1/elections/{name}/proclaim", handle: (*call).proclaim},
		{method: post, pattern: "/v1/elections/{name}/resign", handle: (*call).release, class: keeping},
		{method: post, pattern: "/v1/elections/{name}/handover", handle: (*call).handOver, class: keeping},
		{method: post, pattern: "/v1/elections/{name}/keepalive", handle: (*call).keepAlive, class: keeping},

		{method: get, pattern: "/v1/events", handle: (*call).events, class: exempt},
		{method: get, pattern: wire.Path, handle: (*call).serveStream, class: exempt},
		{method: get, pattern: "/v1/status", handle: (*call).status},
		{method: get, pattern: "/v1/snapshot", handle: (*call).snapshot, class: exempt},
		{method: post, pattern: "/v1/defrag", handle: (*call).defrag, class: exempt},
		{method: get, pattern: "/v1/diagnosis", handle: (*call).diagnose},
		{method: get, pattern: "/v1/members", handle: (*call).listMembers},
		{method: post, pattern: "/v1/members", handle: (*call).addMember},
		{method: del, pattern: "/v1/members/{id}", handle: (*call).removeMember},
		{method: post, pattern: "/v1/members/{id}/promote", handle: (*call).promoteMember},
		{method: post, pattern: "/v1/members/{id}/lead", handle: (*call).moveLeader},

		{method: get, pattern: "/healthz", handle: (*call).healthz, class: exempt},
		{method: get, pattern: "/readyz", handle: (*call).readyz, class: exempt},
		{method: get, pattern: "/metrics", handle: (*call).metrics, class: exempt},
		{method: get, pattern: "/openapi.yaml", handle: (*call).openAPI, class: exempt},
		{method: get, pattern: "/commands", handle: (*call).commands},
		{method: get, pattern: "/commands/{name}", handle: (*call).commands},
	}
}

// A group is the routes that one wildcard stands for, by what follows the name.
type group map[string]*route

// mount makes the engine that serves list. gin's wildcards run to the end of the path, so that
// all routes of a method with the same beginning become one, split by hand.
func (a *API) mount(list []route) *gin.Engine {
	gin.SetMode(gin.ReleaseMode) // else gin prints every route to standard output
	e := gin.New()
	e.UseRawPath = false
	e.RedirectTrailingSlash = false // a lock's name is taken as it stands or refused
	e.RedirectFixedPath = false
	e.HandleMethodNotAllowed = true

	groups := map[string]group{}
	for i := range list {
		r := &list[i]
		r.meter = a.meters.route(r)
		start, tail, wild := cutWildcard(r.pattern)
		if !wild {
			e.Handle(r.method, strings.ReplaceAll(r.pattern, "{id}", ":id"), func(g *gin.Context) { a.serve(g, r, g.Param("id")) })
			continue
		}
		key := r.method + start
		if g := groups[key]; g != nil {
			g[tail] = r
			continue
		}
		of := group{tail: r}
		groups[key] = of
		e.Handle(r.method, start+"*rest", func(g *gin.Context) {
			r, name := of.find(strings.TrimPrefix(g.Param("rest"), "/"))
			if r == nil {
				r = a.meters.unmatched(unknownRoute)
			}
			a.serve(g, r, name)
		})
	}
	e.NoRoute(func(g *gin.Context) { a.serve(g, a.meters.unmatched(unknownRoute), "") })
	e.NoMethod(func(g *gin.Context) { a.serve(g, a.meters.unmatched(wrongMethod), "") })
	return e
}

// cutWildcard returns what stands before and after a pattern's {name} or {ticket}.
func cutWildcard(pattern string) (start, tail string, ok bool) {
	for _, wildcard := range []string{"{name}", "{ticket}"} {
		if start, tail, ok = strings.Cut(pattern, wildcard); ok {
			return start, tail, true
		}
	}
	return "", "", false
}

// find returns the route that rest belongs to, and rest without the action at its end. Where
// the group knows actions, a last segment that is one is always taken for it: a lock called
// "a/acquire" is taken by POST …/a/acquire/acquire, and one called "a/blockers" is looked at by
// GET …/a/blockers/, whose last slash says that there is no action.
func (g group) find(rest string) (*route, string) {
	if name, ok := strings.CutSuffix(rest, "/"); ok && g[""] != nil {
		if i := strings.LastIndexByte(name, '/'); i >= 0 && g[name[i:]] != nil {
			return g[""], name
		}
	}
	if i := strings.LastIndexByte(rest, '/'); i >= 0 {
		if r := g[rest[i:]]; r != nil {
			return r, rest[:i]
		}
		if g[""] == nil {
			return nil, rest[:i]
		}
	}
	return g[""], rest
}

func unknownRoute(*call) error { return errUnknownRoute }
func wrongMethod(*call) error  { return errWrongMethod }
