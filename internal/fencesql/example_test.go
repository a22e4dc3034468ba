//go:build linux

package fencesql

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log"

	"github.com/lockkeeper/lockkeeper/sdk"
	"github.com/lockkeeper/lockkeeper/sdk/fence"
)

// stock opens a database with a table. With PostgreSQL the driver is pgx, no dialect needs to be
// named, and placeholders are $1, $2.
func stock(ctx context.Context) *sql.DB {
	db, err := sql.Open("sqlite", ":memory:")
	if err != nil {
		log.Fatal(err)
	}
	db.SetMaxOpenConns(1) // each connection to :memory: is a database of its own
	if _, err := db.ExecContext(ctx, "CREATE TABLE stock (item text PRIMARY KEY, count integer); INSERT INTO stock VALUES ('lamp', 10)"); err != nil {
		log.Fatal(err)
	}
	if err := fence.CreateTable(ctx, db, fence.WithDialect(fence.SQLite)); err != nil {
		log.Fatal(err)
	}
	return db
}

func count(ctx context.Context, db *sql.DB) (n int) {
	if err := db.QueryRowContext(ctx, "SELECT count FROM stock").Scan(&n); err != nil {
		log.Fatal(err)
	}
	return n
}

// The check and the writes are one transaction.
func Example_tx() {
	ctx := context.Background()
	db := stock(ctx)
	defer db.Close()

	sell := func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "UPDATE stock SET count = count - 1 WHERE item = ?", "lamp")
		return err
	}
	fmt.Println(fence.Tx(ctx, db, "stock/lamp", 34, sell, fence.WithDialect(fence.SQLite)))

	err := fence.Tx(ctx, db, "stock/lamp", 33, sell, fence.WithDialect(fence.SQLite)) // of a holder that slept
	fmt.Println(errors.Is(err, sdk.ErrStaleToken), err)
	fmt.Println(count(ctx, db))
	// Output:
	// <nil>
	// true check fence "stock/lamp": token 33 is stale: fence "stock/lamp" has seen 34
	// 9
}

func Example_exec() {
	ctx := context.Background()
	db := stock(ctx)
	defer db.Close()

	const sell = "UPDATE stock SET count = count - ? WHERE item = ?"
	_, err := fence.Exec(ctx, db, "stock/lamp", 34, sell, []any{2, "lamp"}, fence.WithDialect(fence.SQLite))
	fmt.Println(err)
	_, err = fence.Exec(ctx, db, "stock/lamp", 33, sell, []any{2, "lamp"}, fence.WithDialect(fence.SQLite))
	if stale, ok := errors.AsType[*fence.StaleError](err); ok {
		fmt.Println("refused: the fence has seen", stale.Highest)
	}
	fmt.Println(count(ctx, db))
	// Output:
	// <nil>
	// refused: the fence has seen 34
	// 8
}

// A transaction that was begun elsewhere, by another library for instance.
func Example_guard() {
	ctx := context.Background()
	db := stock(ctx)
	defer db.Close()

	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer tx.Rollback()
	if err := fence.Guard(ctx, tx, "stock/lamp", 34, fence.WithDialect(fence.SQLite)); err != nil {
		log.Fatal(err)
	}
	if _, err := tx.ExecContext(ctx, "UPDATE stock SET count = 7"); err != nil {
		log.Fatal(err)
	}
	fmt.Println(tx.Commit(), count(ctx, db))
	// Output: <nil> 7
}
