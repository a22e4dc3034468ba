package main

import (
	"bytes"
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lockkeeper/lockkeeper/sdk/sdktest"
)

// TestBarrierIsLostBeforeTheCommand ends the session of a participant that has entered and has not begun
// yet: its command does not run, it does not wait for the others to leave, and they do not wait for it.
func TestBarrierIsLostBeforeTheCommand(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	service := sdktest.Start(t)
	var said bytes.Buffer
	file := filepath.Join(t.TempDir(), "events")
	events, err := openEvents(file, "meet", &said)
	if err != nil {
		t.Fatal(err)
	}
	run := &lockRun{
		app: &app{stderr: &said}, client: service.Client(t), events: events,
		cfg: &lockConfig{name: "meet", barrier: &barrierConfig{count: 2, leaveWait: -1}},
	}
	other := service.Client(t).DoubleBarrier("meet", 2)
	entered := make(chan error, 1)
	go func() { entered <- other.Enter(ctx) }()
	line := newWaitLine(&said, false, run.noWord())
	hold, err := run.enter(ctx, line)
	line.stop()
	if err != nil {
		t.Fatal(err)
	}
	if err := <-entered; err != nil {
		t.Fatal(err)
	}

	path := service.Endpoints()[0] + "/v1/sessions/" + hold.Session().ID().String()
	if status, answer, err := request(ctx, http.MethodDelete, path, ""); err != nil || status != http.StatusOK {
		t.Fatalf("close the session: %d %s %v", status, answer, err)
	}
	<-hold.Lost()
	w := &lockWork{lockRun: run, hold: hold, over: hold.Lost()}
	err = w.start()
	if err == nil {
		t.Fatal("the command was begun")
	}
	if got := w.release(ctx, err); exitCode(got) != exitLost || !strings.Contains(got.Error(), "lost before the command could begin") {
		t.Errorf("it ends with %v, exit code %d; want %d", got, exitCode(got), exitLost)
	}
	events.close()
	told, err := os.ReadFile(file)
	if text := string(told); err != nil || strings.Count(text, `"event":"lost"`) != 1 || strings.Contains(text, `"leaving"`) {
		t.Errorf("the events are %s, %v; want one of the loss, and none of leaving", text, err)
	}
	if err := other.Leave(ctx); err != nil {
		t.Errorf("the other one waits for it: %v", err)
	}
}
