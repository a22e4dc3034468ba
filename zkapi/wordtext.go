package zkapi

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/lockkeeper/lockkeeper/internal/clock"
	"github.com/lockkeeper/lockkeeper/zkapi/jute"
	"github.com/lockkeeper/lockkeeper/znode"
)

// version is what clients take for the server's: that of the protocol that the door speaks, then
// our own. go-zookeeper reads no other form of the date.
func (d *Door) version() string {
	return fmt.Sprintf("3.9.5-lockkeeper.%s, built on 11/01/2026 00:00 GMT", strings.Map(wordly, d.cfg.Version))
}

func wordly(r rune) rune {
	if r == '.' || r == '-' || r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' {
		return r
	}
	return '-'
}

// A summary is what several words tell.
type summary struct {
	connections, outstanding, nodes, ephemerals, watches, paths, watchers, sessions int
	size, zxid                                                                      int64
}

func (d *Door) summary() (s summary) {
	for _, c := range d.list() {
		s.connections++
		c.mu.Lock()
		s.outstanding += len(c.calls)
		c.mu.Unlock()
	}
	d.cfg.Store.Watches(func(t *znode.Tree, w *znode.Watches, _ int64) {
		s.nodes, s.ephemerals, s.size, s.zxid, s.sessions = t.Len()+1, t.EphemeralCount(), t.DataSize(), t.Zxid(), t.NumSessions()
		s.watches, s.paths, s.watchers = w.Len(), w.NumPaths(), w.NumWatchers()
	})
	return s
}

// list returns the connections, in the order of their addresses.
func (d *Door) list() (list []*conn) {
	d.mu.Lock()
	for c := range d.conns {
		list = append(list, c)
	}
	d.mu.Unlock()
	slices.SortFunc(list, func(a, b *conn) int { return strings.Compare(a.remote(), b.remote()) })
	return list
}

func (c *conn) remote() string { return c.nc.RemoteAddr().String() }

func (d *Door) srvr() string { return d.server("") }

func (d *Door) stat() string {
	var b strings.Builder
	b.WriteString("Clients:\n")
	for _, c := range d.list() {
		fmt.Fprintf(&b, " %s\n", c.brief(""))
	}
	b.WriteString("\n")
	return d.server(b.String())
}

func (d *Door) server(clients string) string {
	s, n := d.summary(), &d.counts
	least, average, most := n.latency()
	return fmt.Sprintf("Zookeeper version: %s\n%sLatency min/avg/max: %d/%.4f/%d\nReceived: %d\nSent: %d\nConnections: %d\nOutstanding: %d\nZxid: 0x%x\nMode: %s\nNode count: %d\n",
		d.version(), clients, least, average, most, n.received.Load(), n.sent.Load(), s.connections, s.outstanding, s.zxid, d.cfg.Mode(), s.nodes)
}

// brief tells of one connection; more goes into the brackets.
func (c *conn) brief(more string) string {
	c.mu.Lock()
	queued := len(c.calls)
	c.mu.Unlock()
	return fmt.Sprintf("/%s[1](queued=%d,recved=%d,sent=%d%s)", c.remote(), queued, c.counts.received.Load(), c.counts.sent.Load(), more)
}

// opCodes are how cons names the last operation of a connection.
var opCodes = map[jute.Op]string{
	jute.OpCreate: "CREA", jute.OpCreate2: "CREA", jute.OpDelete: "DELE", jute.OpExists: "EXIS", jute.OpGetData: "GETD",
	jute.OpSetData: "SETD", jute.OpGetACL: "GETA", jute.OpSetACL: "SETA", jute.OpGetChildren: "GETC", jute.OpGetChildren2: "GETC",
	jute.OpSync: "SYNC", jute.OpPing: "PING", jute.OpMulti: "MULT", jute.OpMultiRead: "MLTR", jute.OpSetWatches: "SETW",
	jute.OpSetWatches2: "STW2", jute.OpAddWatch: "ADDW", jute.OpCheckWatches: "CHKW", jute.OpRemoveWatches: "REMW",
	jute.OpWhoAmI: "HOMI", jute.OpGetEphemerals: "GETE", jute.OpGetAllChildrenNumber: "GETACN", jute.OpCloseSession: "CLOS",
	jute.OpReconfig: "RECO",
}

func (d *Door) cons() string {
	var b strings.Builder
	for _, c := range d.list() {
		d.mu.Lock()
		session, timeout := c.session, c.timeout
		d.mu.Unlock()
		more := ""
		if session != 0 {
			n := &c.counts
			op := opCodes[jute.Op(n.lastOp.Load())]
			if op == "" {
				op = "NA"
			}
			least, average, most := n.latency()
			more = fmt.Sprintf(",sid=0x%x,lop=%s,est=%d,to=%d,lcxid=0x%x,lzxid=0x%x,lresp=%d,llat=%d,minlat=%d,avglat=%.0f,maxlat=%d",
				int64(session), op, n.since.UnixMilli(), timeout.Milliseconds(), uint32(n.lastXid.Load()), uint64(n.lastZxid.Load()),
				time.Now().Add(time.Duration(c.heard.Load())-clock.Boot()).UnixMilli(), n.lastTook.Load()/1e6, least, average, most)
		}
		fmt.Fprintf(&b, " %s\n", c.brief(more))
	}
	return b.String() + "\n"
}

