//go:build linux

package deploy

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lockkeeper/lockkeeper/internal/absent"
)

// root is the top of the repository.
const root = "../.."

// output runs a program in the repository and returns its standard output without the white
// space around it. The test ends if it fails.
func output(t *testing.T, env []string, name string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir, cmd.Env = root, append(os.Environ(), env...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %v: %v\n%s%s", name, args, err, out, stderr.String())
	}
	return strings.TrimSpace(string(out))
}

func TestImage(t *testing.T) {
	t.Parallel()
	absent.Programs(t, "buildah", "unshare", "ip", "curl")
	if os.Getuid() != 0 {
		absent.Skip(t, "only root may build and run an image here")
	}
	storage := t.TempDir()
	buildah := []string{"--storage-driver", "vfs", "--root", filepath.Join(storage, "root"), "--runroot", filepath.Join(storage, "run")}
	arches := []string{"ARCHES=" + runtime.GOARCH, "VERSION=v0.0.0-test", "BUILDAH=buildah " + strings.Join(buildah, " ")}
	first := output(t, arches, "scripts/build-image.sh", "lockkeeper:first")
	second := output(t, arches, "scripts/build-image.sh", "lockkeeper:second")
	if first != second || !strings.HasPrefix(first, "linux/"+runtime.GOARCH+" ") {
		t.Errorf("two builds differ: %q and %q", first, second)
	}

	_, id, _ := strings.Cut(first, " ")
	var image struct {
		OCIv1 struct {
			Architecture string
			Config       struct {
				User, StopSignal     string
				Env, Entrypoint, Cmd []string
				Labels               map[string]string
				Volumes              map[string]struct{}
			}
		}
	}
	call := func(args ...string) string { return output(t, nil, "buildah", slices.Concat(buildah, args)...) }
	if err := json.Unmarshal([]byte(call("inspect", "--type", "image", id)), &image); err != nil {
		t.Fatal(err)
	}
	config := image.OCIv1.Config
	if config.User != "65532:65532" || image.OCIv1.Architecture != runtime.GOARCH || config.Labels["org.opencontainers.image.version"] != "v0.0.0-test" {
		t.Errorf("the image is %+v", image.OCIv1)
	}
	if got := slices.Concat(config.Entrypoint, config.Cmd); !slices.Equal(got, []string{"/lockkeeper", "serve"}) {
		t.Errorf("the image runs %q", got)
	}

	container := call("from", "--pull-never", id)
	t.Cleanup(func() {
		_ = exec.Command("buildah", slices.Concat(buildah, []string{"rm", container})...).Run()
	})
	rootfs := call("mount", container)
	for _, env := range config.Env {
		if strings.Contains(env, "LISTEN=127.") {
			t.Errorf("%s: clients are in other containers", env)
		}
	}
	runReadOnly(t, rootfs, config.Env)
}

// runReadOnly runs a member and a sidecar from rootfs as an unprivileged user who can write to its volume only.
func runReadOnly(t *testing.T, rootfs string, env []string) {
	t.Helper()
	volume := t.TempDir()
	if err := os.Chown(volume, 65532, 65532); err != nil {
		t.Fatal(err)
	}
	const script = `
set -eu
rootfs=$1 volume=$2
ip link set lo up
mkdir -p "$rootfs/proc" # as runtimes do
mount --bind "$rootfs" "$rootfs"
mount -o remount,ro,bind "$rootfs"
mount --bind "$volume" "$rootfs/data"
mount -t proc proc "$rootfs/proc"
run() { chroot --userspec=65532:65532 "$rootfs" /lockkeeper "$@"; }
chroot --userspec=65532:65532 "$rootfs" /lockkeeper serve >&2 &
member=$!
until run health --ready; do
	kill -0 $member
	sleep 0.1
done
run health
run lock image --try -- /lockkeeper version
chroot --userspec=65532:65532 "$rootfs" /lockkeeper sidecar --app-always --elect image >&2 &
sidecar=$!
until curl -fsS http://127.0.0.1:7071/leader; do
	kill -0 $sidecar
	sleep 0.1
done
run health --ready --endpoints 127.0.0.1:7071
kill -TERM $sidecar
wait $sidecar
echo sidecar ended with $?
kill -TERM $member
wait $member
echo ended with $?
`
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "bash", "-c", script, "bash", rootfs, volume)
	cmd.Env = append(slices.Clone(env), "PATH="+os.Getenv("PATH"))
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s\n%s", err, out, stderr.String())
	}
	for _, want := range []string{"127.0.0.1:7070 alive\n", "lockkeeper v0.0.0-test ", "127.0.0.1:7071 ready\n", "sidecar ended with 0\n", "\nended with 0\n"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("no %q in\n%s\n%s", want, out, stderr.String())
		}
	}
}
