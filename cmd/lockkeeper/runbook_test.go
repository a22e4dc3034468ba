package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// docs returns the text of each document, by its name in docs/, and README.md.
func docs(t *testing.T) map[string]string {
	t.Helper()
	texts := map[string]string{}
	files, err := filepath.Glob(filepath.Join("..", "..", "docs", "*.md"))
	if err != nil || len(files) == 0 {
		t.Fatalf("docs: %q, %v", files, err)
	}
	for _, file := range append(files, filepath.Join("..", "..", "README.md")) {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		texts[filepath.Base(file)] = string(text)
	}
	return texts
}

// TestCommandsInTextsExist: whatever command line of ours a document tells people to run exists, with
// its flags.
func TestCommandsInTextsExist(t *testing.T) {
	span := regexp.MustCompile("`(lockkeeper [^`\n]+)`|(?m)^(lockkeeper .+)$")
	found := 0
	for name, text := range docs(t) {
		for _, m := range span.FindAllStringSubmatch(text, -1) {
			if strings.HasPrefix(m[1]+m[2], "lockkeeper ready") {
				continue // what serve prints
			}
			found++
			if problem := wrongCommand(m[1] + m[2]); problem != "" {
				t.Errorf("docs: %s has %q: %s", name, m[1]+m[2], problem)
			}
		}
	}
	if found < 50 {
		t.Errorf("only %d command lines were found", found)
	}
}

// wrongCommand says what is wrong with a command line; nothing if it would be understood.
func wrongCommand(line string) string {
	line, _, _ = strings.Cut(line, " -- ")
	line, _, _ = strings.Cut(line, " && ")
	line, _, _ = strings.Cut(line, "|")
	line, _, _ = strings.Cut(line, "#")
	line = regexp.MustCompile(`'[^']*'|"[^"]*"`).ReplaceAllString(line, "TEXT")
	root := newRoot(&app{})
	root.InitDefaultCompletionCmd("bash")
	cmd := root
	words := strings.Fields(strings.NewReplacer("[", " ", "]", " ").Replace(line))[1:]
	for _, word := range words {
		switch {
		case strings.HasPrefix(word, "--"):
			flag, _, _ := strings.Cut(strings.Trim(word, "-;.,"), "=")
			if flag != "" && flag != "help" && cmd.Flag(flag) == nil {
				return "no flag --" + flag
			}
		case cmd.HasSubCommands():
			var next *cobra.Command
			for _, sub := range cmd.Commands() {
				if sub.Name() == strings.TrimRight(word, ";.,") {
					next = sub
				}
			}
			if next == nil && word != "…" && word != "COMMAND" {
				return "no command " + word
			}
			if next != nil {
				cmd = next
			}
		}
	}
	return ""
}

// everyFlag is the set of all commands' flags.
func everyFlag() map[string]bool {
	flags := map[string]bool{"help": true}
	root := newRoot(&app{})
	leaves(root, func(_ string, cmd *cobra.Command) {
		cmd.Flags().VisitAll(func(f *pflag.Flag) { flags[f.Name] = true })
	})
	return flags
}

// flagName finds flags. What ends with a dash is the beginning of several.
var flagName = regexp.MustCompile(`(?:^|[^\w-])--([a-z][a-z0-9-]*)`)

// flagsIn returns the flags of ours that a text names: those of the commands that we run are behind a
// pair of dashes.
func flagsIn(text string) (names []string) {
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, " -- ")
		for _, m := range flagName.FindAllStringSubmatch(line, -1) {
			if !strings.HasSuffix(m[1], "-") {
				names = append(names, m[1])
			}
		}
	}
	return names
}

// TestFlagsInRunbookExist: a flag that the runbook names is one of some command.
func TestFlagsInRunbookExist(t *testing.T) {
	flags := everyFlag()
	for _, name := range []string{"runbook.md", "operations.md"} {
		// Programs of others have flags of their own.
		text := regexp.MustCompile("`(systemctl|journalctl|buildah|kubectl|openssl|zkCli) [^`]*`").ReplaceAllString(docs(t)[name], "")
		for _, flag := range flagsIn(text) {
			if !flags[flag] {
				t.Errorf("docs/%s names a flag --%s, which no command has", name, flag)
			}
		}
	}
}

