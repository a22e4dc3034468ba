package main

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// tabled are the commands whose flags stand in a table of their own, which another test keeps.
var tabled = []string{"serve", "lock", "elect", "sidecar", "barrier enter"}

// common are the flags of all commands that talk to members, which stand in a table for all.
var common = []string{"endpoints", "timeout", "json"}

// section returns what stands under a heading of the text, up to the next.
func section(t *testing.T, text, heading string) string {
	t.Helper()
	_, rest, ok := strings.Cut("\n"+text, "\n"+heading+"\n")
	if !ok {
		t.Fatalf("docs/cli.md has no heading %q", heading)
	}
	body, _, _ := strings.Cut(rest, "\n## ")
	return body
}

// commandRows returns the rows of the list of commands, by the commands that they begin with.
func commandRows(t *testing.T, text string) map[string]string {
	t.Helper()
	words := regexp.MustCompile("^\\| `([a-z -]+[a-z])")
	rows := map[string]string{}
	for line := range strings.Lines(section(t, text, "# The command line")) {
		if m := words.FindStringSubmatch(line); m != nil {
			rows[m[1]] = line
		}
	}
	return rows
}

// leaves calls f with each command that does something, and its name without the program's.
func leaves(cmd *cobra.Command, f func(name string, cmd *cobra.Command)) {
	for _, sub := range cmd.Commands() {
		if sub.Hidden || sub.Name() == "help" {
			continue
		}
		if sub.HasSubCommands() && sub.Name() != "completion" {
			leaves(sub, f)
			continue
		}
		f(strings.TrimPrefix(sub.CommandPath(), "lockkeeper "), sub)
	}
}

// TestCommandsInDocs: each command and each of its flags stands in docs/cli.md, and none that there is
// not.
func TestCommandsInDocs(t *testing.T) {
	_, text := cliDocs(t)
	rows := commandRows(t, text)
	talking := section(t, text, "## Talking to members")
	root := newRoot(&app{})
	root.InitDefaultCompletionCmd("bash") // as Execute does
	flag := regexp.MustCompile("--([a-z-]+)")
	leaves(root, func(name string, cmd *cobra.Command) {
		row, ok := rows[name]
		delete(rows, name)
		if !ok {
			t.Errorf("docs/cli.md does not list the command %q", name)
			return
		}
		if slices.Contains(tabled, name) || name == "completion" {
			return
		}
		told := map[string]bool{}
		for _, m := range flag.FindAllStringSubmatch(row, -1) {
			told[m[1]] = true
		}
		cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
			switch {
			case f.Name == "help" || f.Hidden || told[f.Name]:
			case slices.Contains(common, f.Name) && strings.Contains(talking, "| `--"+f.Name+"` |"):
			default:
				t.Errorf("docs/cli.md does not name the flag --%s of %q", f.Name, name)
			}
			delete(told, f.Name)
		})
		for f := range told {
			t.Errorf("docs/cli.md names a flag --%s of %q, which it does not have", f, name)
		}
	})
	for name := range rows {
		t.Errorf("docs/cli.md lists a command %q, which there is not", name)
	}
}

// TestExitCodesInDocs: the exit codes that the commands tell of are those of docs/cli.md.
func TestExitCodesInDocs(t *testing.T) {
	_, text := cliDocs(t)
	code := regexp.MustCompile(`(?m)^(?:  |\| )([0-9]+)(?:  | \|)`)
	codes := func(text string) (list []string) {
		for _, m := range code.FindAllStringSubmatch(text, -1) {
			list = append(list, m[1])
		}
		return list
	}
	ofLock := codes(section(t, text, "## lock: a command under a lock"))
	for _, tt := range []struct {
		help string
		docs []string
	}{
		{exitHelp, codes(section(t, text, "## Exit codes"))},
		{lockExitHelp, ofLock},
		{electExitHelp, ofLock},
		{enterExitHelp, append(codes(section(t, text, "## barrier enter: a command together with others")), ofLock...)},
	} {
		slices.Sort(tt.docs)
		want := slices.Compact(tt.docs)
		if got := codes(tt.help); !slices.Equal(got, want) || len(got) == 0 {
			t.Errorf("the help tells of %q, docs/cli.md of %q:\n%s", got, want, tt.help)
		}
	}
	for _, want := range []int{exitOthersStay, exitNotAcquired, exitUncertain} {
		if !strings.Contains(text, fmt.Sprintf("| %d |", want)) {
			t.Errorf("docs/cli.md does not tell of %d", want)
		}
	}
}
