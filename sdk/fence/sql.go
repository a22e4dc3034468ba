package fence

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/lockkeeper/lockkeeper/sdk"
)

// Tx runs f in a transaction that only commits if token is not stale at the fence called name, a
// row of the table that [CreateTable] makes. The check is the transaction's first statement. It
// locks the row until the end, so transactions of one fence follow one another, and none can slip
// between another's check and its writes. f must use the transaction that it is given, and end
// neither that nor anything else.
//
// A stale token is a [*StaleError]; f has not run then. An error of f, or of the check, rolls all
// back, and the fence with it. An error of the commit matches [sdk.ErrUncertain]: it may have been
// done, unless the error that it wraps says otherwise. Nothing is repeated by itself.
//
// Tx blocks until ctx ends at most, which rolls back. A transaction that was begun with an earlier
// token and whose program has stopped keeps the row locked: set a limit to that at the database, in
// PostgreSQL idle_in_transaction_session_timeout.
func Tx(ctx context.Context, db *sql.DB, name string, token sdk.Token, f func(*sql.Tx) error, opts ...SQLOption) (err error) {
	c, err := configure(opts)
	if err != nil {
		return err
	}
	if err := checkArguments(name, token); err != nil {
		return err
	}
	tx, err := db.BeginTx(ctx, c.tx)
	if err != nil {
		return fmt.Errorf("begin a transaction behind fence %q: %w", name, err)
	}
	done := false
	defer func() { // deferred for an f that panics
		if done {
			return
		}
		if back := tx.Rollback(); back != nil && !errors.Is(back, sql.ErrTxDone) {
			err = errors.Join(err, fmt.Errorf("roll back: %w", back))
		}
	}()
	if err := c.check(ctx, tx, name, token); err != nil {
		return err
	}
	if err := f(tx); err != nil {
		return err
	}
	if ctx.Err() != nil { // for certain: nothing was committed
		return fmt.Errorf("commit behind fence %q: %w", name, context.Cause(ctx))
	}
	done = true
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("commit behind fence %q: %w: %w", name, sdk.ErrUncertain, err)
	}
	return nil
}

// Exec runs one statement behind a fence, as [Tx] does. A statement of its own could not be made
// sound: the database would have to take the fence's lock before it looks at the rows that the
// statement changes, and no clause of SQL promises that order.
func Exec(ctx context.Context, db *sql.DB, name string, token sdk.Token, query string, args []any, opts ...SQLOption) (result sql.Result, err error) {
	err = Tx(ctx, db, name, token, func(tx *sql.Tx) error {
		result, err = tx.ExecContext(ctx, query, args...)
		return err
	}, opts...)
	if err != nil {
		return nil, err
	}
	return result, nil
}

// Guard is the check of [Tx] for a transaction that was begun elsewhere. It must come before the
// transaction's other statements, and be rolled back with them where it returns an error: then
// commit nothing. The fence's row stays locked until the transaction ends.
func Guard(ctx context.Context, tx *sql.Tx, name string, token sdk.Token, opts ...SQLOption) error {
	c, err := configure(opts)
	if err != nil {
		return err
	}
	if err := checkArguments(name, token); err != nil {
		return err
	}
	return c.check(ctx, tx, name, token)
}

// check raises the fence's row, or leaves it, and looks at what is there: its lock is this
// transaction's by then.
func (c *sqlConfig) check(ctx context.Context, tx *sql.Tx, name string, token sdk.Token) error {
	var highest sdk.Token
	if err := tx.QueryRowContext(ctx, c.raise(), name, int64(token)).Scan(&highest); err != nil {
		return fmt.Errorf("check fence %q: %w", name, err)
	}
	if highest > token {
		return fmt.Errorf("check fence %q: %w", name, &StaleError{Fence: name, Token: token, Highest: highest})
	}
	return nil
}
