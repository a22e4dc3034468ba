//go:build linux

package deploy

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"sigs.k8s.io/yaml"

	"github.com/lockkeeper/lockkeeper/internal/absent"
	"github.com/lockkeeper/lockkeeper/internal/clustertest"
	"github.com/lockkeeper/lockkeeper/internal/freeport"
)

var monitoring = filepath.Join(root, "deploy", "monitoring")

// An alertFile is what alerts.yaml may have.
type alertFile struct {
	Groups []struct {
		Name  string `json:"name"`
		Rules []struct {
			Alert       string            `json:"alert"`
			Expr        string            `json:"expr"`
			For         string            `json:"for"`
			Labels      map[string]string `json:"labels"`
			Annotations map[string]string `json:"annotations"`
		} `json:"rules"`
	} `json:"groups"`
}

// TestMonitoring holds every expression of alerts and dashboard, and every metric of the documents that
// tell what to do, against what a real member exports; and the alerts against the runbook.
func TestMonitoring(t *testing.T) {
	t.Parallel()
	expressions := map[string]string{}
	text, err := os.ReadFile(filepath.Join(monitoring, "alerts.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var alerts alertFile
	if err := yaml.UnmarshalStrict(text, &alerts); err != nil {
		t.Fatal(err)
	}
	runbook, err := os.ReadFile(filepath.Join(root, "docs", "runbook.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, rule := range alerts.Groups[0].Rules {
		expressions[rule.Alert] = rule.Expr
		if !strings.Contains(string(runbook), "\n### "+rule.Alert+"\n") {
			t.Errorf("docs/runbook.md does not tell what to do about %s", rule.Alert)
		}
		if got, want := rule.Annotations["runbook"], "docs/runbook.md#"+strings.ToLower(rule.Alert); got != want {
			t.Errorf("%s leads to %q; want %q", rule.Alert, got, want)
		}
	}
	for _, name := range regexp.MustCompile(`\bLockkeeper[A-Z]\w+`).FindAllString(string(runbook), -1) {
		if expressions[name] == "" {
			t.Errorf("docs/runbook.md tells of an alert %s, which there is not", name)
		}
	}

	text, err = os.ReadFile(filepath.Join(monitoring, "dashboard.json"))
	if err != nil {
		t.Fatal(err)
	}
	var board struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(text, &board); err != nil {
		t.Fatal(err)
	}
	for _, panel := range board.Panels {
		for _, target := range panel.Targets {
			expressions[panel.Title] += " " + target.Expr
		}
	}

	known := exported(t)
	name := regexp.MustCompile(`\b(lockkeeper|etcd)_[a-z_]+`)
	for _, doc := range []string{"runbook.md", "operations.md"} {
		text, err := os.ReadFile(filepath.Join(root, "docs", doc))
		if err != nil {
			t.Fatal(err)
		}
		for _, metric := range name.FindAllString(string(text), -1) {
			// The documents name a family; a histogram's samples have endings.
			if !known[metric] && !known[metric+"_count"] && !strings.HasSuffix(metric, "_") {
				t.Errorf("docs/%s names %s, which no member exports", doc, metric)
			}
		}
	}
	for where, expr := range expressions {
		names := name.FindAllString(expr, -1)
		for _, metric := range names {
			if !known[metric] {
				t.Errorf("%s asks for %s, which no member exports", where, metric)
			}
		}
		if len(names) == 0 && !strings.Contains(expr, "up{") {
			t.Errorf("%s asks for nothing of ours: %s", where, expr)
		}
	}
}

// exported runs a member, gives it something to count, and returns the names of its samples.
func exported(t *testing.T) map[string]bool {
	t.Helper()
	ports := freeport.Ports(t, 3)
	address := func(i int) string { return fmt.Sprintf("127.0.0.1:%d", ports[i]) }
	member := exec.Command(lockkeeper(t), "serve", "--data-dir", filepath.Join(t.TempDir(), "m"), "--zookeeper-listen", "off",
		"--http-listen", address(0), "--client-listen", address(1), "--peer-listen", address(2))
	member.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := member.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = member.Process.Signal(syscall.SIGTERM)
		_ = member.Wait()
	})
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	call := func(args ...string) error {
		cmd := exec.CommandContext(ctx, lockkeeper(t), args...)
		cmd.Env = append(os.Environ(), "LOCKKEEPER_ENDPOINTS="+address(0))
		return cmd.Run()
	}
	if !clustertest.Poll(ctx, func() bool { return call("health", "--ready") == nil }) {
		t.Fatal("the member is not ready")
	}
	// A lock that is lost: only then its counter has a sample.
	if err := call("lock", "counted", "--try", "--", lockkeeper(t), "release", "counted", "--force"); err == nil {
		t.Error("a lock that was taken away is not reported")
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address(0)+"/metrics", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for line := range strings.SplitSeq(string(text), "\n") {
		if sample, _, _ := strings.Cut(line, " "); !strings.HasPrefix(line, "#") {
			sample, _, _ = strings.Cut(sample, "{")
			known[sample] = true
		}
	}
	return known
}

// TestAlerts has Prometheus' own tool check the rules and run their tests.
func TestAlerts(t *testing.T) {
	t.Parallel()
	absent.Programs(t, "promtool")
	output(t, nil, "promtool", "check", "rules", filepath.Join("deploy", "monitoring", "alerts.yaml"))
	output(t, nil, "promtool", "test", "rules", filepath.Join("deploy", "monitoring", "alerts_test.yaml"))
	text, err := os.ReadFile(filepath.Join(monitoring, "alerts.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	tests, err := os.ReadFile(filepath.Join(monitoring, "alerts_test.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, found := range regexp.MustCompile(`- alert: (\w+)`).FindAllStringSubmatch(string(text), -1) {
		if !strings.Contains(string(tests), "alertname: "+found[1]+"\n") {
			t.Errorf("%s has no test", found[1])
		}
	}
}
