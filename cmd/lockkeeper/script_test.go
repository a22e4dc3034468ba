package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/lockkeeper/lockkeeper/internal/freeport"
)

// TestMain lets the scripts run this test binary as the programs they name.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"lockkeeper": main,
		"rest":       rest,
	})
}

// TestScript runs the command line as a terminal session would, one script a subject.
func TestScript(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(env *testscript.Env) error {
			for i, port := range freeport.Ports(t, 9) {
				env.Setenv(fmt.Sprintf("PORT%d", i+1), fmt.Sprint(port))
			}
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"await":  await,
			"awaits": awaits,
			"exits":  exits,
			"term":   term,
		},
	})
}

// awaits FILE waits until there is a file.
func awaits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: awaits FILE")
	}
	deadline := time.NewTimer(30 * time.Second)
	defer deadline.Stop()
	poll := time.NewTicker(50 * time.Millisecond)
	defer poll.Stop()
	for {
		if _, err := os.Stat(ts.MkAbs(args[0])); err == nil {
			return
		}
		select {
		case <-deadline.C:
			ts.Fatalf("%s never came", args[0])
		case <-poll.C:
		}
	}
}

// await URL waits until a GET of URL is answered with 200.
func await(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: await URL")
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	poll := time.NewTicker(50 * time.Millisecond)
	defer poll.Stop()
	for last := "nothing was asked"; ; {
		select {
		case <-ctx.Done():
			ts.Fatalf("%s is not ready: %s", args[0], last)
		case <-poll.C:
		}
		status, _, err := request(ctx, http.MethodGet, args[0], "")
		if err == nil && status == http.StatusOK {
			return
		}
		last = fmt.Sprint(status, " ", err)
	}
}

// term NAME sends SIGTERM to the member started with --name NAME; the scripts' own kill knows
// no such signal.
func term(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: term NAME")
	}
	for _, cmd := range ts.BackgroundCmds() {
		if i := slices.Index(cmd.Args, "--name"); i >= 0 && i+1 < len(cmd.Args) && cmd.Args[i+1] == args[0] {
			ts.Check(cmd.Process.Signal(syscall.SIGTERM))
			return
		}
	}
	ts.Fatalf("no member was started with --name %s", args[0])
}

// exits CODE PROGRAM ARGS... runs a program that must end with the exit code.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM [ARGS...]")
	}
	code := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		exit, ok := errors.AsType[*exec.ExitError](err)
		if !ok {
			ts.Fatalf("run %s: %v", args[1], err)
		}
		code = exit.ExitCode()
	}
	if fmt.Sprint(code) != args[0] {
		ts.Fatalf("%v ended with exit code %d; want %s", args[1:], code, args[0])
	}
}

// rest METHOD URL [BODY] is curl for the scripts: it prints status and body of the answer.
func rest() {
	body := ""
	if len(os.Args) > 3 {
		body = os.Args[3]
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	status, answer, err := request(ctx, os.Args[1], os.Args[2], body)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(status, answer)
}

func request(ctx context.Context, method, url, body string) (status int, answer string, err error) {
	req, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return resp.StatusCode, strings.TrimSpace(string(text)), err
}
