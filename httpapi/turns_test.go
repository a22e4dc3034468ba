package httpapi

import (
	"context"
	"errors"
	"testing"

	"github.com/lockkeeper/lockkeeper/lock"
	"github.com/lockkeeper/lockkeeper/store"
)

func TestLongAnswersTakeTurns(t *testing.T) {
	a := &API{turns: make(chan struct{}, 1)}
	local := lock.Read{}
	done, err := a.turn(t.Context(), longPage+1, &local)
	if err != nil {
		t.Fatal(err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := a.turn(ended, longPage+1, &local); !errors.Is(err, store.ErrBusy) {
		t.Errorf("a second long answer, given up: %v; want %v", err, store.ErrBusy)
	}
	if short, err := a.turn(ended, longPage, &local); err != nil {
		t.Errorf("a short answer beside a long one: %v; want no wait", err)
	} else {
		short()
	}
	done()
	done, err = a.turn(t.Context(), longPage+1, &local)
	if err != nil {
		t.Errorf("a long answer after the other: %v", err)
	} else {
		done()
	}
}
