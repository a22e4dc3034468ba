package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

var update = flag.Bool("update", false, "write the table of settings into docs/cli.md")

// TestSettingsInDocs keeps the table of docs/cli.md equal to the flags.
func TestSettingsInDocs(t *testing.T) {
	file := filepath.Join("..", "..", "docs", "cli.md")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(text), "-update\" -->\n")
	old, after, ok2 := strings.Cut(rest, "<!-- end of settings -->")
	if !ok || !ok2 {
		t.Fatalf("%s has no place for the table of settings", file)
	}
	table := settingsTable()
	if *update {
		text := before + "-update\" -->\n" + table + "<!-- end of settings -->" + after
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if old != table {
		t.Errorf("the settings in %s are not those of the flags; run: go test ./cmd/lockkeeper -run TestSettingsInDocs -update", file)
	}
}

func settingsTable() string {
	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
	newServeConfig().bind(flags)
	var out strings.Builder
	out.WriteString("\n| setting | default | |\n| --- | --- | --- |\n")
	flags.VisitAll(func(f *pflag.Flag) {
		if slices.Contains(notSettings, f.Name) {
			return
		}
		value := "`" + f.DefValue + "`"
		if f.DefValue == "" {
			value = "none"
		}
		_, usage := pflag.UnquoteUsage(f)
		fmt.Fprintf(&out, "| `%s` | %s | %s |\n", f.Name, value, usage)
	})
	out.WriteString("\n")
	return out.String()
}
