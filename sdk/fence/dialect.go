package fence

import (
	"context"
	"database/sql"
	"fmt"
	"regexp"

	"github.com/lockkeeper/lockkeeper/sdk"
)

// A Dialect is a kind of SQL database.
type Dialect int

// The dialects. Both need RETURNING and ON CONFLICT.
const (
	PostgreSQL Dialect = iota // 9.5 or later; placeholders are $1, $2
	SQLite                    // 3.35 or later; placeholders are ?
)

// String returns the database's name.
func (d Dialect) String() string {
	switch d {
	case PostgreSQL:
		return "PostgreSQL"
	case SQLite:
		return "SQLite"
	}
	return fmt.Sprintf("Dialect(%d)", int(d))
}

// DefaultTable is the table that has the fences unless [WithTable] names another.
const DefaultTable = "lockkeeper_fences"

// tableName is what may be put into a statement: an identifier, with or without a schema.
var tableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,62}(\.[A-Za-z_][A-Za-z0-9_]{0,62})?$`)

// A SQLOption changes how one call uses the database.
type SQLOption func(*sqlConfig) error

type sqlConfig struct {
	dialect Dialect
	table   string
	tx      *sql.TxOptions
}

// WithDialect says which kind of database it is. Without it: [PostgreSQL].
func WithDialect(d Dialect) SQLOption {
	return func(c *sqlConfig) error {
		if d != PostgreSQL && d != SQLite {
			return &sdk.InputError{Field: "Dialect", Problem: fmt.Sprintf("%d is unknown", int(d)), Fix: "give PostgreSQL or SQLite"}
		}
		c.dialect = d
		return nil
	}
}

// WithTable names the table of the fences, as letters, digits and underscores, if need be behind a
// schema and a dot. Without it: [DefaultTable].
func WithTable(name string) SQLOption {
	return func(c *sqlConfig) error {
		if !tableName.MatchString(name) {
			return &sdk.InputError{Field: "table", Problem: fmt.Sprintf("%q is no plain identifier", name), Fix: "use letters, digits and underscores, after a schema and a dot where there is one"}
		}
		c.table = name
		return nil
	}
}

// WithTxOptions says how [Tx] and [Exec] begin their transaction. Without it: as the database does.
// The fence is sound at every isolation level of its dialect; at those above READ COMMITTED a
// PostgreSQL refuses concurrent transactions with a serialization failure, which may be repeated.
func WithTxOptions(o *sql.TxOptions) SQLOption {
	return func(c *sqlConfig) error {
		c.tx = o
		return nil
	}
}

func configure(opts []SQLOption) (*sqlConfig, error) {
	c := &sqlConfig{table: DefaultTable}
	for _, o := range opts {
		if err := o(c); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// raise is the statement that makes a fence as high as a token, or leaves it where it is higher. In
// either case it locks the row until the transaction ends, and returns what is there then.
func (c *sqlConfig) raise() string {
	name, token := "$1", "$2"
	if c.dialect == SQLite {
		name, token = "?", "?"
	}
	return "INSERT INTO " + c.table + " AS f (name, token) VALUES (" + name + ", " + token + ")" +
		" ON CONFLICT (name) DO UPDATE SET token = CASE WHEN excluded.token > f.token THEN excluded.token ELSE f.token END" +
		" RETURNING token"
}

// Schema returns the statement that makes the table of the fences, if it is missing, for a migration
// of your own.
func Schema(opts ...SQLOption) (string, error) {
	c, err := configure(opts)
	if err != nil {
		return "", err
	}
	return "CREATE TABLE IF NOT EXISTS " + c.table + " (name text PRIMARY KEY, token bigint NOT NULL)", nil
}

// CreateTable makes the table of the fences, if it is missing. Where two programs make it at the
// same moment, PostgreSQL may refuse one of them.
func CreateTable(ctx context.Context, db *sql.DB, opts ...SQLOption) error {
	statement, err := Schema(opts...)
	if err != nil {
		return err
	}
	if _, err := db.ExecContext(ctx, statement); err != nil {
		return fmt.Errorf("create the table of the fences: %w", err)
	}
	return nil
}