// A metric is one that mntr tells, without its prefix.
type metric struct {
	key   string
	value any
}

func (d *Door) mntr() string {
	var b strings.Builder
	for _, m := range d.metrics() {
		fmt.Fprintf(&b, "zk_%s\t%v\n", m.key, m.value)
	}
	return b.String()
}

func (d *Door) metrics() []metric {
	s, n := d.summary(), &d.counts
	least, average, most := n.latency()
	return []metric{
		{"version", d.version()},
		{"server_state", d.cfg.Mode()},
		{"avg_latency", fmt.Sprintf("%.4f", average)},
		{"max_latency", most},
		{"min_latency", least},
		{"packets_received", n.received.Load()},
		{"packets_sent", n.sent.Load()},
		{"num_alive_connections", s.connections},
		{"outstanding_requests", s.outstanding},
		{"uptime", time.Since(n.since).Milliseconds()},
		{"znode_count", s.nodes},
		{"watch_count", s.watches},
		{"ephemerals_count", s.ephemerals},
		{"approximate_data_size", s.size},
		{"global_sessions", s.sessions},
		{"local_sessions", 0},
		{"auth_failed_count", n.authFailed.Load()},
	}
}

func (d *Door) conf() string {
	_, port, _ := strings.Cut(d.cfg.Listen, ":")
	size := treeSize(d.cfg.DataDir)
	return fmt.Sprintf("clientPort=%s\ndataDir=%s\ndataDirSize=%d\ndataLogDir=%s\ndataLogSize=%d\ntickTime=%d\nmaxClientCnxns=%d\nminSessionTimeout=%d\nmaxSessionTimeout=%d\nclientPortListenBacklog=-1\nserverId=%d\n",
		port, d.cfg.DataDir, size, d.cfg.DataDir, size, d.cfg.TickTime.Milliseconds(), max(d.cfg.MaxClientCnxns, 0),
		d.cfg.MinSessionTimeout.Milliseconds(), d.cfg.MaxSessionTimeout.Milliseconds(), d.cfg.Member&0x7f)
}

func (d *Door) dirs() string {
	size := treeSize(d.cfg.DataDir)
	return fmt.Sprintf("datadir_size: %d\nlogdir_size: %d\n", size, size)
}

// treeSize adds up the files of a directory; what vanishes meanwhile counts nothing.
func treeSize(dir string) (size int64) {
	_ = filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() {
			if info, err := e.Info(); err == nil {
				size += info.Size()
			}
		}
		return nil
	})
	return size
}

func (d *Door) envi() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return fmt.Sprintf("Environment:\nzookeeper.version=%s\nhost.name=%s\njava.version=none, %s\nos.name=%s\nos.arch=%s\n",
		d.version(), host, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}

func (d *Door) dump() string {
	var sessions, ephemerals strings.Builder
	n, owners := 0, 0
	d.cfg.Store.View(func(t *znode.Tree, _ int64) {
		for s := range t.Sessions() {
			n++
			fmt.Fprintf(&sessions, "0x%x\t%dms\n", int64(s.ID), s.TTL.Milliseconds())
			if t.NumEphemerals(s.ID) == 0 {
				continue
			}
			owners++
			fmt.Fprintf(&ephemerals, "0x%x:\n", int64(s.ID))
			for path := range t.Ephemerals(s.ID) {
				fmt.Fprintf(&ephemerals, "\t%s\n", path)
			}
		}
	})
	return fmt.Sprintf("SessionTracker dump:\nGlobal Sessions(%d):\n%sephemeral nodes dump:\nSessions with Ephemerals (%d):\n%sConnections dump:\n", n, sessions.String(), owners, ephemerals.String())
}

func (d *Door) wchs() string {
	s := d.summary()
	return fmt.Sprintf("%d connections watching %d paths\nTotal watches:%d\n", s.watchers, s.paths, s.watches)
}

func (d *Door) wchc() string {
	return d.watched(func(path, session string) (string, string) { return session, path })
}

func (d *Door) wchp() string {
	return d.watched(func(path, session string) (string, string) { return path, session })
}

// watched lists watches, grouped by the first of what key returns.
func (d *Door) watched(key func(path, session string) (group, entry string)) string {
	var b strings.Builder
	for group, entries := range d.grouped(key) {
		fmt.Fprintf(&b, "%s\n", group)
		for _, entry := range entries {
			fmt.Fprintf(&b, "\t%s\n", entry)
		}
	}
	return b.String() + "\n"
}

func (d *Door) grouped(key func(path, session string) (group, entry string)) map[string][]string {
	groups := map[string][]string{}
	d.cfg.Store.Watches(func(_ *znode.Tree, w *znode.Watches, _ int64) {
		for path, who := range w.All() {
			if c, ok := who.Watcher.(*conn); ok {
				group, entry := key(path, fmt.Sprintf("0x%x", int64(c.session)))
				groups[group] = append(groups[group], entry)
			}
		}
	})
	return groups
}

func (d *Door) crst() string {
	for _, c := range d.list() {
		c.counts.reset()
	}
	return "Connection stats reset.\n"
}

func (d *Door) srst() string {
	d.counts.reset()
	return "Server stats reset.\n"
}
