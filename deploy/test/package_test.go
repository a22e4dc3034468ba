//go:build linux

package deploy

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/lockkeeper/lockkeeper/internal/absent"
)

// nfpm is how the Makefile calls it.
func nfpm(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`(?m)^NFPM +:= \$\(GO\) (.*)$`).FindSubmatch(text)
	if found == nil {
		t.Fatal("the Makefile does not say which nfpm")
	}
	return append([]string{"go"}, strings.Fields(string(found[1]))...)
}

// TestPackage builds the package and the tarball twice, looks into them and runs what is in there.
func TestPackage(t *testing.T) {
	t.Parallel()
	absent.Programs(t, "dpkg-deb")
	var sums []string
	var dir string
	for range 2 {
		dir = t.TempDir()
		output(t, []string{"VERSION=v1.2.3", "ARCHES=" + runtime.GOARCH, "DIST=" + dir}, "scripts/dist.sh", nfpm(t)...)
		text, err := os.ReadFile(filepath.Join(dir, "lockkeeper_v1.2.3_sha256sums.txt"))
		if err != nil {
			t.Fatal(err)
		}
		sums = append(sums, string(text))
	}
	if sums[0] != sums[1] || strings.Count(sums[0], "\n") != 2 {
		t.Errorf("two builds differ:\n%s%s", sums[0], sums[1])
	}

	deb := filepath.Join(dir, fmt.Sprintf("lockkeeper_v1.2.3_%s.deb", runtime.GOARCH))
	if version := output(t, nil, "dpkg-deb", "--field", deb, "Version"); version != "1.2.3" {
		t.Errorf("the package has the version %q", version)
	}
	if conffiles := output(t, nil, "dpkg-deb", "--info", deb, "conffiles"); conffiles != "/etc/lockkeeper/lockkeeper.yaml" {
		t.Errorf("upgrades would overwrite the configuration: %q", conffiles)
	}
	into := t.TempDir()
	output(t, nil, "dpkg-deb", "--extract", deb, into)
	for path, want := range map[string]string{
		"usr/lib/systemd/system/lockkeeper.service":           "ExecStart=/usr/bin/lockkeeper serve",
		"usr/lib/sysusers.d/lockkeeper.conf":                  "u lockkeeper",
		"usr/lib/tmpfiles.d/lockkeeper.conf":                  "/var/lib/lockkeeper",
		"usr/share/bash-completion/completions/lockkeeper":    "__start_lockkeeper",
		"usr/share/zsh/vendor-completions/_lockkeeper":        "#compdef lockkeeper",
		"usr/share/fish/vendor_completions.d/lockkeeper.fish": "complete",
		"usr/share/man/man1/lockkeeper.1":                     ".SH NAME\nlockkeeper",
		"usr/share/man/man1/lockkeeper-serve.1":               `\-\-http\-listen`,
	} {
		text, err := os.ReadFile(filepath.Join(into, path))
		if err != nil || !strings.Contains(string(text), want) {
			t.Errorf("%s has no %q: %v", path, want, err)
		}
	}
	program := filepath.Join(into, "usr/bin/lockkeeper")
	if version := output(t, nil, program, "version"); !strings.HasPrefix(version, "lockkeeper v1.2.3 ") {
		t.Errorf("the program says it is %q", version)
	}
	config := output(t, nil, program, "serve", "--print-config", "--config", filepath.Join(into, "etc/lockkeeper/lockkeeper.yaml"))
	if !strings.Contains(config, "data-dir: /var/lib/lockkeeper") {
		t.Errorf("the configuration is\n%s", config)
	}

	top := "lockkeeper_v1.2.3_linux_" + runtime.GOARCH
	list := strings.Split(output(t, nil, "tar", "-tzf", filepath.Join(dir, top+".tar.gz")), "\n")
	for _, path := range []string{"lockkeeper", "README.md", "lockkeeper.yaml", "systemd/lockkeeper.service", "man/lockkeeper-lock.1", "completion/_lockkeeper"} {
		if !slices.Contains(list, top+"/"+path) {
			t.Errorf("the tarball has no %s: %q", path, list)
		}
	}
}

// TestUnit has systemd itself judge the unit, without running it, and make user and directories in a
// root of their own.
func TestUnit(t *testing.T) {
	t.Parallel()
	absent.Programs(t, "systemd-analyze", "systemd-sysusers", "systemd-tmpfiles")
	unit := filepath.Join("deploy", "systemd", "lockkeeper.service")
	report := output(t, nil, "systemd-analyze", "security", "--offline=true", "--no-pager", unit)
	level := regexp.MustCompile(`Overall exposure level for \S+ ([0-9.]+)`).FindStringSubmatch(report)
	if level == nil {
		t.Fatalf("no level in\n%s", report)
	}
	if exposed, err := strconv.ParseFloat(level[1], 64); err != nil || exposed >= 3 {
		t.Errorf("the unit is exposed at %s (%v); want below 3\n%s", level[1], err, report)
	}

	if os.Getuid() != 0 {
		absent.Skip(t, "only root may make users")
	}
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "etc"), 0o755); err != nil {
		t.Fatal(err)
	}
	for file, line := range map[string]string{"passwd": "root:x:0:0::/root:/bin/sh\n", "group": "root:x:0:\n"} {
		if err := os.WriteFile(filepath.Join(dir, "etc", file), []byte(line), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, file := range []string{"sysusers", "tmpfiles"} {
		into := filepath.Join(dir, "usr", "lib", file+".d")
		if err := os.MkdirAll(into, 0o755); err != nil {
			t.Fatal(err)
		}
		output(t, nil, "cp", filepath.Join("deploy", "systemd", file+".conf"), filepath.Join(into, "lockkeeper.conf"))
	}
	output(t, nil, "systemd-sysusers", "--root="+dir, "lockkeeper.conf")
	output(t, nil, "systemd-tmpfiles", "--root="+dir, "--create", "lockkeeper.conf")
	for path, mode := range map[string]os.FileMode{"var/lib/lockkeeper": 0o700, "etc/lockkeeper": 0o750} {
		info, err := os.Stat(filepath.Join(dir, path))
		if err != nil || info.Mode().Perm() != mode {
			t.Errorf("%s: %v, %v; want %v", path, info, err, mode)
		}
	}
}
