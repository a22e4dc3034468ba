package quorum

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"
)

// What one measurement writes at a time, and how often at most.
const (
	probeBytes = 4 << 10
	probeTimes = 15
)

// MeasureDisk writes a small file in the data directory and makes it last, several times over, and
// returns the median and the longest time that one took. That is what each batch of changes waits
// for, at the least. It takes about a second at most, unless a single write takes longer, and ends
// early with ctx, once it has measured anything.
func (m *Member) MeasureDisk(ctx context.Context) (middle, worst time.Duration, err error) {
	f, err := os.CreateTemp(m.cfg.DataDir, "fsync-*.probe")
	if err != nil {
		return 0, 0, fmt.Errorf("measure the disk: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close(), os.Remove(f.Name())) }()
	var times []time.Duration
	begun := time.Now()
	for len(times) < probeTimes && (len(times) == 0 || ctx.Err() == nil && time.Since(begun) < time.Second) {
		start := time.Now()
		if _, err := f.Write(make([]byte, probeBytes)); err != nil {
			return 0, 0, fmt.Errorf("measure the disk: %w", err)
		}
		if err := f.Sync(); err != nil {
			return 0, 0, fmt.Errorf("measure the disk: %w", err)
		}
		times = append(times, time.Since(start))
	}
	middle = median(times)
	return middle, times[len(times)-1], nil // median has sorted them
}
