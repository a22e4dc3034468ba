package zkapi_test

import (
	"io"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/lockkeeper/lockkeeper/zkapi"
	"github.com/lockkeeper/lockkeeper/zkapi/jute"
	"github.com/lockkeeper/lockkeeper/znode"
)

// ask sends a four-letter word and returns what comes until the end.
func ask(t *testing.T, word string) string {
	t.Helper()
	c := dial(t)
	c.write([]byte(word))
	b, err := io.ReadAll(c.nc)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestWords shows 118 and 119.
func TestWords(t *testing.T) {
	watcher := connect(t)
	watcher.do(get(jute.OpExists, "/words", true), znode.ErrNoNode)
	for word, want := range map[string]string{
		"ruok":   `^imok$`,
		"ruok\n": `^imok$`,
		"isro":   `^rw$`,
		// What go-zookeeper's FLWSrvr reads.
		"srvr": `^Zookeeper version: [A-Za-z0-9.-]+, built on \d\d/\d\d/\d{4} \d\d:\d\d [A-Z]{3}\nLatency min/avg/max: \d+/[\d.]+/\d+\nReceived: \d+\nSent: \d+\nConnections: \d+\nOutstanding: \d+\nZxid: 0x[0-9a-f]+\nMode: standalone\nNode count: \d+\n$`,
		"stat": `^Zookeeper version: .*\nClients:\n( /[0-9.:]+\[\d\]\(queued=\d+,recved=\d+,sent=\d+\)\n)+\nLatency`,
		"cons": ` /[0-9.:]+\[\d\]\(queued=\d+,recved=\d+,sent=\d+,sid=0x[0-9a-f]+,lop=EXIS,est=\d+,to=10000,lcxid=0x1,lzxid=0x[0-9a-f]+,lresp=\d+,llat=\d+,minlat=\d+,avglat=\d+,maxlat=\d+\)\n`,
		"mntr": `(?s)^(zk_[a-z_]+\t[^\n]+\n)+$`,
		"conf": `(?s)^clientPort=\d+\n.*tickTime=2000\nmaxClientCnxns=60\nminSessionTimeout=4000\nmaxSessionTimeout=40000\n`,
		"envi": `^Environment:\nzookeeper.version=3\.9\.5-`,
		"wchs": `^\d+ connections watching \d+ paths\nTotal watches:\d+\n$`,
		"dump": `(?s)^SessionTracker dump:\n.*ephemeral nodes dump:\nSessions with Ephemerals \(\d+\):\n`,
		"dirs": `^datadir_size: \d+\nlogdir_size: \d+\n$`,
		"wchc": `^wchc is not executed because it is not in the whitelist.\n$`,
		"crst": `^Connection stats reset.\n$`,
	} {
		if got := ask(t, word); !regexp.MustCompile(want).MatchString(got) {
			t.Errorf("%q: %q does not match %s", word, got, want)
		}
	}
}

// TestWatchesEndWithTheirConnection shows 89.
func TestWatchesEndWithTheirConnection(t *testing.T) {
	total := func(want string) {
		t.Helper()
		end := time.Now().Add(patience)
		for got := ""; !strings.HasSuffix(got, want); got = ask(t, "wchs") {
			if time.Now().After(end) {
				t.Fatalf("89 %q, want %q", got, want)
			}
		}
	}
	total("Total watches:0\n") // once the connections of earlier tests have ended
	c := connect(t)
	c.do(get(jute.OpExists, "/wchs", true), znode.ErrNoNode)
	total("Total watches:1\n")
	_ = c.nc.Close()
	total("Total watches:0\n")
}

func TestParseWords(t *testing.T) {
	if list, err := zkapi.ParseWords("ruok, srvr"); err != nil || strings.Join(list, " ") != "ruok srvr" {
		t.Errorf("%v, %v", list, err)
	}
	if list, err := zkapi.ParseWords("*"); err != nil || len(list) < 16 {
		t.Errorf("%v, %v", list, err)
	}
	if _, err := zkapi.ParseWords("ruok,nope"); err == nil || !strings.Contains(err.Error(), "nope") {
		t.Errorf("%v", err)
	}
}
