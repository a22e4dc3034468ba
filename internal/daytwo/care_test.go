//go:build linux

package daytwo

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/lockkeeper/lockkeeper/internal/clustertest"
)

// found are doctor's findings of one kind.
func found(t *testing.T, c *clustertest.Cluster, code int, args ...string) map[string][]string {
	t.Helper()
	e := c.Command(t, append([]string{"doctor", "--json"}, args...)...)
	if e.Code != code {
		t.Errorf("doctor ends with %d, want %d: %s%s", e.Code, code, e.Out, e.Err)
	}
	var answer struct {
		Findings []struct{ Check, Member, Level, Text, Do string }
	}
	if err := json.Unmarshal([]byte(e.Out), &answer); err != nil {
		t.Fatalf("doctor prints %s: %v", e.Out, err)
	}
	problems := map[string][]string{}
	for _, f := range answer.Findings {
		if f.Level == "problem" {
			problems[f.Check] = append(problems[f.Check], f.Member+" "+f.Text)
			if f.Do == "" {
				t.Errorf("doctor does not say what to do about %s: %s", f.Check, f.Text)
			}
		}
	}
	return problems
}

// TestDefragAndDoctor looks after a cluster of three: its databases are rewritten, the leader's last,
// and clients go on; doctor finds nothing wrong with it, until a member dies, and limits are reached.
func TestDefragAndDoctor(t *testing.T) {
	t.Parallel()
	// A fsync of this machine may take longer than a heartbeat of the default length.
	c := clustertest.Start(t, 3, clustertest.Options{Flags: []string{"--heartbeat", "1s", "--election", "5s"}})
	leader := c.WaitLeader(t)
	l := loaded(t, c, c.Endpoints())
	l.more(t, 50)
	e := c.Command(t, "defrag")
	lines := strings.Split(strings.TrimSpace(e.Out), "\n")
	if e.Code != 0 || len(lines) != 3 || !strings.HasPrefix(lines[2], leader.Name+": from ") || !strings.Contains(e.Err, "warning: "+leader.URL()+" is the leader") {
		t.Errorf("defrag ends with %d and prints %s%s; want the leader last, with a warning", e.Code, e.Out, e.Err)
	}
	l.more(t, 50)
	if problems := found(t, c, 0); len(problems) != 0 {
		t.Errorf("doctor finds problems with a cluster that is well: %v", problems)
	}
	l.end()

	dead := c.Others(leader)[0]
	dead.Kill(t)
	if problems := found(t, c, 1); len(problems["quorum"]) != 2 || !strings.Contains(problems["quorum"][0], dead.Name) {
		t.Errorf("of a dead member doctor says %v", problems)
	}
	if problems := found(t, c, 1, "--endpoints", dead.URL()+","+leader.URL()); len(problems["reach"]) != 1 {
		t.Errorf("of an endpoint that does not answer doctor says %v", problems)
	}
}
