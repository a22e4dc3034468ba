//go:build linux

package fencesql

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"testing"

	"github.com/lockkeeper/lockkeeper/sdk"
	"github.com/lockkeeper/lockkeeper/sdk/fence"
)

func TestTx(t *testing.T) {
	for _, d := range databases(t) {
		t.Run(d.dialect.String(), func(t *testing.T) {
			broken := errors.New("the work has failed")
			for _, tt := range []struct {
				token   sdk.Token
				fails   error
				highest sdk.Token // of the refusal; 0: it passes
			}{{7, nil, 0}, {7, nil, 0}, {6, nil, 7}, {9, broken, 0}, {8, nil, 0}, {1<<53 - 1, nil, 0}, {9, nil, 1<<53 - 1}} {
				ran := false
				err := fence.Tx(t.Context(), d.DB, d.name, tt.token, func(tx *sql.Tx) error {
					ran = true
					return errors.Join(d.write(t, tt.token)(tx), tt.fails)
				}, d.opts...)
				stale, _ := errors.AsType[*fence.StaleError](err)
				switch {
				case tt.highest == 0 && !errors.Is(err, tt.fails):
					t.Errorf("Tx(%d) = %v; want %v", tt.token, err, tt.fails)
				case tt.highest != 0 && (stale == nil || stale.Highest != tt.highest || stale.Fence != d.name || !errors.Is(err, sdk.ErrStaleToken)):
					t.Errorf("Tx(%d) = %v; want that it is stale, with %d seen", tt.token, err, tt.highest)
				}
				if ran != (tt.highest == 0) {
					t.Errorf("Tx(%d) has run the work: %v; want %v", tt.token, ran, !ran)
				}
			}
			if got, want := d.tokens(t), []sdk.Token{7, 7, 8, 1<<53 - 1}; !slices.Equal(got, want) {
				t.Errorf("written were %v; want %v: neither the stale one nor what was rolled back", got, want)
			}
		})
	}
}

func TestExec(t *testing.T) {
	for _, d := range databases(t) {
		t.Run(d.dialect.String(), func(t *testing.T) {
			result, err := fence.Exec(t.Context(), d.DB, d.name, 7, d.insert(), []any{d.name, 7}, d.opts...)
			if err != nil {
				t.Fatal(err)
			}
			if n, err := result.RowsAffected(); n != 1 || err != nil {
				t.Errorf("RowsAffected = %d, %v; want 1", n, err)
			}
			if _, err := fence.Exec(t.Context(), d.DB, d.name, 6, d.insert(), []any{d.name, 6}, d.opts...); !errors.Is(err, sdk.ErrStaleToken) {
				t.Errorf("Exec(6) = %v; want ErrStaleToken", err)
			}
			if _, err := fence.Exec(t.Context(), d.DB, d.name, 9, "nonsense", nil, d.opts...); err == nil || errors.Is(err, sdk.ErrUncertain) {
				t.Errorf("Exec of nonsense = %v; want an error, for certain", err)
			}
			if _, err := fence.Exec(t.Context(), d.DB, d.name, 8, d.insert(), []any{d.name, 8}, d.opts...); err != nil {
				t.Errorf("Exec(8) after a 9 that was rolled back = %v; want nil", err)
			}
			if got, want := d.tokens(t), []sdk.Token{7, 8}; !slices.Equal(got, want) {
				t.Errorf("written were %v; want %v", got, want)
			}
		})
	}
}

