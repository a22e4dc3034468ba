package zkapi

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/lockkeeper/lockkeeper/zkapi/jute"
	"github.com/lockkeeper/lockkeeper/znode"
)

// fields are what a command answers, besides its name and an error.
type fields map[string]any

// A command is one of ZooKeeper's AdminServer, under all its names, the first of which it is
// answered with.
type command struct {
	names  []string
	always bool // it is answered without a quorum, too
	run    func(d *Door) fields
}

// commands are those of ZooKeeper's that say something about us. Those that would change servers
// or files have no place here.
var commands = []command{
	{names: []string{"ruok"}, always: true, run: func(*Door) fields { return fields{} }},
	{names: []string{"server_stats", "srvr"}, run: (*Door).serverStats},
	{names: []string{"stats", "stat"}, run: (*Door).stats},
	{names: []string{"monitor", "mntr"}, run: (*Door).monitor},
	{names: []string{"configuration", "conf", "config"}, always: true, run: (*Door).configuration},
	{names: []string{"connections", "cons"}, run: func(d *Door) fields { return fields{"connections": d.connections(), "secure_connections": []fields{}} }},
	{names: []string{"dump"}, run: (*Door).dumped},
	{names: []string{"environment", "env", "envi"}, always: true, run: (*Door).environment},
	{names: []string{"is_read_only", "isro"}, run: func(*Door) fields { return fields{"read_only": false} }},
	{names: []string{"leader", "lead"}, run: func(d *Door) fields { return fields{"is_leader": d.cfg.Mode() != "follower"} }},
	{names: []string{"dirs"}, run: func(d *Door) fields {
		size := treeSize(d.cfg.DataDir)
		return fields{"datadir_size": size, "logdir_size": size}
	}},
	{names: []string{"hash"}, run: func(*Door) fields { return fields{"digests": []fields{}} }},
	{names: []string{"watches", "wchc"}, run: func(d *Door) fields {
		return fields{"session_id_to_watched_paths": d.grouped(func(path, session string) (string, string) { return session, path })}
	}},
	{names: []string{"watches_by_path", "wchp"}, run: func(d *Door) fields {
		return fields{"path_to_session_ids": d.grouped(func(path, session string) (string, string) { return path, session })}
	}},
	{names: []string{"watch_summary", "wchs"}, run: func(d *Door) fields {
		s := d.summary()
		return fields{"num_connections": s.watchers, "num_paths": s.paths, "num_total_watches": s.watches}
	}},
	{names: []string{"stat_reset", "srst"}, run: func(d *Door) fields { d.srst(); return fields{} }},
	{names: []string{"connection_stat_reset", "crst"}, run: func(d *Door) fields { d.crst(); return fields{} }},
	{names: []string{"system_properties", "sysp"}, always: true, run: func(*Door) fields { return fields{"go.version": runtime.Version()} }},
}

// commandsPath is where the commands are.
const commandsPath = "/commands"

// ServeHTTP answers the JSON commands of ZooKeeper's AdminServer, at /commands and below. As there,
// an unknown command, and one that needs a quorum where there is none, is answered with 200 and says
// so in its error. It is safe for concurrent use.
func (d *Door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name := strings.Trim(strings.TrimPrefix(r.URL.Path, commandsPath), "/")
	if name == "" {
		d.listCommands(w)
		return
	}
	answer := fields{}
	answer["command"], answer["error"] = name, nil
	i := slices.IndexFunc(commands, func(c command) bool { return slices.Contains(c.names, name) })
	switch {
	case i < 0:
		answer["error"] = "Unknown command: " + name
	case !commands[i].always && !d.cfg.Serving():
		answer["command"], answer["error"] = commands[i].names[0], "This ZooKeeper instance is not currently serving requests"
	default:
		answer = commands[i].run(d)
		answer["command"], answer["error"] = commands[i].names[0], nil
	}
	w.Header().Set("Content-Type", "application/json")
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	_ = encoder.Encode(answer) // who asked may have gone
}

