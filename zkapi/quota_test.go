package zkapi

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/lockkeeper/lockkeeper/znode"
)

// TestQuotaLog exceeds a quota again and again: a minute has one line about it.
func TestQuotaLog(t *testing.T) {
	tree := znode.NewTree()
	for path, data := range map[string]string{
		"/q": "12345", "/other": "12345",
		"/zookeeper/quota/q": "", "/zookeeper/quota/q/zookeeper_limits": "count=-1,bytes=4",
	} {
		tree.LoadNode(path, znode.Content{Data: []byte(data), ACL: znode.OpenACL})
	}
	if err := tree.Finish(); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	l := quotaLog{slog.New(slog.NewTextHandler(&out, nil)), map[string]time.Time{}}
	for range 3 {
		l.look(tree, "/q")
		l.look(tree, "/other")
	}
	if text := out.String(); strings.Count(text, "\n") != 1 || !strings.Contains(text, "path=/q count=1 bytes=5") {
		t.Errorf("the log of a minute:\n%s", text)
	}
	l.told["/q"] = time.Now().Add(-quotaLogEvery)
	if l.look(tree, "/q"); strings.Count(out.String(), "\n") != 2 {
		t.Errorf("a minute later:\n%s", out.String())
	}
}
