//go:build linux

package faults

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/lockkeeper/lockkeeper/internal/clustertest"
	"github.com/lockkeeper/lockkeeper/sdk"
)

// leading is what a candidate runs while it leads. It notes its term's token, after a look whether
// the process that led before is still there.
const leading = `if kill -0 "$(cat $DIR/pid)" 2> /dev/null; then echo two $LOCKKEEPER_TOKEN; else echo leads $LOCKKEEPER_TOKEN; fi >> $DIR/journal; echo $$ > $DIR/pid; exec sleep 1000`

// An electorate is some processes of "lockkeeper elect" that campaign for one name.
// They show that no process leads while that of the term before is alive, that tokens grow, and that
// an observer never sees them go back.
type electorate struct {
	c          *clustertest.Cluster
	dir        string
	election   *sdk.Election
	candidates map[string]*wrapper // by their values

	ctx    context.Context // that of the observation
	cancel context.CancelFunc
	seen   func() map[sdk.LeaderState]int // waits for its end
}

// terms returns the tokens of the journal, in its order.
func (e *electorate) terms(t *testing.T) (tokens []int64) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(e.dir, "journal"))
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		var what string
		var token int64
		if _, err := fmt.Sscan(line, &what, &token); err != nil {
			return tokens // being written
		}
		if what != "leads" {
			t.Errorf("the process of the term before was alive when the term %d began", token)
		}
		if n := len(tokens); n > 0 && token <= tokens[n-1] {
			t.Errorf("the term %d began after the term %d", token, tokens[n-1])
		}
		tokens = append(tokens, token)
	}
	return tokens
}

// newElectorate has three processes campaign, and somebody observe.
func newElectorate(t *testing.T, c *clustertest.Cluster) *electorate {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 4*clustertest.Patience)
	e := &electorate{c: c, dir: t.TempDir(), candidates: map[string]*wrapper{}, election: dial(t, c.Endpoints()).Election("histories/elect"), ctx: ctx, cancel: cancel}
	for _, value := range []string{"a", "b", "c"} {
		e.stand(t, value)
	}
	e.seen = watchLeaders(ctx, t, e.election)
	return e
}

// stand adds a candidate.
func (e *electorate) stand(t *testing.T, value string) {
	t.Helper()
	script := "DIR=" + e.dir + "; " + leading
	e.candidates[value] = wrap(t, e.c, "elect", e.election.Name(), script, "--value", value, "--ttl", "8s", "--again")
}

// killLeader kills the process that leads by a token, whose value it returns, and adds another.
func (e *electorate) killLeader(t *testing.T, token int64) (value string) {
	t.Helper()
	return e.endLeader(t, token, syscall.SIGKILL)
}

// resignLeader has the process that leads by a token end, and adds another.
func (e *electorate) resignLeader(t *testing.T, token int64) {
	t.Helper()
	e.endLeader(t, token, syscall.SIGTERM)
}

func (e *electorate) endLeader(t *testing.T, token int64, sig syscall.Signal) (value string) {
	t.Helper()
	value = e.leader(t, token)
	w := e.candidates[value]
	w.signal(t, sig)
	<-w.done
	delete(e.candidates, value)
	e.stand(t, fmt.Sprintf("%s%d", value, len(e.terms(t))))
	return value
}

// lasts fails the test where another term than that of a token has begun.
func (e *electorate) lasts(t *testing.T, token int64) {
	t.Helper()
	if now := e.terms(t); now[len(now)-1] != token {
		t.Errorf("the death of members has ended the term %d; the terms are %d", token, now)
	}
}

// end has all candidates end.
func (e *electorate) end(t *testing.T) {
	t.Helper()
	for value, w := range e.candidates {
		w.signal(t, syscall.SIGTERM)
		<-w.done
		t.Logf("%s ended with %d", value, w.cmd.ProcessState.ExitCode())
	}
	e.cancel()
	t.Logf("terms %d; an observer was told %v", e.terms(t), e.seen())
}

// waitTerm waits until so many terms have ended, and returns the token of the next one.
func (e *electorate) waitTerm(t *testing.T, ended int) (token int64) {
	t.Helper()
	clustertest.Eventually(t, clustertest.Patience, "the next term", func() bool {
		terms := e.terms(t)
		if len(terms) <= ended {
			return false
		}
		token = terms[len(terms)-1]
		return true
	})
	return token
}

// leader returns the value of who leads by a token.
func (e *electorate) leader(t *testing.T, token int64) (value string) {
	t.Helper()
	leader, err := e.election.Leader(e.ctx)
	if err != nil || int64(leader.Token) != token || e.candidates[leader.Value] == nil {
		t.Fatalf("the leader is %+v, %v; the term that began last is %d", leader, err, token)
	}
	return leader.Value
}

// watchLeaders observes until ctx ends, and returns what returns how often each state was told then.
func watchLeaders(ctx context.Context, t *testing.T, election *sdk.Election) (seen func() map[sdk.LeaderState]int) {
	t.Helper()
	o, err := election.Observe(ctx)
	if err != nil {
		t.Fatal(err)
	}
	told := map[sdk.LeaderState]int{}
	var wg sync.WaitGroup
	wg.Go(func() {
		last := sdk.Token(0)
		for now, err := range o.All(ctx) {
			if err != nil {
				return
			}
			told[now.State]++
			if now.State != sdk.LeaderKnown {
				continue
			}
			if now.Leader.Token < last {
				t.Errorf("an observer was told of the term %d after that of %d", now.Leader.Token, last)
			}
			last = now.Leader.Token
		}
	})
	t.Cleanup(func() { o.Close(); wg.Wait() })
	return func() map[sdk.LeaderState]int { wg.Wait(); return told }
}
