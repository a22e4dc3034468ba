package archtest

import (
	"slices"
	"strings"
	"testing"
)

// mayImport says which packages of this module each one may import: one way only, doors never
// each other. A new package gets its line here, on purpose.
var mayImport = map[string][]string{
	"cmd/lockkeeper": {"server", "sidecar", "sdk", "internal/clock", "internal/supervise"},
	"server": {
		"httpapi", "zkapi", "election", "lock", "lease", "store", "store/record", "znode", "quorum",
		"internal/clock", "barrier", "value",
	},
	// quorum: its sentinels, for the routes that change the members
	"httpapi":        {"httpapi/stream", "httpapi/wire", "election", "lock", "lease", "store", "znode", "barrier", "value", "quorum"},
	"httpapi/wire":   {},
	"httpapi/stream": {"httpapi/wire", "election", "lock", "lease", "store", "znode", "barrier", "value"},
	"zkapi":          {"zkapi/jute", "lease", "store", "znode", "internal/clock"}, // no recipes: clients bring theirs
	"zkapi/jute":     {"znode"},
	"sidecar":        {"sdk"},
	"sdk":            {"httpapi/wire"},
	"sdk/fence":      {"sdk"}, // its tokens and errors
	"election":       {"lock", "lease", "store", "znode", "internal/clock"},
	"lock":           {"lease", "store", "znode", "internal/clock"},
	"barrier":        {"lock", "lease", "store", "znode"},
	"value":          {"lock", "lease", "store", "znode"},
	"lease":          {"lease/deadline", "store", "store/record", "znode", "internal/clock", "internal/rules"},
	"store":          {"store/record", "znode", "quorum", "internal/clock", "internal/rules"},
	"store/record":   {"znode"},
	"quorum":         {"internal/clock"},
	"znode":          {"internal/rules"}, // a struct of switches

	"lease/deadline": {"znode", "internal/rules"}, // below store, whose simulation runs it
	"internal/clock": {},
	"internal/rules": {},

	"internal/supervise": {"internal/clock"},
}

// testSupport reports whether a package is there for tests: every internal one that has no line in
// the table, and sdktest, for the tests of others. Such packages may import testing and what they
// need, and never end in the binary.
func testSupport(name string) bool {
	_, production := mayImport[name]
	return strings.HasPrefix(name, "internal/") && !production || name == "sdk/sdktest" || slices.Contains(zkTests, name)
}

// zkTests are the packages that test the ZooKeeper door with its clients and beside its server.
var zkTests = []string{"zkapi/clients", "zkapi/differential", "zkapi/zktest"}

// onlyIn says which of our packages may import a module or package of others: what is costly,
// or what would let its types spread.
var onlyIn = []struct {
	path string
	pkgs []string
}{
	{"go.etcd.io/etcd/server/v3", []string{"quorum"}},
	{"go.etcd.io/raft/v3", []string{"quorum"}},
	{"go.uber.org/zap", []string{"quorum"}},
	{"go.etcd.io/etcd/client/v3", []string{"quorum"}},
	{"google.golang.org/grpc", []string{"quorum", "store"}},
	{"github.com/gin-gonic/gin", []string{"httpapi"}},
	{"github.com/spf13/cobra", []string{"cmd/lockkeeper"}},
	{"github.com/spf13/pflag", []string{"cmd/lockkeeper"}},
	{"github.com/lmittmann/tint", []string{"cmd/lockkeeper"}},
	{"sigs.k8s.io/yaml", []string{"cmd/lockkeeper"}},
}

// pure packages do no I/O and use nothing but the standard library and what stands here.
var pure = map[string][]string{
	"znode":      {"github.com/tidwall/btree"},
	"zkapi/jute": {"github.com/tidwall/btree"}, // znode's
}

// impure are packages of the standard library that pure ones do without.
var impure = []string{"os", "net", "net/http", "io/fs", "log", "log/slog", "math/rand", "math/rand/v2", "crypto/rand", "sync"}

func TestImportDirections(t *testing.T) {
	for _, p := range own(t) {
		name := p.name()
		if testSupport(name) {
			continue
		}
		allowed, known := mayImport[name]
		if !known {
			t.Errorf("package %s is not in the table of import directions: add it, with what it may import", name)
			continue
		}
		for _, path := range p.Imports {
			if below, ours := strings.CutPrefix(path, module+"/"); ours && !slices.Contains(allowed, below) {
				t.Errorf("%s imports %s; it may import %v", name, below, allowed)
			}
			if path == "testing" {
				t.Errorf("%s imports testing, which belongs in test files and test packages", name)
			}
		}
	}
}

func TestForeignImportsStayWhereTheyBelong(t *testing.T) {
	for _, p := range own(t) {
		for _, path := range p.Imports {
			for _, rule := range onlyIn {
				if within(path, rule.path) && !slices.Contains(rule.pkgs, p.name()) && !testSupport(p.name()) {
					t.Errorf("%s imports %s; only %v may", p.name(), path, rule.pkgs)
				}
			}
			allowed, isPure := pure[p.name()]
			if isPure && (slices.Contains(impure, path) || (foreign(path) && !slices.Contains(allowed, path))) {
				t.Errorf("%s imports %s; it is pure and may import the standard library without I/O, and %v", p.name(), path, allowed)
			}
		}
	}
}

// TestBinary looks at all that ends in the binary, by whatever way.
func TestBinary(t *testing.T) {
	for _, p := range list(t, "-deps", "./cmd/lockkeeper") {
		if p.ImportPath == "testing" {
			t.Error("the binary contains package testing")
		}
		if strings.HasPrefix(p.ImportPath, module+"/") && testSupport(p.name()) {
			t.Errorf("the binary contains %s, which is for tests", p.name())
		}
	}
}

// within reports whether path is root or below it.
func within(path, root string) bool {
	return path == root || strings.HasPrefix(path, root+"/")
}

// TestLightSDK looks at all that a program gets by importing the SDK, and its fences: no driver of a
// database and no vendor's SDK.
func TestLightSDK(t *testing.T) {
	for _, p := range list(t, "-deps", "./sdk", "./sdk/fence") {
		switch {
		case p.Standard, within(p.ImportPath, "github.com/coder/websocket"):
		case p.name() == "sdk", p.name() == "sdk/fence", p.name() == "httpapi/wire":
		default:
			t.Errorf("the SDK brings %s along; it may use the standard library, httpapi/wire and one WebSocket library", p.ImportPath)
		}
	}
}

// foreign reports whether path is neither ours nor the standard library's.
func foreign(path string) bool {
	first, _, _ := strings.Cut(path, "/")
	return strings.Contains(first, ".") && !within(path, module)
}