func TestGuard(t *testing.T) {
	for _, d := range databases(t) {
		t.Run(d.dialect.String(), func(t *testing.T) {
			for _, tt := range []struct {
				token sdk.Token
				want  error
			}{{7, nil}, {6, sdk.ErrStaleToken}, {8, nil}} {
				tx, err := d.BeginTx(t.Context(), nil)
				if err != nil {
					t.Fatal(err)
				}
				if err := fence.Guard(t.Context(), tx, d.name, tt.token, d.opts...); !errors.Is(err, tt.want) {
					t.Errorf("Guard(%d) = %v; want %v", tt.token, err, tt.want)
				}
				end := tx.Commit
				if tt.want != nil {
					end = tx.Rollback
				}
				if err := end(); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

func TestTxPanics(t *testing.T) {
	for _, d := range databases(t) {
		func() {
			defer func() {
				if recover() == nil {
					t.Error("the panic was swallowed")
				}
			}()
			_ = fence.Tx(t.Context(), d.DB, d.name, 9, func(tx *sql.Tx) error {
				_ = d.write(t, 9)(tx)
				panic("of the work")
			}, d.opts...)
		}()
		if err := fence.Tx(t.Context(), d.DB, d.name, 8, d.write(t, 8), d.opts...); err != nil {
			t.Errorf("%v: Tx(8) after a 9 that panicked = %v; want nil", d.dialect, err)
		}
		if got, want := d.tokens(t), []sdk.Token{8}; !slices.Equal(got, want) {
			t.Errorf("%v: written were %v; want %v", d.dialect, got, want)
		}
	}
}

// TestTxContextEnds shows that an end of the context before the commit is a certain answer.
func TestTxContextEnds(t *testing.T) {
	for _, d := range databases(t) {
		ctx, cancel := context.WithCancelCause(t.Context())
		gone := errors.New("gone home")
		err := fence.Tx(ctx, d.DB, d.name, 9, func(tx *sql.Tx) error {
			err := d.write(t, 9)(tx)
			cancel(gone)
			return err
		}, d.opts...)
		if !errors.Is(err, gone) || errors.Is(err, sdk.ErrUncertain) {
			t.Errorf("%v: Tx = %v; want the context's cause, for certain", d.dialect, err)
		}
		if got := d.tokens(t); len(got) != 0 {
			t.Errorf("%v: written were %v; want nothing", d.dialect, got)
		}
	}
}

func TestArguments(t *testing.T) {
	d := openSQLite(t)
	nothing := func(*sql.Tx) error { return nil }
	for _, tt := range []struct {
		what  string
		name  string
		token sdk.Token
		opt   fence.SQLOption
	}{
		{"no name", "", 1, nil},
		{"no token", "a", 0, nil},
		{"a negative token", "a", -1, nil},
		{"too high a token", "a", 1 << 53, nil},
		{"no dialect", "a", 1, fence.WithDialect(7)},
		{"no table", "a", 1, fence.WithTable("")},
		{"a table that is a statement", "a", 1, fence.WithTable("x; DROP TABLE written")},
	} {
		opts := d.opts
		if tt.opt != nil {
			opts = append(slices.Clone(opts), tt.opt)
		}
		if err := fence.Tx(t.Context(), d.DB, tt.name, tt.token, nothing, opts...); !errors.Is(err, sdk.ErrInput) {
			t.Errorf("Tx with %s = %v; want ErrInput", tt.what, err)
		}
	}
}

func TestWithTable(t *testing.T) {
	for _, d := range databases(t) {
		table := map[fence.Dialect]string{fence.PostgreSQL: "public.own_fences", fence.SQLite: "own_fences"}[d.dialect]
		opts := append(slices.Clone(d.opts), fence.WithTable(table))
		if err := fence.CreateTable(t.Context(), d.DB, opts...); err != nil {
			t.Fatal(err)
		}
		if err := fence.Tx(t.Context(), d.DB, d.name, 9, d.write(t, 9), opts...); err != nil {
			t.Fatal(err)
		}
		if err := fence.Tx(t.Context(), d.DB, d.name, 8, d.write(t, 8), opts...); !errors.Is(err, sdk.ErrStaleToken) {
			t.Errorf("%v: Tx(8) = %v; want ErrStaleToken", d.dialect, err)
		}
		if err := fence.Tx(t.Context(), d.DB, d.name, 8, d.write(t, 8), d.opts...); err != nil {
			t.Errorf("%v: Tx(8) in the other table = %v; want nil", d.dialect, err)
		}
	}
}