// TestFlagsInMessagesExist: what a message tells people to change can be changed.
func TestFlagsInMessagesExist(t *testing.T) {
	flags := everyFlag()
	found := 0
	for _, pkg := range []string{"barrier", "cmd/lockkeeper", "election", "httpapi", "lease", "lock", "quorum", "server", "sidecar", "store", "value", "zkapi"} {
		err := filepath.WalkDir(filepath.Join("..", "..", pkg), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
			if err != nil {
				return err
			}
			ast.Inspect(file, func(n ast.Node) bool {
				lit, ok := n.(*ast.BasicLit)
				if !ok || lit.Kind != token.STRING {
					return true
				}
				text, err := strconv.Unquote(lit.Value)
				if err != nil {
					t.Errorf("%s: %v", path, err)
				}
				for _, flag := range flagsIn(text) {
					found++
					if !flags[flag] {
						t.Errorf("%s names a flag --%s, which no command has: %q", path, flag, text)
					}
				}
				return true
			})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if found < 50 {
		t.Errorf("only %d flags were found in messages", found)
	}
}

// anchor is what a heading's link ends with.
func anchor(heading string) string {
	kept := strings.Map(func(r rune) rune {
		switch {
		case r == ' ':
			return '-'
		case r == '-' || r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r > 127:
			return r
		}
		return -1
	}, strings.ToLower(heading))
	return kept
}

// TestLinksInDocs: what a document links to in another, or in itself, is there; and operations.md
// leads to each section of the runbook.
func TestLinksInDocs(t *testing.T) {
	texts := docs(t)
	heading := regexp.MustCompile(`(?m)^#{1,4} (.+)$`)
	anchors := map[string]map[string]bool{}
	for name, text := range texts {
		anchors[name] = map[string]bool{}
		for _, m := range heading.FindAllStringSubmatch(text, -1) {
			anchors[name][anchor(m[1])] = true
		}
	}
	link := regexp.MustCompile(`\]\(((?:docs/)?[\w-]*(?:\.md)?)#([^)\s]+)\)`)
	for name, text := range texts {
		for _, m := range link.FindAllStringSubmatch(text, -1) {
			to := strings.TrimPrefix(m[1], "docs/")
			if to == "" {
				to = name
			}
			if !anchors[to][m[2]] {
				t.Errorf("%s links to %s#%s, which is not there", name, to, m[2])
			}
		}
	}
	for _, m := range regexp.MustCompile(`(?m)^### (.+)$`).FindAllStringSubmatch(texts["runbook.md"], -1) {
		if !strings.Contains(texts["operations.md"], "](runbook.md#"+anchor(m[1])+")") {
			t.Errorf("docs/operations.md does not lead to %q of the runbook", m[1])
		}
	}
}

// TestExitCodesInRunbook: the exit code that the runbook has for an error code is that of a command
// that is refused with it.
func TestExitCodesInRunbook(t *testing.T) {
	texts := docs(t)
	status := map[string]int{}
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z_]+)` \\| (\\d{3}) \\|").FindAllStringSubmatch(texts["http-api.md"], -1) {
		status[m[1]], _ = strconv.Atoi(m[2])
	}
	rows := 0
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z_]+)` \\| (\\d+|–) \\|").FindAllStringSubmatch(texts["runbook.md"], -1) {
		rows++
		if m[2] == "–" {
			if status[m[1]] != 0 {
				t.Errorf("docs/runbook.md has no exit code for %s, which a command may be refused with", m[1])
			}
			continue
		}
		p := &problemError{Status: status[m[1]], Code: m[1]}
		if got := strconv.Itoa(p.exitCode()); got != m[2] || p.Status == 0 {
			t.Errorf("docs/runbook.md: %s (status %d) ends a command with %s; want %s", m[1], p.Status, m[2], got)
		}
	}
	if rows < 50 {
		t.Errorf("only %d codes were found", rows)
	}
}