// listCommands answers links to all commands.
func (d *Door) listCommands(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	for i := range commands {
		name := commands[i].names[0]
		_, _ = fmt.Fprintf(w, "<a href=\"%s/%s\">%s</a><br/>\n", commandsPath, name, name)
	}
}

func (d *Door) serverStats() fields {
	s, n := d.summary(), &d.counts
	least, average, most := n.latency()
	size := treeSize(d.cfg.DataDir)
	return fields{
		"version": d.version(), "read_only": false, "node_count": s.nodes,
		"server_stats": fields{
			"packets_sent": n.sent.Load(), "packets_received": n.received.Load(),
			"min_latency": least, "avg_latency": average, "max_latency": most,
			"last_processed_zxid": s.zxid, "outstanding_requests": s.outstanding, "num_alive_client_connections": s.connections,
			"server_state": d.cfg.Mode(), "auth_failed_count": n.authFailed.Load(), "data_dir_size": size, "log_dir_size": size,
			"uptime": time.Since(n.since).Milliseconds(), "provider_null": false,
		},
	}
}

func (d *Door) stats() fields {
	f := d.serverStats()
	f["connections"], f["secure_connections"] = d.connections(), []fields{}
	return f
}

func (d *Door) monitor() fields {
	f := fields{}
	for _, m := range d.metrics() {
		f[m.key] = m.value
	}
	return f
}

func (d *Door) configuration() fields {
	_, port, _ := strings.Cut(d.cfg.Listen, ":")
	return fields{
		"client_port": port, "data_dir": d.cfg.DataDir, "data_log_dir": d.cfg.DataDir, "tick_time": d.cfg.TickTime.Milliseconds(),
		"max_client_cnxns": max(d.cfg.MaxClientCnxns, 0), "min_session_timeout": d.cfg.MinSessionTimeout.Milliseconds(),
		"max_session_timeout": d.cfg.MaxSessionTimeout.Milliseconds(), "server_id": d.cfg.Member & 0x7f,
	}
}

func (d *Door) environment() fields {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return fields{
		"zookeeper.version": d.version(), "host.name": host, "java.version": "none, " + runtime.Version(),
		"os.name": runtime.GOOS, "os.arch": runtime.GOARCH,
	}
}

// connections tells of every connection.
func (d *Door) connections() []fields {
	list := []fields{}
	for _, c := range d.list() {
		c.mu.Lock()
		queued := len(c.calls)
		c.mu.Unlock()
		d.mu.Lock()
		session, timeout := c.session, c.timeout
		d.mu.Unlock()
		n := &c.counts
		f := fields{
			"remote_socket_address": c.remote(), "outstanding_requests": queued,
			"packets_received": n.received.Load(), "packets_sent": n.sent.Load(),
		}
		if session != 0 {
			least, average, most := n.latency()
			f["session_id"], f["session_timeout"] = int64(session), timeout.Milliseconds()
			f["established"], f["last_operation"] = n.since.UTC().Format(time.RFC3339Nano), jute.Op(n.lastOp.Load()).String()
			f["last_cxid"], f["last_zxid"] = n.lastXid.Load(), n.lastZxid.Load()
			f["last_latency"], f["min_latency"], f["avg_latency"], f["max_latency"] = n.lastTook.Load()/int64(time.Millisecond), least, average, most
		}
		list = append(list, f)
	}
	return list
}

// dumped tells of sessions and their ephemerals.
func (d *Door) dumped() fields {
	expiry, ephemerals := map[string][]string{}, map[string][]string{}
	d.cfg.Store.View(func(t *znode.Tree, _ int64) {
		for s := range t.Sessions() {
			id := fmt.Sprintf("0x%x", int64(s.ID))
			ttl := fmt.Sprint(s.TTL.Milliseconds())
			expiry[ttl] = append(expiry[ttl], id)
			for path := range t.Ephemerals(s.ID) {
				ephemerals[id] = append(ephemerals[id], path)
			}
		}
	})
	return fields{"timeout_to_session_ids": expiry, "session_id_to_ephemeral_paths": ephemerals}
}
