package main

import (
	"bytes"
	"crypto/sha256"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// well is what three members say that are well.
func well() []*diagnosis {
	names := []string{"a", "b", "c"}
	var all []*diagnosis
	for _, name := range names {
		d := &diagnosis{
			Member: name, MemberID: name, Version: "v1", Leader: "b", Heartbeat: span(100 * time.Millisecond), Election: span(time.Second),
			FsyncMedian: span(time.Millisecond), FsyncWorst: span(5 * time.Millisecond), FreeDisk: 10 << 30, MinFreeDisk: 512 << 20,
			DatabaseBytes: 30 << 20, DatabaseInUse: 20 << 20, MaxDatabaseBytes: 8 << 30, trip: time.Millisecond,
		}
		for _, peer := range names {
			if peer != name {
				d.Peers = append(d.Peers, diagnosePeer{Name: peer, ID: peer, Answers: true, RoundTrip: span(300 * time.Microsecond)})
			}
		}
		all = append(all, d)
	}
	return all
}

// TestDoctor changes one thing of a cluster that is well; what is found are the checks that then are
// not ok, with their levels.
func TestDoctor(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change func(all []*diagnosis) []*diagnosis
		want   []string
	}{
		{"well", nil, nil},
		{"one member", func(all []*diagnosis) []*diagnosis { all[0].Peers, all[0].Leader = nil, "a"; return all[:1] }, nil},
		{"one not asked", func(all []*diagnosis) []*diagnosis { return all[:2] }, []string{"reach c note"}},
		{"one silent", func(all []*diagnosis) []*diagnosis {
			all[0].Peers[1].Answers, all[1].Peers[1].Answers = false, false
			return all[:2]
		}, []string{"quorum a problem", "quorum b problem"}},
		{"two silent", func(all []*diagnosis) []*diagnosis {
			all[0].Peers[0].Answers, all[0].Peers[1].Answers, all[0].Leader = false, false, ""
			return all[:1]
		}, []string{"leader a problem", "quorum a problem"}},
		{"two leaders", func(all []*diagnosis) []*diagnosis { all[0].Leader = "a"; return all }, []string{"leader  problem"}},
		{"a learner", func(all []*diagnosis) []*diagnosis { all[0].Peers[1].Learner = true; return all }, []string{"quorum c note"}},
		{"a clock", func(all []*diagnosis) []*diagnosis { all[1].offset = -3 * time.Second; return all }, []string{"clocks  problem"}},
		{"clocks far from here", func(all []*diagnosis) []*diagnosis {
			for _, d := range all {
				d.offset = time.Hour
			}
			return all
		}, nil},
		{"an older version", func(all []*diagnosis) []*diagnosis { all[1].Version = "v0"; return all }, []string{"versions  problem"}},
		{"a slow disk", func(all []*diagnosis) []*diagnosis { all[1].FsyncMedian = span(20 * time.Millisecond); return all }, []string{"disk b note"}},
		{"a very slow disk", func(all []*diagnosis) []*diagnosis { all[1].FsyncWorst = span(time.Second); return all }, []string{"disk b problem"}},
		{"a full disk", func(all []*diagnosis) []*diagnosis { all[2].FreeDisk = 1 << 20; return all }, []string{"free disk c problem"}},
		{"a nearly full disk", func(all []*diagnosis) []*diagnosis { all[2].FreeDisk = 600 << 20; return all }, []string{"free disk c note"}},
		{"no word of the disk", func(all []*diagnosis) []*diagnosis { all[2].FreeDisk = -1; return all }, []string{"free disk c note"}},
		{"a full database", func(all []*diagnosis) []*diagnosis { all[0].DatabaseInUse = 9 << 30; return all }, []string{"database a problem"}},
		{"a nearly full one", func(all []*diagnosis) []*diagnosis { all[0].DatabaseInUse = 7 << 30; return all }, []string{"database a note"}},
		{"a wasteful one", func(all []*diagnosis) []*diagnosis { all[0].DatabaseBytes = 1 << 30; return all }, []string{"database a note"}},
		{"far apart", func(all []*diagnosis) []*diagnosis {
			all[0].Peers[1].RoundTrip = span(110 * time.Millisecond)
			return all
		}, []string{"time-outs a problem"}},
		{"different time-outs", func(all []*diagnosis) []*diagnosis { all[2].Election = span(2 * time.Second); return all }, []string{"time-outs  problem"}},
		{"behind", func(all []*diagnosis) []*diagnosis { all[2].Lag = 6000; return all }, []string{"lag c problem"}},
		{"nobody", func([]*diagnosis) []*diagnosis { return nil }, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			all := well()
			if tc.change != nil {
				all = tc.change(all)
			}
			var got []string
			for _, f := range judge(all) {
				if f.Level == levelOK {
					continue
				}
				got = append(got, f.Check+" "+f.Member+" "+f.Level)
				if f.Do == "" && f.Text != "the system does not tell" {
					t.Errorf("nothing is said about what to do: %+v", f)
				}
			}
			slices.Sort(got)
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
			}
		})
	}
}

// TestDownload takes snapshots that come in pieces of any size, and refuses what does not match its
// checksum.
func TestDownload(t *testing.T) {
	content := bytes.Repeat([]byte("0123456789abcdef"), 40_000)
	sum := sha256.Sum256(content)
	whole := append(slices.Clone(content), sum[:]...)
	changed := slices.Clone(whole)
	changed[7] ^= 1
	for _, tc := range []struct {
		name string
		text []byte
		good bool
	}{
		{"whole", whole, true},
		{"empty", append([]byte(nil), emptySum()...), true},
		{"changed", changed, false},
		{"cut", whole[:len(whole)-1], false},
		{"nothing", nil, false},
		{"less than a checksum", whole[:20], false},
	} {
		var to bytes.Buffer
		alive := 0
		got, n, err := download(&to, iotest.HalfReader(bytes.NewReader(tc.text)), func() { alive++ })
		switch {
		case tc.good && (err != nil || n != int64(len(tc.text)) || !bytes.Equal(to.Bytes(), tc.text) || !bytes.HasSuffix(tc.text, got) || alive == 0):
			t.Errorf("%s: %x, %d bytes, %v", tc.name, got, n, err)
		case !tc.good && (err == nil || !strings.Contains(err.Error(), "checksum")):
			t.Errorf("%s: %v; want a word about its checksum", tc.name, err)
		}
	}
}

func emptySum() []byte {
	sum := sha256.Sum256(nil)
	return sum[:]
}
