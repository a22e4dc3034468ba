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
type electorate struct {
	dir        string
	candidates map[string]*wrapper // by their values
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

// TestElectionKills has three processes of "lockkeeper elect" campaign at three members, and kills
// the leading process, a member that follows and the member that leads the quorum, twice each. It
// shows that no process leads while that of the term before is alive, that tokens grow, that
// the death of a member costs nobody the lead, and that an observer never sees tokens go back.
func TestElectionKills(t *testing.T) {
	beside(t, works)
	c := clustertest.Start(t, 3, clustertest.Options{})
	ctx, cancel := context.WithTimeout(t.Context(), 4*clustertest.Patience)
	defer cancel()
	e := &electorate{dir: t.TempDir(), candidates: map[string]*wrapper{}}
	const name = "kills/election"
	stand := func(value string) {
		script := "DIR=" + e.dir + "; " + leading
		e.candidates[value] = wrap(t, c, "elect", name, script, "--value", value, "--ttl", "6s", "--again")
	}
	for _, value := range []string{"a", "b", "c"} {
		stand(value)
	}
	client := dial(t, c.Endpoints())
	election := client.Election(name)
	seen := watchLeaders(ctx, t, election)

	for round := range 2 {
		before := e.waitTerm(t, 2*round)
		leader := e.leader(ctx, t, election, before)
		e.candidates[leader].signal(t, syscall.SIGKILL)
		<-e.candidates[leader].done
		delete(e.candidates, leader)
		after := e.waitTerm(t, 2*round+1)
		t.Logf("%s, which led by %d, was killed; the next term is %d", leader, before, after)
		stand(fmt.Sprintf("%s%d", leader, round))

		quorum := c.WaitLeader(t)
		for _, m := range []*clustertest.Member{c.Others(quorum)[round%2], quorum} {
			m.Kill(t)
			c.WaitLeader(t, m)
			m.Restart(t)
			c.WaitReady(t, m)
		}
		if now := e.terms(t); now[len(now)-1] != after {
			t.Errorf("the death of members has ended the term %d; the terms are %d", after, now)
		}
		if round == 0 { // the next round begins with another term
			leader := e.leader(ctx, t, election, after)
			e.candidates[leader].signal(t, syscall.SIGTERM)
			<-e.candidates[leader].done
			delete(e.candidates, leader)
			stand("again")
		}
	}
	for value, w := range e.candidates {
		w.signal(t, syscall.SIGTERM)
		<-w.done
		t.Logf("%s ended with %d", value, w.cmd.ProcessState.ExitCode())
	}
	cancel()
	t.Logf("terms %d; an observer was told %v", e.terms(t), seen())
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
func (e *electorate) leader(ctx context.Context, t *testing.T, election *sdk.Election, token int64) (value string) {
	t.Helper()
	leader, err := election.Leader(ctx)
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
