package zkapi_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/lockkeeper/lockkeeper/zkapi/jute"
	"github.com/lockkeeper/lockkeeper/znode"
)

func TestCommands(t *testing.T) {
	c := connect(t)
	c.do(create("/commands", jute.FlagEphemeral), znode.OK)
	c.do(get(jute.OpExists, "/commands", true), znode.OK)
	ask := func(name string) (answer map[string]any, text string) {
		t.Helper()
		r, err := http.Get("http://" + member.HTTP + "/commands" + name)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Body.Close()
		b, err := io.ReadAll(r.Body)
		if err != nil || r.StatusCode != http.StatusOK {
			t.Fatalf("%s: %v, %v, %s", name, r.Status, err, b)
		}
		if strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") {
			if err := json.Unmarshal(b, &answer); err != nil {
				t.Fatalf("%s: %v: %s", name, err, b)
			}
		}
		return answer, string(b)
	}
	for name, want := range map[string]struct{ command, field string }{
		"ruok": {"ruok", "error"}, "srvr": {"server_stats", "server_stats"}, "server_stats": {"server_stats", "node_count"},
		"stat": {"stats", "connections"}, "mntr": {"monitor", "znode_count"}, "monitor": {"monitor", "ephemerals_count"},
		"conf": {"configuration", "tick_time"}, "cons": {"connections", "connections"}, "dump": {"dump", "session_id_to_ephemeral_paths"},
		"env": {"environment", "zookeeper.version"}, "isro": {"is_read_only", "read_only"}, "leader": {"leader", "is_leader"},
		"dirs": {"dirs", "datadir_size"}, "hash": {"hash", "digests"}, "wchs": {"watch_summary", "num_total_watches"},
		"wchc": {"watches", "session_id_to_watched_paths"}, "watches_by_path": {"watches_by_path", "path_to_session_ids"},
		"sysp": {"system_properties", "go.version"}, "crst": {"connection_stat_reset", "error"}, "srst": {"stat_reset", "error"},
	} {
		answer, text := ask("/" + name)
		if _, there := answer[want.field]; !there || answer["command"] != want.command || answer["error"] != nil {
			t.Errorf("%s: %s", name, text)
		}
	}
	if answer, _ := ask("/nothing"); answer["error"] != "Unknown command: nothing" {
		t.Errorf("%v", answer)
	}
	if _, text := ask("/dump"); !strings.Contains(text, `"/commands"`) {
		t.Errorf("the ephemeral is missing: %s", text)
	}
	if _, text := ask(""); !strings.Contains(text, `href="/commands/monitor"`) {
		t.Errorf("%s", text)
	}
}
