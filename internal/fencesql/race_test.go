//go:build linux

package fencesql

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/lockkeeper/lockkeeper/sdk"
	"github.com/lockkeeper/lockkeeper/sdk/fence"
)

// TestRace lets transactions with many tokens race for one fence, and shows that the tokens only
// move up in the order in which they were written, at each level of isolation.
func TestRace(t *testing.T) {
	levels := []sql.IsolationLevel{sql.LevelReadCommitted, sql.LevelRepeatableRead, sql.LevelSerializable}
	for _, level := range levels {
		t.Run("PostgreSQL, "+level.String(), func(t *testing.T) {
			d := openPostgres(t)
			d.opts = append(d.opts, fence.WithTxOptions(&sql.TxOptions{Isolation: level}))
			race(t, d)
		})
	}
	t.Run("SQLite", func(t *testing.T) { race(t, openSQLite(t)) })
}

func race(t *testing.T, d *database) {
	const writers, writes = 8, 20
	var done, stale, again atomic.Int64
	var wg sync.WaitGroup
	for n := range writers {
		wg.Go(func() {
			for k := range writes {
				token := sdk.Token(1 + k*writers + n)
				err := fence.Tx(t.Context(), d.DB, d.name, token, d.write(t, token), d.opts...)
				switch e, _ := errors.AsType[*pgconn.PgError](err); {
				case err == nil:
					done.Add(1)
				case errors.Is(err, sdk.ErrStaleToken):
					stale.Add(1)
				case e != nil && e.Code == "40001": // serialization_failure: as the documentation says
					again.Add(1)
				default:
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	got := d.tokens(t)
	if !slices.IsSorted(got) || int64(len(got)) != done.Load() || len(got) < 2 {
		t.Errorf("written were %v by %d transactions; want as many, and in order", got, done.Load())
	}
	t.Logf("%d were written, %d were stale, %d were refused for concurrency", done.Load(), stale.Load(), again.Load())
}

// TestNothingSlipsBetween shows what the lock of the row is for: while one transaction stands between
// its check and its commit, another of the same fence waits, and is judged by what comes of the first.
func TestNothingSlipsBetween(t *testing.T) {
	refused := errors.New("rolled back")
	for _, tt := range []struct {
		name          string
		first, second sdk.Token
		end           error // of the first
		want          error // of the second
	}{
		{"newer after older", 7, 8, nil, nil},
		{"older after newer", 8, 7, nil, sdk.ErrStaleToken},
		{"older after newer that is rolled back", 8, 7, refused, nil},
	} {
		for _, known := range []bool{false, true} { // whether the row is there before
			t.Run(fmt.Sprintf("%s, known: %v", tt.name, known), func(t *testing.T) {
				d := openPostgres(t)
				if known {
					if err := fence.Tx(t.Context(), d.DB, d.name, 5, func(*sql.Tx) error { return nil }, d.opts...); err != nil {
						t.Fatal(err)
					}
				}
				inside, end := make(chan struct{}), make(chan struct{})
				var wg sync.WaitGroup
				defer wg.Wait()
				wg.Go(func() {
					err := fence.Tx(t.Context(), d.DB, d.name, tt.first, func(tx *sql.Tx) error {
						close(inside)
						<-end
						return errors.Join(d.write(t, tt.first)(tx), tt.end)
					}, d.opts...)
					if !errors.Is(err, tt.end) {
						t.Errorf("the first ended with %v; want %v", err, tt.end)
					}
				})
				<-inside
				second := make(chan error, 1)
				wg.Go(func() { second <- fence.Tx(t.Context(), d.DB, d.name, tt.second, d.write(t, tt.second), d.opts...) })
				waits(t, d)
				close(end)
				if err := <-second; !errors.Is(err, tt.want) {
					t.Errorf("the second ended with %v; want %v", err, tt.want)
				}
			})
		}
	}
}

// waits returns when a transaction of this database waits for another's lock.
func waits(t *testing.T, d *database) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		var n int
		err := d.QueryRowContext(ctx, "SELECT count(*) FROM pg_locks WHERE NOT granted").Scan(&n)
		if err != nil {
			t.Error(err)
			return
		}
		if n > 0 {
			return
		}
		<-tick.C
	}
}
