package store

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lockkeeper/lockkeeper/znode"
)

func TestBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, failed := NewBehind(), errors.New("failed")
		var heals, closed, refused, never int
		b.Do(func(context.Context) error {
			if heals++; heals < 3 {
				return failed
			}
			return nil
		})
		b.Do(func(context.Context) error { closed++; return ErrClosed })
		b.Do(func(context.Context) error { refused++; return fmt.Errorf("leave: %w", znode.ErrNoAuth) })
		b.Do(func(ctx context.Context) error {
			never++
			<-ctx.Done()
			return failed
		})
		time.Sleep(time.Minute)
		b.Close()
		b.Do(func(context.Context) error { closed++; return nil })
		if heals != 3 || closed != 1 || refused != 1 || never != 1 {
			t.Errorf("done %d, %d, %d and %d times; want 3, 1, 1 and 1", heals, closed, refused, never)
		}
	})
}
