package store

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, failed := NewBehind(), errors.New("failed")
		var heals, closed, never int
		b.Do(func(context.Context) error {
			if heals++; heals < 3 {
				return failed
			}
			return nil
		})
		b.Do(func(context.Context) error { closed++; return ErrClosed })
		b.Do(func(ctx context.Context) error {
			never++
			<-ctx.Done()
			return failed
		})
		time.Sleep(time.Minute)
		b.Close()
		b.Do(func(context.Context) error { closed++; return nil })
		if heals != 3 || closed != 1 || never != 1 {
			t.Errorf("done %d, %d and %d times; want 3, 1 and 1", heals, closed, never)
		}
	})
}
