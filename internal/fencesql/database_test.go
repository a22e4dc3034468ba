//go:build linux

package fencesql

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	_ "modernc.org/sqlite" // the driver called sqlite

	"github.com/lockkeeper/lockkeeper/sdk"
	"github.com/lockkeeper/lockkeeper/sdk/fence"
)

// A database is one that a test uses, with a table of fences and one to write to.
type database struct {
	*sql.DB
	dialect fence.Dialect
	name    string // of the fence, which no other test uses
	opts    []fence.SQLOption
}

// names makes each test's names its own.
var names atomic.Int64

// databases returns an empty database of each dialect.
func databases(t *testing.T) []*database {
	t.Helper()
	return []*database{openPostgres(t), openSQLite(t)}
}

func openPostgres(t *testing.T) *database {
	t.Helper()
	return open(t, fence.PostgreSQL, "pgx", postgresAddress(t))
}

func openSQLite(t *testing.T) *database {
	t.Helper()
	return open(t, fence.SQLite, "sqlite", filepath.Join(t.TempDir(), "test.db")+"?_pragma=busy_timeout(30000)")
}

func open(t *testing.T, dialect fence.Dialect, driver, address string) *database {
	t.Helper()
	db, err := sql.Open(driver, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Errorf("close the database: %v", err)
		}
	})
	d := &database{DB: db, dialect: dialect, name: fmt.Sprintf("orders/%d", names.Add(1)), opts: []fence.SQLOption{fence.WithDialect(dialect)}}
	if err := fence.CreateTable(t.Context(), db, d.opts...); err != nil {
		t.Fatal(err)
	}
	const written = "CREATE TABLE IF NOT EXISTS written (place integer PRIMARY KEY, fence text, token bigint)"
	statement := written
	if dialect == fence.PostgreSQL {
		statement = strings.Replace(written, "integer PRIMARY", "bigserial PRIMARY", 1)
	}
	if _, err := db.ExecContext(t.Context(), statement); err != nil {
		t.Fatal(err)
	}
	return d
}

// insert is the statement by which the tests write.
func (d *database) insert() string {
	if d.dialect == fence.SQLite {
		return "INSERT INTO written (fence, token) VALUES (?, ?)"
	}
	return "INSERT INTO written (fence, token) VALUES ($1, $2)"
}

// write returns what writes a token in a transaction.
func (d *database) write(t *testing.T, token sdk.Token) func(*sql.Tx) error {
	return func(tx *sql.Tx) error {
		_, err := tx.ExecContext(t.Context(), d.insert(), d.name, int64(token))
		return err
	}
}

// tokens returns what was written, in the order in which it was.
func (d *database) tokens(t *testing.T) (tokens []sdk.Token) {
	t.Helper()
	query := "SELECT token FROM written WHERE fence = $1 ORDER BY place"
	rows, err := d.QueryContext(t.Context(), query, d.name)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var token sdk.Token
		if err := rows.Scan(&token); err != nil {
			t.Fatal(err)
		}
		tokens = append(tokens, token)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return tokens
}
