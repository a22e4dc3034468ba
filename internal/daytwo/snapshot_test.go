//go:build linux

package daytwo

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lockkeeper/lockkeeper/internal/clustertest"
)

// TestSnapshotRestoredElsewhere saves a snapshot while clients take locks, lets them go on, kills the
// cluster, and restores another one of three members. It shows that the snapshot is whole; that a
// session which comes back finds its hold; that those of a session which does not pass on after its
// TTL; that a fence knows what it has seen; and that new tokens and revisions are above all that the
// old cluster gave, after the snapshot, too.
func TestSnapshotRestoredElsewhere(t *testing.T) {
	t.Parallel()
	const ttl = 4 * time.Second
	ctx := t.Context()
	c := clustertest.Start(t, 3, clustertest.Options{})
	client := c.Client(clustertest.ClientOptions{})
	defer client.Close()
	live, err := client.Open(ctx, 30*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	kept, err := client.Acquire(ctx, "kept", clustertest.Acquire{Session: live.Session, Owner: "ann"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.CheckFence(ctx, "fence", kept.Token); err != nil {
		t.Fatal(err)
	}
	gone, err := client.Acquire(ctx, "gone", clustertest.Acquire{TTL: ttl})
	if err != nil {
		t.Fatal(err)
	}
	l := loaded(t, c, c.Endpoints())
	l.more(t, 50)

	file := filepath.Join(t.TempDir(), "locks.snapshot")
	c.Done(t, "snapshot", "save", file)
	var info struct {
		Epoch, Revision, RestoredRevision int64
		Sessions, Locks                   int
	}
	if err := json.Unmarshal([]byte(c.Done(t, "snapshot", "verify", file, "--json")), &info); err != nil {
		t.Fatal(err)
	}
	if info.Epoch == 0 || info.Sessions < 2 || info.Locks < 2 {
		t.Errorf("the snapshot holds %+v; want both sessions and their locks", info)
	}
	broken(t, c, file)

	l.more(t, 50)
	l.end()
	highest := l.newest.Load()
	last, err := c.Status(ctx, c.Members[0])
	if err != nil {
		t.Fatal(err)
	}
	c.KillAll(t)

	var fresh []*clustertest.Member
	var founders []string
	for _, name := range []string{"r1", "r2", "r3"} {
		m := clustertest.NewMember(t, name)
		fresh, founders = append(fresh, m), append(founders, name+"=http://"+m.Peer)
	}
	for _, m := range fresh {
		out := c.Done(t, "snapshot", "restore", file, "--name", m.Name, "--data-dir", m.DataDir,
			"--peer-listen", m.Peer, "--initial-cluster", strings.Join(founders, ","))
		if !strings.Contains(out, "restored to:") {
			t.Errorf("restore prints %s", out)
		}
	}
	for _, m := range fresh {
		m.Restart(t)
	}
	restored := clustertest.Of(fresh...)
	restored.WaitReady(t, fresh...)
	restored.WaitLeader(t)

	client = restored.Client(clustertest.ClientOptions{})
	defer client.Close()
	if _, err := client.Touch(ctx, live.Session); err != nil {
		t.Errorf("the session does not come back: %v", err)
	}
	if q, err := client.Queue(ctx, "kept"); err != nil || q.Holder == nil || q.Holder.Token != kept.Token || q.Holder.Owner != "ann" {
		t.Errorf("after the restore %+v, %v holds; want token %d", q.Holder, err, kept.Token)
	}
	if _, err := client.CheckFence(ctx, "fence", kept.Token-1); clustertest.Code(err) != "stale_token" {
		t.Errorf("the fence lets a lower token pass: %v", err)
	}
	next, err := client.Acquire(ctx, "gone", clustertest.Acquire{TTL: ttl, Wait: 3 * ttl})
	if err != nil {
		t.Fatalf("the lock of a session that did not come back: %v", err)
	}
	if next.Token <= highest || next.Token <= gone.Token || next.Revision <= last.Revision {
		t.Errorf("token %d at revision %d; want above %d and %d", next.Token, next.Revision, highest, last.Revision)
	}
	for _, m := range fresh {
		s, err := restored.Status(ctx, m)
		if err != nil || s.Epoch <= last.Epoch+1000 {
			t.Errorf("%s is in epoch %d, %v; want more than 1000 above %d", m.Name, s.Epoch, err, last.Epoch)
		}
	}
}

// broken shows that verify tells a file that was cut short, and one that was changed.
func broken(t *testing.T, c *clustertest.Cluster, file string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	bad := file + ".bad"
	changed := append([]byte(nil), text...)
	changed[len(changed)/2] ^= 1
	for what, content := range map[string][]byte{"cut short": text[:len(text)-100], "without its end": text[:len(text)/2], "changed": changed} {
		if err := os.WriteFile(bad, content, 0o600); err != nil {
			t.Fatal(err)
		}
		if e := c.Command(t, "snapshot", "verify", bad); e.Code != 1 || !strings.Contains(e.Err, "not a whole snapshot") {
			t.Errorf("verifying a snapshot that was %s ends with %d: %s%s", what, e.Code, e.Out, e.Err)
		}
	}
}
