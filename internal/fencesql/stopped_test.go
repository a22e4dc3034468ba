//go:build linux

package fencesql

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/lockkeeper/lockkeeper/internal/childtest"
	"github.com/lockkeeper/lockkeeper/sdk"
	"github.com/lockkeeper/lockkeeper/sdk/fence"
	"github.com/lockkeeper/lockkeeper/sdk/sdktest"
)

// stoppedTTL is that of the holders that are stopped.
const stoppedTTL = 2 * time.Second

// The statements by which holders write; what was there is lost.
const (
	plainWrite = "INSERT INTO stopped (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value"
	plainRead  = "SELECT value FROM stopped WHERE name = $1"
)

// A way is how a holder writes. It returns what the database says.
type way func(ctx context.Context, db *sql.DB, name string, token sdk.Token, value string, reached func()) error

// ways are those of the holders that are stopped. Each is stopped at reached, and nowhere does it
// look at its hold after that: no program can look at the very moment of its write.
var ways = map[string]way{
	"without a fence": func(ctx context.Context, db *sql.DB, name string, _ sdk.Token, value string, reached func()) error {
		reached()
		_, err := db.ExecContext(ctx, plainWrite, name, value)
		return err
	},
	"Tx": func(ctx context.Context, db *sql.DB, name string, token sdk.Token, value string, reached func()) error {
		reached()
		return fence.Tx(ctx, db, name, token, func(tx *sql.Tx) error {
			_, err := tx.ExecContext(ctx, plainWrite, name, value)
			return err
		})
	},
	"Exec": func(ctx context.Context, db *sql.DB, name string, token sdk.Token, value string, reached func()) error {
		reached()
		_, err := fence.Exec(ctx, db, name, token, plainWrite, []any{name, value})
		return err
	},
	"Guard": func(ctx context.Context, db *sql.DB, name string, token sdk.Token, value string, reached func()) error {
		reached()
		tx, err := db.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		defer func() { _ = tx.Rollback() }()
		if err := fence.Guard(ctx, tx, name, token); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, plainWrite, name, value); err != nil {
			return err
		}
		return tx.Commit()
	},
	// Stopped where the row is locked already: the database ends its transaction, so that the next
	// holder need not wait for it.
	"inside Tx": func(ctx context.Context, db *sql.DB, name string, token sdk.Token, value string, reached func()) error {
		return fence.Tx(ctx, db, name, token, func(tx *sql.Tx) error {
			if _, err := tx.ExecContext(ctx, "SET LOCAL idle_in_transaction_session_timeout = '1s'"); err != nil {
				return err
			}
			reached()
			_, err := tx.ExecContext(ctx, plainWrite, name, value)
			return err
		})
	},
}

// TestStoppedHolder stops the processes of holders with SIGSTOP, right before they write to a
// PostgreSQL, until others hold their locks and have written. It shows that without a fence the late
// write lands over the newer one, and that behind one it is refused.
func TestStoppedHolder(t *testing.T) {
	d := openPostgres(t)
	if _, err := d.ExecContext(t.Context(), "CREATE TABLE IF NOT EXISTS stopped (name text PRIMARY KEY, value text)"); err != nil {
		t.Fatal(err)
	}
	s := sdktest.Start(t)
	client := dial(t, s.Endpoints()[0])
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	children := map[string]*childtest.Child{}
	tokens := map[string]sdk.Token{}
	for _, remedy := range slices.Sorted(maps.Keys(ways)) {
		children[remedy] = childtest.Run(t, "TestStoppedHolderChild",
			childVariable+"="+s.Endpoints()[0], addressVariable+"="+postgresAddress(t), remedyVariable+"="+remedy)
	}
	for remedy, c := range children {
		var token sdk.Token
		c.Hear(t, "writes with %d", &token)
		tokens[remedy] = token
	}
	for _, c := range children {
		c.Signal(t, syscall.SIGSTOP)
	}
	for remedy := range children {
		next, err := client.Mutex(remedy).Lock(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if next.Token() <= tokens[remedy] {
			t.Errorf("%s: token %d was given after %d", remedy, next.Token(), tokens[remedy])
		}
		write := ways[remedy]
		if remedy == "inside Tx" {
			write = ways["Tx"]
		}
		if err := write(ctx, d.DB, remedy, next.Token(), "the next", func() {}); err != nil {
			t.Fatalf("%s: the next holder's write: %v", remedy, err)
		}
	}
	for remedy, c := range children {
		c.GoOn(t) // it does not see that before it is woken
		c.Signal(t, syscall.SIGCONT)
		var outcome string
		c.Hear(t, "%s", &outcome)
		c.Ends(t)
		wantOutcome, wantValue := "stale", "the next"
		switch remedy {
		case "without a fence":
			wantOutcome, wantValue = "written", "the late one"
		case "inside Tx":
			wantOutcome = "ended"
		}
		var value string
		if err := d.QueryRowContext(ctx, plainRead, remedy).Scan(&value); err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: the late write: %s; what stands there is by %s", remedy, outcome, value)
		if outcome != wantOutcome || value != wantValue {
			t.Errorf("%s: the late write was %s and %q stands there; want %s and %q", remedy, outcome, value, wantOutcome, wantValue)
		}
	}
}

// TestStoppedHolderChild is not a test but a holder. It is stopped right before its write.
func TestStoppedHolderChild(t *testing.T) {
	endpoint := os.Getenv(childVariable)
	if endpoint == "" {
		t.Skip("only runs as a child of another test")
	}
	remedy := os.Getenv(remedyVariable)
	db, err := sql.Open("pgx", os.Getenv(addressVariable))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	hold, err := dial(t, endpoint, sdk.WithTTL(stoppedTTL)).Mutex(remedy).Lock(ctx)
	if err != nil {
		t.Fatal(err)
	}
	err = ways[remedy](ctx, db, remedy, hold.Token(), "the late one", func() {
		if err := hold.Err(); err != nil {
			t.Errorf("the lock is lost before the holder was stopped: %v", err)
		}
		childtest.Say("writes with %d", hold.Token())
		childtest.Told()
	})
	switch {
	case err == nil:
		childtest.Say("written")
	case errors.Is(err, sdk.ErrStaleToken):
		childtest.Say("stale")
	default:
		fmt.Fprintln(t.Output(), err)
		childtest.Say("ended")
	}
}
