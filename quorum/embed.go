package quorum

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"go.etcd.io/etcd/client/pkg/v3/transport"
	"go.etcd.io/etcd/server/v3/embed"
	"google.golang.org/grpc"
)

// clusterToken goes into the ids of every Lockkeeper cluster, so that members of another
// etcd cluster that is reached by a wrong address are told apart.
const clusterToken = "lockkeeper"

// What the settings below stand for was measured: with etcd's defaults the database and the
// heap of a busy lock service grow without end.
const (
	snapshotCount    = 2000 // entries between two raft snapshots
	catchUpEntries   = 2000 // entries kept in memory for a slow follower, whatever their size
	compactionBatch  = 5000 // revisions that one step of a compaction removes
	compactionPause  = time.Millisecond
	slowApplyWarning = 5 * time.Second // large batches are ordinary; a slow one logs all its operations
)

// embedConfig turns r into etcd's configuration. socket is where etcd serves its HTTP pages:
// naming a listener for them is what keeps them, and net/http, off the client listener.
func (r *resolved) embedConfig(initialCluster, state, socket string, f *fate, register func(*grpc.Server)) *embed.Config {
	c := embed.NewConfig()
	c.Name, c.Dir = r.Name, r.DataDir
	c.ListenPeerUrls, c.AdvertisePeerUrls = []url.URL{*r.peerListen}, []url.URL{*r.peerAdvertise}
	c.ListenClientUrls, c.AdvertiseClientUrls = []url.URL{*r.clientListen}, []url.URL{*r.clientAdvertise}
	c.ListenClientHttpUrls = []url.URL{{Scheme: "unix", Path: socket}}
	c.PeerTLSInfo, c.ClientTLSInfo = r.PeerTLS.info(), r.ClientTLS.info()
	c.InitialCluster, c.ClusterState, c.InitialClusterToken = initialCluster, state, clusterToken
	c.TickMs, c.ElectionMs = uint(r.Heartbeat.Milliseconds()), uint(r.Election.Milliseconds())

	// etcd's own check waits until all members have been connected for five seconds, and cannot be
	// overridden. Learners risk nothing; promotions and removals are checked in reconfigure.go.
	c.StrictReconfigCheck = false

	c.ServiceRegister = register
	c.GRPCAdditionalServerOptions = newGate(r.ServicePrefix).options()
	c.EnableGRPCGateway = false
	c.MaxRequestBytes = MaxTxnBytes

	c.SnapshotCount, c.SnapshotCatchUpEntries = snapshotCount, catchUpEntries
	c.AutoCompactionRetention = "0" // compactor does it
	c.CompactionBatchLimit, c.CompactionSleepInterval = compactionBatch, compactionPause
	c.QuotaBackendBytes = -1 // its alarm would refuse deletes too: the layers above watch the size
	c.WarningApplyDuration, c.WarningUnaryRequestDuration = slowApplyWarning, slowApplyWarning
	c.UnsafeNoFsync = r.NoFsync

	c.ZapLoggerBuilder = embed.NewZapLoggerBuilder(newZap(r.Logger, f))
	return c
}

func (t TLS) info() transport.TLSInfo {
	if t.Empty() {
		return transport.TLSInfo{}
	}
	return transport.TLSInfo{CertFile: t.CertFile, KeyFile: t.KeyFile, TrustedCAFile: t.CAFile, ClientCertAuth: true}
}

// maxSocketPath is what the shortest sockaddr_un of the systems that we run on holds.
const maxSocketPath = 100

// httpSocket makes the directory of the Unix socket for etcd's HTTP pages (version, health,
// metrics): the data directory, or, its path being too long for a socket, a temporary one
// that remove takes away.
func (r *resolved) httpSocket() (socket string, remove func(), err error) {
	dir, err := filepath.Abs(r.DataDir)
	if err != nil {
		return "", nil, fmt.Errorf("--data-dir %s: %w", r.DataDir, err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", nil, fmt.Errorf("make --data-dir: %w", err)
	}
	if socket = filepath.Join(dir, "http.sock"); len(socket) <= maxSocketPath {
		return socket, func() {}, nil
	}
	if dir, err = os.MkdirTemp("", "lockkeeper-"); err != nil {
		return "", nil, fmt.Errorf("make a directory for the HTTP socket: %w", err)
	}
	return filepath.Join(dir, "http.sock"), func() { _ = os.RemoveAll(dir) }, nil
}

// initialized reports whether the data directory already holds a member.
func (r *resolved) initialized() bool {
	names, err := filepath.Glob(filepath.Join(r.DataDir, "member", "wal", "*.wal"))
	return err == nil && len(names) > 0
}
