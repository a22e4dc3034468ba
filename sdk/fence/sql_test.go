package fence

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"testing"

	"github.com/lockkeeper/lockkeeper/sdk"
)

// A mute is a database that checks every token as the highest, and does not answer commits.
type mute struct {
	driver.Conn // of which nothing else is used
	cut         error
}

func (m mute) Connect(context.Context) (driver.Conn, error) { return m, nil }
func (m mute) Driver() driver.Driver                        { return nil }
func (m mute) Close() error                                 { return nil }
func (m mute) Rollback() error                              { return nil }
func (m mute) Commit() error                                { return m.cut }

func (m mute) BeginTx(context.Context, driver.TxOptions) (driver.Tx, error) { return m, nil }

func (m mute) QueryContext(_ context.Context, _ string, args []driver.NamedValue) (driver.Rows, error) {
	return &oneRow{value: args[1].Value}, nil
}

// A oneRow is the answer to a check.
type oneRow struct{ value driver.Value }

func (r *oneRow) Columns() []string { return []string{"token"} }
func (r *oneRow) Close() error      { return nil }

func (r *oneRow) Next(into []driver.Value) error {
	if r.value == nil {
		return io.EOF
	}
	into[0], r.value = r.value, nil
	return nil
}

func TestTxWithoutAnAnswerToItsCommit(t *testing.T) {
	cut := errors.New("cut off")
	db := sql.OpenDB(mute{cut: cut})
	defer db.Close()
	ran := 0
	err := Tx(t.Context(), db, "a", 7, func(*sql.Tx) error { ran++; return nil })
	if !errors.Is(err, sdk.ErrUncertain) || !errors.Is(err, cut) || ran != 1 {
		t.Errorf("Tx = %v after %d runs; want ErrUncertain, why, and one run", err, ran)
	}
}
