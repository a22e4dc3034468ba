package httpapi

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/lockkeeper/lockkeeper/znode"
)

// TestCodesInDocs: docs/http-api.md has each code with its status, and docs/runbook.md what to do about
// it and about those of the stream and of the sidecar; neither has one that there is not.
func TestCodesInDocs(t *testing.T) {
	read := func(path ...string) string {
		text, err := os.ReadFile(filepath.Join(append([]string{".."}, path...)...))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	known := []string{"too_many_connections 503"}
	codes := []string{"too_many_connections"}
	for _, p := range problems {
		known = append(known, fmt.Sprintf("%s %d", p.code, p.status))
		codes = append(codes, p.code)
	}
	for _, m := range regexp.MustCompile(`Code\w+ += "([a-z_]+)"`).FindAllStringSubmatch(read("httpapi", "wire", "code.go"), -1) {
		codes = append(codes, m[1])
	}
	files, err := filepath.Glob(filepath.Join("..", "sidecar", "*.go"))
	if err != nil || len(files) == 0 {
		t.Fatalf("the sidecar: %q, %v", files, err)
	}
	for _, file := range files { // which refuses some things by itself
		for _, m := range regexp.MustCompile(`refuse\(w, http\.\w+, "([a-z_]+)"`).FindAllStringSubmatch(read("sidecar", filepath.Base(file)), -1) {
			codes = append(codes, m[1])
		}
	}
	rows := func(text, pattern string) (list []string) {
		for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(text, -1) {
			list = append(list, strings.Join(m[1:], " "))
		}
		return list
	}
	same := func(where string, got, want []string) {
		t.Helper()
		slices.Sort(want)
		want = slices.Compact(want)
		for _, w := range want {
			if n := len(slices.DeleteFunc(slices.Clone(got), func(g string) bool { return g != w })); n != 1 {
				t.Errorf("%s has %q %d times; want once", where, w, n)
			}
		}
		for _, g := range got {
			if !slices.Contains(want, g) {
				t.Errorf("%s has %q, which there is not", where, g)
			}
		}
	}
	_, api, _ := strings.Cut(read("docs", "http-api.md"), "\n## Errors\n")
	same("docs/http-api.md", rows(api, "(?m)^\\| `([a-z_]+)` \\| (\\d{3}) \\|"), known)
	_, runbook, _ := strings.Cut(read("docs", "runbook.md"), "\n## Error codes\n")
	same("docs/runbook.md", rows(runbook, "(?m)^\\| `([a-z_]+)` \\|"), codes)

	_, index, _ := strings.Cut(read("docs", "operations.md"), "\n## Runbook\n")
	for _, code := range codes {
		if !strings.Contains(index, "`"+code+"`") {
			t.Errorf("the index in docs/operations.md does not have %s", code)
		}
	}

	// Those of ZooKeeper: the door sends the store's own as they are, and -1 for what is ours; -4 is the
	// client's word for a connection that ends.
	for _, m := range regexp.MustCompile(`([A-Z]\w+) \((-\d+)\)`).FindAllStringSubmatch(runbook, -1) {
		n, err := strconv.Atoi(m[2])
		if err != nil {
			t.Fatal(err)
		}
		if m[0] != "SystemError (-1)" && m[0] != "ConnectionLoss (-4)" && strings.HasPrefix(znode.Code(n).Error(), "znode code") {
			t.Errorf("docs/runbook.md has %s, which no ZooKeeper client is told", m[0])
		}
	}
}
