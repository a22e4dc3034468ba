//go:build linux

package deploy

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	"sigs.k8s.io/yaml"

	"github.com/lockkeeper/lockkeeper/internal/absent"
	"github.com/lockkeeper/lockkeeper/internal/clustertest"
)

// TestMembers runs real members as the manifests say, each in a network namespace of its own and
// with names in place of addresses.
func TestMembers(t *testing.T) {
	t.Parallel()
	network := clustertest.NewNetwork(t, 9)
	t.Run("compose", func(t *testing.T) {
		t.Parallel()
		composeMembers(t, network.Members[:5])
	})
	t.Run("kubernetes", func(t *testing.T) {
		t.Parallel()
		kubernetesMembers(t, network.Members[5:])
	})
}

// A composeFile is what the compose file may have: what else stands there is a slip.
type composeFile struct {
	Name        string                    `json:"name"`
	Member      any                       `json:"x-member"`
	Environment any                       `json:"x-environment"`
	Services    map[string]composeService `json:"services"`
	Volumes     map[string]any            `json:"volumes"`
}

type composeService struct {
	Image       string            `json:"image"`
	PullPolicy  string            `json:"pull_policy"`
	Restart     string            `json:"restart"`
	ReadOnly    bool              `json:"read_only"`
	CapDrop     []string          `json:"cap_drop"`
	SecurityOpt []string          `json:"security_opt"`
	StopGrace   string            `json:"stop_grace_period"`
	HealthCheck composeHealth     `json:"healthcheck"`
	Environment map[string]string `json:"environment"`
	Ports       []string          `json:"ports"`
	Volumes     []string          `json:"volumes"`
}

type composeHealth struct {
	Test        []string `json:"test"`
	Interval    string   `json:"interval"`
	Timeout     string   `json:"timeout"`
	Retries     int      `json:"retries"`
	StartPeriod string   `json:"start_period"`
}

