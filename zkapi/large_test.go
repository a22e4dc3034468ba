package zkapi_test

import (
	"strings"
	"testing"

	"github.com/lockkeeper/lockkeeper/zkapi/jute"
	"github.com/lockkeeper/lockkeeper/znode"
)

// TestLargeFrames sends more in large frames, one behind the other, than all connections together
// may have waiting: each must give back its room when it is answered.
func TestLargeFrames(t *testing.T) {
	const frames = 80 // of a MiB each
	c := connect(t)
	path := "/" + strings.Repeat("x", 1_000_000)
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		for i := range int32(frames) {
			q := jute.Request{Xid: i + 1, Operation: sync(path)}
			if _, err := c.nc.Write(q.Append(nil)); err != nil {
				t.Errorf("request %d: %v", i, err)
				return
			}
		}
	}()
	for i := range int32(frames) {
		if r := c.next(jute.OpSync); r.Xid != i+1 || r.Code != znode.OK || r.Path != path {
			t.Fatalf("answer %d: xid %d, %v, a path of %d bytes", i, r.Xid, r.Code, len(r.Path))
		}
	}
	<-sent
}
