//go:build linux

package faults

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/lockkeeper/lockkeeper/internal/childtest"
	"github.com/lockkeeper/lockkeeper/internal/clustertest"
	"github.com/lockkeeper/lockkeeper/sdk"
)

// bookVariable tells a child of TestCounter which file it counts in.
const bookVariable = "FAULTS_COUNTER_BOOK"

// TestCounter has eight processes count in a file under one lock, with nothing else to keep them
// apart, while the leader of three members is killed ten times. It shows that the lock does: the
// count is exact and tokens grow; and that no program sees anything of the members' deaths but a
// pause.
func TestCounter(t *testing.T) {
	beside(t, works)
	const (
		kills    = 10
		programs = 8
		apart    = 500 * time.Millisecond // from all being well to the next kill
	)
	c := clustertest.Start(t, 3, clustertest.Options{})
	b := openBook(t, filepath.Join(t.TempDir(), "book"))
	children := make([]*childtest.Child, programs)
	for i := range children {
		endpoints := c.Endpoints()
		children[i] = startChild(t, append(endpoints[i%3:], endpoints[:i%3]...), "TestCounterChild", bookVariable+"="+b.file.Name())
	}
	for _, k := range children {
		k.Hear(t, "counts")
	}
	begun := time.Now()
	for i := range kills {
		clustertest.Pass(t, apart)
		leader := c.WaitLeader(t)
		before := b.size(t)
		leader.Kill(t)
		killed := time.Now()
		successor := c.WaitLeader(t)
		clustertest.Eventually(t, clustertest.Patience, "the count goes on", func() bool { return b.size(t) > before+entrySize })
		t.Logf("kill %d: %s led; with %s, the count went on after %v", i+1, leader.Name, successor.Name, time.Since(killed))
		leader.Restart(t)
		c.WaitReady(t, leader)
	}
	clustertest.Pass(t, apart)
	for _, k := range children {
		k.GoOn(t)
	}
	took := time.Since(begun)

	var sum, moves int
	var longest time.Duration
	for _, k := range children {
		var counted, moved int
		var waited int64
		k.Hear(t, "counted %d %d %d", &counted, &waited, &moved)
		k.Ends(t)
		if counted == 0 {
			t.Error("a program never had its turn")
		}
		sum, moves, longest = sum+counted, moves+moved, max(longest, time.Duration(waited))
	}
	if moves == 0 {
		t.Error("no program ever went to another member")
	}
	entries, pause := b.check(t)
	if entries != sum {
		t.Errorf("the programs counted %d times; the file says %d", sum, entries)
	}
	t.Logf("%d counts in %v, by programs that went %d times to another member; the longest pause of a program was %v, that of all %v",
		sum, took, moves, longest, pause)
}

// TestCounterChild is not a test but one of the programs that count, until it is told to stop.
// It then says how often it has counted, how long that took at most, in nanoseconds, and how often
// it found itself at another member.
func TestCounterChild(t *testing.T) {
	client := asChild(t)
	b := openBook(t, os.Getenv(bookVariable))
	stop := make(chan struct{})
	go func() { // ends with the parent's word, or the parent
		childtest.Told()
		close(stop)
	}()
	var longest time.Duration
	endpoint, moved := client.Endpoint(), 0
	for counted := 0; ; counted++ {
		select {
		case <-stop:
			childtest.Say("counted %d %d %d", counted, longest, moved)
			return
		default:
		}
		start := time.Now()
		err := client.Do(t.Context(), "counter", func(ctx context.Context, token sdk.Token) error { return b.count(ctx, t, token) })
		if err != nil {
			t.Fatalf("after %v: %v", time.Since(start), err)
		}
		longest = max(longest, time.Since(start))
		if now := client.Endpoint(); now != endpoint && now != "" {
			endpoint, moved = now, moved+1
		}
		if counted == 0 {
			childtest.Say("counts")
		}
	}
}

// A book is a file with one entry for each time that somebody has counted. Whoever adds one reads
// the last and writes the next in its place behind it: of two at a time, one entry would be lost.
type book struct{ file *os.File }

// entryFormat is an entry: the number, the token and the time in nanoseconds.
const (
	entryFormat = "%010d %016d %020d\n"
	entrySize   = 10 + 1 + 16 + 1 + 20 + 1
)

func openBook(t *testing.T, path string) *book {
	t.Helper()
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() })
	return &book{file}
}

func (b *book) size(t *testing.T) int64 {
	t.Helper()
	info, err := b.file.Stat()
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

// count adds an entry, with a pause between reading and writing in which others could interfere.
// ctx is that of the hold.
func (b *book) count(ctx context.Context, t *testing.T, token sdk.Token) error {
	end := b.size(t)
	var number int
	if end > 0 {
		var err error
		if number, _, _, err = b.entry(end - entrySize); err != nil {
			return err
		}
	}
	clustertest.Pass(t, time.Millisecond)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	_, err := b.file.WriteAt(fmt.Appendf(nil, entryFormat, number+1, token, time.Now().UnixNano()), end)
	return err
}

func (b *book) entry(at int64) (number int, token sdk.Token, nanoseconds int64, err error) {
	text := make([]byte, entrySize)
	if _, err := b.file.ReadAt(text, at); err != nil {
		return 0, 0, 0, fmt.Errorf("entry at %d: %w", at, err)
	}
	if _, err = fmt.Sscanf(string(text), entryFormat, &number, &token, &nanoseconds); err != nil {
		err = errors.Join(fmt.Errorf("entry at %d: %q", at, text), err)
	}
	return number, token, nanoseconds, err
}

// check looks at all entries, and returns how many there are and the longest time between two.
func (b *book) check(t *testing.T) (entries int, longest time.Duration) {
	t.Helper()
	var last sdk.Token
	var before int64
	for at := int64(0); at < b.size(t); at += entrySize {
		number, token, now, err := b.entry(at)
		if err != nil {
			t.Fatal(err)
		}
		if entries++; number != entries {
			t.Fatalf("entry %d has number %d: two counted at once", entries, number)
		}
		if token <= last {
			t.Fatalf("entry %d has token %d after %d", entries, token, last)
		}
		if before != 0 {
			longest = max(longest, time.Duration(now-before))
		}
		last, before = token, now
	}
	return entries, longest
}
