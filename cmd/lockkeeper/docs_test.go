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

var update = flag.Bool("update", false, "write the tables of flags into docs/cli.md")

// TestSettingsInDocs keeps the table of docs/cli.md equal to the flags.
func TestSettingsInDocs(t *testing.T) {
	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
	newServeConfig().bind(flags)
	inDocs(t, "settings", "setting", flags, func(name string) string { return "`" + name + "`" })
}

// TestLockFlagsInDocs keeps the table of lock's flags equal to the flags.
func TestLockFlagsInDocs(t *testing.T) {
	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
	(&lockConfig{}).bind(flags)
	inDocs(t, "flags of lock", "flag", flags, func(name string) string { return "`--" + name + "`" })
}

// TestElectFlagsInDocs keeps the table of elect's flags equal to the flags.
func TestElectFlagsInDocs(t *testing.T) {
	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
	newElectConfig().bind(flags)
	inDocs(t, "flags of elect", "flag", flags, func(name string) string { return "`--" + name + "`" })
}

// TestSidecarFlagsInDocs keeps the table of sidecar's flags equal to the flags.
func TestSidecarFlagsInDocs(t *testing.T) {
	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
	newSidecarConfig().bind(flags)
	inDocs(t, "flags of sidecar", "flag", flags, func(name string) string { return "`--" + name + "`" })
}

// TestEnterFlagsInDocs keeps the table of the flags of barrier enter equal to the flags.
func TestEnterFlagsInDocs(t *testing.T) {
	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
	newEnterConfig().bind(flags)
	inDocs(t, "flags of barrier enter", "flag", flags, func(name string) string { return "`--" + name + "`" })
}

// inDocs compares the table of docs/cli.md that its name marks with the flags, or writes it.
func inDocs(t *testing.T, name, heading string, flags *pflag.FlagSet, shown func(flag string) string) {
	t.Helper()
	file, text := cliDocs(t)
	before, rest, ok := strings.Cut(text, "<!-- "+name+": ")
	written, rest, ok2 := strings.Cut(rest, "-->\n")
	old, after, ok3 := strings.Cut(rest, "<!-- end of "+name+" -->")
	if !ok || !ok2 || !ok3 {
		t.Fatalf("%s has no place for the table of %s", file, name)
	}
	table := flagTable(heading, flags, shown)
	if *update {
		text := before + "<!-- " + name + ": " + written + "-->\n" + table + "<!-- end of " + name + " -->" + after
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if old != table {
		t.Errorf("the %s in %s are not those of the program; run: go test ./cmd/lockkeeper -run %s -update", name, file, t.Name())
	}
}

// cliDocs returns docs/cli.md, and where it stands.
func cliDocs(t *testing.T) (file, text string) {
	t.Helper()
	file = filepath.Join("..", "..", "docs", "cli.md")
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return file, string(raw)
}

func flagTable(heading string, flags *pflag.FlagSet, shown func(flag string) string) string {
	var out strings.Builder
	fmt.Fprintf(&out, "\n| %s | default | |\n| --- | --- | --- |\n", heading)
	flags.VisitAll(func(f *pflag.Flag) {
		if slices.Contains(notSettings, f.Name) {
			return
		}
		value := "`" + strings.Trim(f.DefValue, "[]") + "`"
		if _, usage := pflag.UnquoteUsage(f); f.DefValue == "" || strings.Contains(usage, "(default: ") {
			value = "none"
		}
		_, usage := pflag.UnquoteUsage(f)
		fmt.Fprintf(&out, "| %s | %s | %s |\n", shown(f.Name), value, usage)
	})
	out.WriteString("\n")
	return out.String()
}