func composeMembers(t *testing.T, at []*clustertest.Namespace) {
	text, err := os.ReadFile(filepath.Join(root, "deploy", "compose", "compose.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var file composeFile
	if err := yaml.UnmarshalStrict(text, &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Services) != 3 || len(file.Volumes) != 3 {
		t.Fatalf("%d services and %d volumes; want 3", len(file.Services), len(file.Volumes))
	}
	hosts, taken := map[string]*host{}, map[string]string{}
	names := filepath.Join(t.TempDir(), "hosts")
	for i, name := range slices.Sorted(maps.Keys(file.Services)) {
		s := file.Services[name]
		if !s.ReadOnly || !slices.Equal(s.CapDrop, []string{"ALL"}) || !slices.Equal(s.HealthCheck.Test, []string{"CMD", "/lockkeeper", "health"}) {
			t.Errorf("%s is %+v", name, s)
		}
		for _, what := range slices.Concat(s.Ports, s.Volumes) {
			source, _, _ := strings.Cut(strings.TrimPrefix(what, "127.0.0.1:"), ":")
			if taken[source] != "" || strings.Contains(what, ".") && !strings.HasPrefix(what, "127.0.0.1:") {
				t.Errorf("%s has %s, which is %s's or open to the world", name, what, taken[source])
			}
			taken[source] = name
		}
		h := &host{at: at[i], hosts: names, args: []string{"serve"}}
		// What the image sets, with a directory for the volume.
		s.Environment["LOCKKEEPER_HTTP_LISTEN"] = "0.0.0.0:7070"
		s.Environment["LOCKKEEPER_ZOOKEEPER_LISTEN"] = "0.0.0.0:2181"
		s.Environment["LOCKKEEPER_DATA_DIR"] = filepath.Join(t.TempDir(), "lockkeeper")
		for key, value := range s.Environment {
			h.env = append(h.env, key+"="+value)
		}
		hosts[name] = h
	}
	resolve(t, names, hosts)
	for _, h := range hosts {
		h.start(t)
	}
	ready(t, slices.Collect(maps.Values(hosts))...)
	composeSidecars(t, names, at[3:])
}

// A sidecarFile is what the compose file of the sidecars may have.
type sidecarFile struct {
	Sidecar  any                       `json:"x-sidecar"`
	App      any                       `json:"x-app"`
	Services map[string]composeSidecar `json:"services"`
}

type composeSidecar struct {
	composeService
	Command     []string `json:"command"`
	NetworkMode string   `json:"network_mode"`
}

// composeSidecars runs the applications of the compose file with their sidecars. One leads; when its
// application is killed the other does.
func composeSidecars(t *testing.T, names string, at []*clustertest.Namespace) {
	absent.Programs(t, "busybox")
	text, err := os.ReadFile(filepath.Join(root, "deploy", "compose", "sidecar.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var file sidecarFile
	if err := yaml.UnmarshalStrict(text, &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Services) != 4 {
		t.Fatalf("%d services; want 4", len(file.Services))
	}
	var sidecars []*host
	var apps []*exec.Cmd
	for i, where := range at {
		sidecar, app := file.Services[fmt.Sprint("sidecar-", i+1)], file.Services[fmt.Sprint("app-", i+1)]
		if !sidecar.ReadOnly || !slices.Equal(sidecar.CapDrop, []string{"ALL"}) || app.NetworkMode != fmt.Sprint("service:sidecar-", i+1) {
			t.Errorf("sidecar %d is %+v, its application %+v", i+1, sidecar, app)
		}
		h := &host{at: where, hosts: names, args: sidecar.Command}
		h.start(t)
		script := strings.ReplaceAll(strings.ReplaceAll(app.Command[2], "$$", "$"), "/tmp/www", t.TempDir())
		// The shell finds its own httpd and wget, as in busybox's image, and dies with its httpd.
		line := slices.Concat(where.Exec(), []string{"unshare", "--pid", "--fork", "--kill-child", "busybox", "sh", "-c", "alias httpd='busybox httpd'; alias wget='busybox wget'\n" + script})
		cmd := exec.Command(line[0], line[1:]...)
		cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _, _ = cmd.Process.Kill(), cmd.Wait() })
		sidecars, apps = append(sidecars, h), append(apps, cmd)
	}
	leader := func() (leads []int) {
		for i, h := range sidecars {
			line := slices.Concat(h.at.Exec(), []string{"curl", "-fsS", "http://127.0.0.1:7071/leader/token"})
			if exec.Command(line[0], line[1:]...).Run() == nil {
				leads = append(leads, i)
			}
		}
		return leads
	}
	clustertest.Eventually(t, 20e9, "one application leads", func() bool { return len(leader()) == 1 })
	first := leader()[0]
	if !sidecars[first].health(t, "--endpoints=127.0.0.1:7071") {
		t.Error("the health check of the sidecar fails")
	}
	_, _ = apps[first].Process.Kill(), apps[first].Wait()
	clustertest.Eventually(t, 20e9, "the other application leads", func() bool { return slices.Equal(leader(), []int{1 - first}) })
}

// kubernetesMembers runs the pods of the base, with TLS. One starts again under its name at another
// address, as pods do; without a quorum the last one is alive for its probe and not ready.
func kubernetesMembers(t *testing.T, at []*clustertest.Namespace) {
	set := get[*appsv1.StatefulSet](t, base(t), "StatefulSet/lockkeeper")
	const namespace = "locks"
	var names []string
	for i := range *set.Spec.Replicas {
		names = append(names, fmt.Sprintf("%s-%d.%s.%s.svc", set.Name, i, set.Spec.ServiceName, namespace))
	}
	tls, table := certificates(t, names), filepath.Join(t.TempDir(), "hosts")
	hosts := map[string]*host{}
	for i, name := range names {
		h := &host{at: at[i], hosts: table}
		pod, _, _ := strings.Cut(name, ".")
		fill := strings.NewReplacer("$(POD_NAME)", pod, "$(POD_NAMESPACE)", namespace, "=/tls/", "="+tls+"/", "=/data/", "="+t.TempDir()+"/")
		for _, arg := range set.Spec.Template.Spec.Containers[0].Args {
			h.args = append(h.args, fill.Replace(arg))
		}
		hosts[name] = h
	}
	resolve(t, table, hosts)
	a, b, c := hosts[names[0]], hosts[names[1]], hosts[names[2]]
	for _, h := range []*host{a, b, c} {
		h.start(t)
	}
	ready(t, a, b, c)

	b.end(syscall.SIGTERM)
	b.at = at[3]
	resolve(t, table, hosts)
	b.start(t)
	ready(t, a, b, c)

	b.end(syscall.SIGKILL)
	c.end(syscall.SIGKILL)
	clustertest.Eventually(t, 20e9, "the member without a quorum says so", func() bool { return !a.health(t, "--ready") })
	if !a.health(t) {
		t.Error("a liveness probe would kill a member for its lost quorum")
	}
	b.start(t)
	ready(t, a, b)

	// A member whose volume is gone must not come back as if it had never voted.
	data := argument(t, c.args, "--data-dir")
	if err := os.RemoveAll(data); err != nil {
		t.Fatal(err)
	}
	c.start(t)
	err := c.cmd.Wait()
	c.cmd = nil
	if err == nil || !strings.Contains(c.log.String(), "lockkeeper member remove ") {
		t.Errorf("a member without its data ends with %v:\n%s", err, c.log.String())
	}
}
