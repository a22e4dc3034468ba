package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// newMan writes the man pages of all commands. It is hidden: packages are built with it.
func newMan() *cobra.Command {
	return &cobra.Command{
		Use:    "man DIRECTORY",
		Short:  "Write the man pages into a directory",
		Hidden: true,
		Args:   cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := os.MkdirAll(args[0], 0o755); err != nil {
				return err
			}
			root := cmd.Root()
			root.InitDefaultCompletionCmd()
			return writeMan(args[0], root)
		},
	}
}

func writeMan(dir string, cmd *cobra.Command) error {
	cmd.InitDefaultHelpFlag()
	if err := os.WriteFile(filepath.Join(dir, manName(cmd)+".1"), manPage(cmd), 0o644); err != nil {
		return err
	}
	for _, sub := range cmd.Commands() {
		if sub.IsAvailableCommand() && sub.Name() != "help" {
			if err := writeMan(dir, sub); err != nil {
				return err
			}
		}
	}
	return nil
}

func manName(cmd *cobra.Command) string { return strings.ReplaceAll(cmd.CommandPath(), " ", "-") }

// manPage returns the page of one command. It has no date, so that it depends on the program alone.
func manPage(cmd *cobra.Command) []byte {
	var page bytes.Buffer
	fmt.Fprintf(&page, ".TH \"%s\" 1 \"\" \"%s\" \"Lockkeeper\"\n", roff(strings.ToUpper(manName(cmd))), roff("lockkeeper "+readBuild().Version))
	fmt.Fprintf(&page, ".SH NAME\n%s \\- %s\n", roff(manName(cmd)), roff(cmd.Short))
	fmt.Fprintf(&page, ".SH SYNOPSIS\n.B %s\n", roff(cmd.UseLine()))
	text := cmd.Long
	if text == "" {
		text = cmd.Short + "."
	}
	fmt.Fprintf(&page, ".SH DESCRIPTION\n")
	verbatim(&page, text)
	if cmd.NonInheritedFlags().HasAvailableFlags() {
		page.WriteString(".SH OPTIONS\n")
		cmd.NonInheritedFlags().VisitAll(func(f *pflag.Flag) { manFlag(&page, f) })
	}
	if cmd.Example != "" {
		page.WriteString(".SH EXAMPLES\n")
		verbatim(&page, cmd.Example)
	}
	page.WriteString(".SH \"SEE ALSO\"\n")
	var others []string
	if cmd.HasParent() {
		others = append(others, manName(cmd.Parent()))
	}
	for _, sub := range cmd.Commands() {
		if sub.IsAvailableCommand() && sub.Name() != "help" {
			others = append(others, manName(sub))
		}
	}
	for i, other := range others {
		end := ","
		if i == len(others)-1 {
			end = ""
		}
		fmt.Fprintf(&page, ".BR %s (1)%s\n", roff(other), end)
	}
	return page.Bytes()
}

func manFlag(page *bytes.Buffer, f *pflag.Flag) {
	if f.Hidden {
		return
	}
	kind, usage := pflag.UnquoteUsage(f)
	name := "--" + f.Name
	if f.Shorthand != "" {
		name = "-" + f.Shorthand + ", " + name
	}
	fmt.Fprintf(page, ".TP\n\\fB%s\\fR", roff(name))
	if kind != "" {
		fmt.Fprintf(page, " \\fI%s\\fR", roff(kind))
	}
	fmt.Fprintf(page, "\n%s", roff(usage))
	if f.DefValue != "" && f.DefValue != "false" && f.DefValue != "[]" {
		fmt.Fprintf(page, " (default %s)", roff(f.DefValue))
	}
	page.WriteString("\n")
}

// verbatim keeps lines as they are: help texts are laid out for a terminal already.
func verbatim(page *bytes.Buffer, text string) {
	page.WriteString(".nf\n")
	for line := range strings.SplitSeq(strings.TrimRight(text, "\n"), "\n") {
		if line == "" {
			page.WriteString(".sp\n")
			continue
		}
		page.WriteString(roff(line) + "\n")
	}
	page.WriteString(".fi\n")
}

// roff makes text stand for itself.
func roff(text string) string {
	text = strings.NewReplacer(`\`, `\e`, "-", `\-`, "'", `\(aq`, `"`, `\(dq`).Replace(text)
	if strings.HasPrefix(text, ".") {
		text = `\&` + text
	}
	return text
}
