//go:build linux

package deploy

import (
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"helm.sh/helm/v4/pkg/chart/common"
	"helm.sh/helm/v4/pkg/chart/common/util"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	"helm.sh/helm/v4/pkg/engine"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// render renders the chart as "helm install NAME" would, values checked by its schema.
func render(t *testing.T, name string, values map[string]any) (manifests, error) {
	t.Helper()
	chart, err := loader.Load(filepath.Join(root, "deploy", "helm"))
	if err != nil {
		t.Fatal(err)
	}
	release := common.ReleaseOptions{Name: name, Namespace: "locks", IsInstall: true}
	top, err := util.ToRenderValuesWithSchemaValidation(chart, values, release, common.DefaultCapabilities, false)
	if err != nil {
		return nil, err
	}
	files, err := engine.Render(chart, top)
	if err != nil {
		return nil, err
	}
	m := manifests{}
	for _, file := range slices.Sorted(maps.Keys(files)) {
		if strings.HasSuffix(file, ".yaml") {
			m.add(t, file, []byte(files[file]))
		}
	}
	for _, object := range m {
		if o, ok := object.(metav1.Object); ok {
			labels := o.GetLabels()
			delete(labels, "app.kubernetes.io/managed-by")
			delete(labels, "helm.sh/chart")
		}
	}
	return m, nil
}

// TestChartAgrees shows that the chart without values is the base.
func TestChartAgrees(t *testing.T) {
	t.Parallel()
	chart, err := render(t, "lockkeeper", nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(base(t), chart); diff != "" {
		t.Errorf("deploy/kubernetes (-) and deploy/helm (+) differ:\n%s", diff)
	}
}

// TestExampleAgrees shows that the chart's example is that of deploy/kubernetes/sidecar.
func TestExampleAgrees(t *testing.T) {
	t.Parallel()
	chart, err := render(t, "lockkeeper", map[string]any{"example": map[string]any{"enabled": true}})
	if err != nil {
		t.Fatal(err)
	}
	want := base(t)
	maps.Copy(want, kustomized(t, filepath.Join(root, "deploy", "kubernetes", "sidecar")))
	if diff := cmp.Diff(want, chart); diff != "" {
		t.Errorf("deploy/kubernetes with its example (-) and deploy/helm (+) differ:\n%s", diff)
	}
}

// TestChartValues renders what the values can change; each result still decodes.
func TestChartValues(t *testing.T) {
	t.Parallel()
	m, err := render(t, "locks", map[string]any{
		"members": 5, "tls": map[string]any{"enabled": false}, "zookeeper": map[string]any{"enabled": false},
		"antiAffinity": "preferred", "extraArgs": []any{"--log-level=debug"}, "podAnnotations": map[string]any{"a": "b"},
		"image":            map[string]any{"repository": "elsewhere/lockkeeper", "tag": "v1"},
		"imagePullSecrets": []any{map[string]any{"name": "pull"}}, "nodeSelector": map[string]any{"disk": "fast"},
		"tolerations": []any{map[string]any{"key": "locks", "operator": "Exists"}}, "priorityClassName": "high",
		"storage":       map[string]any{"size": "20Gi", "className": "fast"},
		"networkPolicy": map[string]any{"enabled": false},
	})
	if err != nil {
		t.Fatal(err)
	}
	set := get[*appsv1.StatefulSet](t, m, "StatefulSet/locks")
	pod := set.Spec.Template.Spec
	args := pod.Containers[0].Args
	founders := argument(t, args, "--initial-cluster")
	if strings.Count(founders, "=http://locks-") != 5 || *set.Spec.Replicas != 5 {
		t.Errorf("five members are %d, founded as %s", *set.Spec.Replicas, founders)
	}
	if !slices.Contains(args, "--insecure-client-listen") || len(pod.Volumes) != 0 || !slices.Contains(args, "--log-level=debug") {
		t.Errorf("without TLS: %q, volumes %v", args, pod.Volumes)
	}
	if argument(t, args, "--zookeeper-listen") != "off" || len(get[*corev1.Service](t, m, "Service/locks").Spec.Ports) != 1 {
		t.Error("ZooKeeper's door is not off")
	}
	if _, there := m["NetworkPolicy/locks"]; there || pod.Containers[0].Image != "elsewhere/lockkeeper:v1" || *set.Spec.VolumeClaimTemplates[0].Spec.StorageClassName != "fast" {
		t.Errorf("values were not heeded: %+v", pod)
	}
	single, err := render(t, "one", map[string]any{"members": 1})
	if err != nil {
		t.Fatal(err)
	}
	if _, there := single["PodDisruptionBudget/one"]; there {
		t.Error("a budget for a single member")
	}
}

func TestChartSchema(t *testing.T) {
	t.Parallel()
	for name, values := range map[string]map[string]any{
		"an even number":  {"members": 2},
		"an unknown name": {"replicas": 3},
		"inside, too":     {"tls": map[string]any{"enable": true}},
		"a wrong type":    {"tls": map[string]any{"enabled": "no"}},
		"no size":         {"storage": map[string]any{"size": "large"}},
		"a bare argument": {"extraArgs": []any{"debug"}},
	} {
		if _, err := render(t, "lockkeeper", values); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}
