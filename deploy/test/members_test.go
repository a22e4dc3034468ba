//go:build linux

package deploy

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	"sigs.k8s.io/yaml"

	"github.com/lockkeeper/lockkeeper/internal/clustertest"
)

// TestMembers runs real members as the manifests say, each in a network namespace of its own and
// with names in place of addresses.
func TestMembers(t *testing.T) {
	t.Parallel()
	network := clustertest.NewNetwork(t, 7)
	t.Run("compose", func(t *testing.T) {
		t.Parallel()
		composeMembers(t, network.Members[:3])
	})
	t.Run("kubernetes", func(t *testing.T) {
		t.Parallel()
		kubernetesMembers(t, network.Members[3:])
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
	if err == nil || !strings.Contains(c.log.String(), "already been bootstrapped") {
		t.Errorf("a member without its data ends with %v:\n%s", err, c.log.String())
	}
}
