//go:build linux

package deploy

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	"sigs.k8s.io/yaml"
)

// manifests are decoded objects by kind and name.
type manifests map[string]any

// add decodes the documents of one file strictly: a field that Kubernetes does not know is an
// error, as is one that is there twice.
func (m manifests) add(t *testing.T, file string, text []byte) {
	t.Helper()
	for doc := range bytes.SplitSeq(append([]byte("\n"), text...), []byte("\n---\n")) {
		var head struct {
			APIVersion string `json:"apiVersion"`
			Kind       string
			Metadata   struct{ Name string }
		}
		if err := yaml.Unmarshal(doc, &head); err != nil {
			t.Fatalf("%s: %v\n%s", file, err, doc)
		}
		var into any
		switch head.APIVersion + "/" + head.Kind {
		case "/":
			continue // only comments
		case "v1/Service":
			into = &corev1.Service{}
		case "apps/v1/StatefulSet":
			into = &appsv1.StatefulSet{}
		case "apps/v1/Deployment":
			into = &appsv1.Deployment{}
		case "policy/v1/PodDisruptionBudget":
			into = &policyv1.PodDisruptionBudget{}
		case "networking.k8s.io/v1/NetworkPolicy":
			into = &networkingv1.NetworkPolicy{}
		default:
			t.Fatalf("%s: no test knows a %s/%s", file, head.APIVersion, head.Kind)
		}
		if err := yaml.UnmarshalStrict(doc, into); err != nil {
			t.Errorf("%s: %v", file, err)
		}
		m[head.Kind+"/"+head.Metadata.Name] = into
	}
}

// base is what deploy/kubernetes makes.
func base(t *testing.T) manifests {
	t.Helper()
	return kustomized(t, filepath.Join(root, "deploy", "kubernetes"))
}

// kustomized is what a directory makes: nothing in its kustomization changes the resources.
func kustomized(t *testing.T, dir string) manifests {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "kustomization.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var k struct {
		APIVersion string   `json:"apiVersion"`
		Kind       string   `json:"kind"`
		Resources  []string `json:"resources"`
	}
	if err := yaml.UnmarshalStrict(text, &k); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	m := manifests{}
	for _, file := range files {
		if filepath.Base(file) == "kustomization.yaml" {
			continue
		}
		if !slices.Contains(k.Resources, filepath.Base(file)) {
			t.Errorf("%s is not in kustomization.yaml", file)
		}
	}
	for _, file := range k.Resources {
		text, err := os.ReadFile(filepath.Join(dir, file))
		if err != nil {
			t.Fatal(err)
		}
		m.add(t, file, text)
	}
	return m
}

// get returns the object of a kind and name.
func get[T any](t *testing.T, m manifests, name string) T {
	t.Helper()
	object, ok := m[name].(T)
	if !ok {
		t.Fatalf("there is no %s", name)
	}
	return object
}

// TestQuorumSafe checks what a quorum needs and no schema knows.
func TestQuorumSafe(t *testing.T) {
	t.Parallel()
	m := base(t)
	set := get[*appsv1.StatefulSet](t, m, "StatefulSet/lockkeeper")
	members := get[*corev1.Service](t, m, "Service/lockkeeper-members")
	doors := get[*corev1.Service](t, m, "Service/lockkeeper")
	budget := get[*policyv1.PodDisruptionBudget](t, m, "PodDisruptionBudget/lockkeeper")

	if set.Spec.PodManagementPolicy != appsv1.ParallelPodManagement {
		t.Error("pods start one after the other: the first waits for a quorum, and the second for the first")
	}
	if members.Spec.ClusterIP != corev1.ClusterIPNone || !members.Spec.PublishNotReadyAddresses || set.Spec.ServiceName != members.Name {
		t.Error("members cannot find each other before they are ready")
	}
	if doors.Spec.PublishNotReadyAddresses {
		t.Error("clients are sent to members that are not ready")
	}
	if retain := set.Spec.PersistentVolumeClaimRetentionPolicy; retain == nil || retain.WhenDeleted != appsv1.RetainPersistentVolumeClaimRetentionPolicyType || retain.WhenScaled != retain.WhenDeleted {
		t.Error("a member's data may be deleted")
	}
	if n := budget.Spec.MaxUnavailable; n == nil || n.IntValue() != 1 {
		t.Errorf("the budget is %v; want one", n)
	}

	c := set.Spec.Template.Spec.Containers[0]
	for _, p := range []*corev1.Probe{c.StartupProbe, c.LivenessProbe} {
		if p == nil || p.HTTPGet.Path != "/healthz" {
			t.Errorf("the probe %v kills members that have lost their quorum", p)
		}
	}
	if c.ReadinessProbe.HTTPGet.Path != "/readyz" {
		t.Error("readiness is not asked at /readyz")
	}
	if _, limited := c.Resources.Limits[corev1.ResourceCPU]; limited {
		t.Error("a limit of CPU stops members for longer than a heartbeat")
	}
	s := c.SecurityContext
	if !*s.ReadOnlyRootFilesystem || *s.AllowPrivilegeEscalation || s.Capabilities.Drop[0] != "ALL" || !*set.Spec.Template.Spec.SecurityContext.RunAsNonRoot {
		t.Errorf("the security context is %+v", s)
	}
	founders := argument(t, c.Args, "--initial-cluster")
	if n := int32(strings.Count(founders, ",") + 1); n != *set.Spec.Replicas {
		t.Errorf("%d replicas and %d founders", *set.Spec.Replicas, n)
	}
}

// TestSelectors checks that all that selects finds the pods, and that named ports exist.
func TestSelectors(t *testing.T) {
	t.Parallel()
	m := base(t)
	set := get[*appsv1.StatefulSet](t, m, "StatefulSet/lockkeeper")
	pod := set.Spec.Template
	selectors := map[string]map[string]string{"set": set.Spec.Selector.MatchLabels}
	ports := map[string]bool{}
	for _, p := range pod.Spec.Containers[0].Ports {
		ports[p.Name] = true
	}
	for name, object := range m {
		switch o := object.(type) {
		case *corev1.Service:
			selectors[name] = o.Spec.Selector
			for _, p := range o.Spec.Ports {
				if !ports[p.TargetPort.String()] {
					t.Errorf("%s: no port %s", name, p.TargetPort.String())
				}
			}
		case *policyv1.PodDisruptionBudget:
			selectors[name] = o.Spec.Selector.MatchLabels
		case *networkingv1.NetworkPolicy:
			selectors[name] = o.Spec.PodSelector.MatchLabels
			for _, rule := range o.Spec.Ingress {
				for _, p := range rule.Ports {
					if !ports[p.Port.String()] {
						t.Errorf("%s: no port %s", name, p.Port.String())
					}
				}
			}
		}
	}
	for _, term := range pod.Spec.Affinity.PodAntiAffinity.RequiredDuringSchedulingIgnoredDuringExecution {
		selectors["affinity"] = term.LabelSelector.MatchLabels
	}
	selectors["spread"] = pod.Spec.TopologySpreadConstraints[0].LabelSelector.MatchLabels
	for name, selector := range selectors {
		if len(selector) == 0 {
			t.Errorf("%s selects everything", name)
		}
		for key, value := range selector {
			if pod.Labels[key] != value {
				t.Errorf("%s selects %s=%s; the pods have %q", name, key, value, pod.Labels[key])
			}
		}
	}
}

// argument returns the value of a flag that is written as --name=value.
func argument(t *testing.T, args []string, name string) string {
	t.Helper()
	for _, arg := range args {
		if value, ok := strings.CutPrefix(arg, name+"="); ok {
			return value
		}
	}
	t.Fatalf("no %s in %q", name, args)
	return ""
}
