package archtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestUnracedTestsRun demands that each test that is left out under the race detector stands in the
// Makefile, in the list of those that run without, and its package in the line that runs them.
func TestUnracedTestsRun(t *testing.T) {
	makefile, err := os.ReadFile(filepath.Join("..", "..", "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	list := regexp.MustCompile(`(?m)^UNRACED := (\S+)$`).FindSubmatch(makefile)
	line := regexp.MustCompile(`(?m)^\t\$\(GO\) test .*\$\(UNRACED\)\S* (.*)$`).FindSubmatch(makefile)
	if list == nil || line == nil {
		t.Fatal("the Makefile has no such list or no such line")
	}
	names, pkgs := strings.Split(string(list[1]), "|"), strings.Fields(string(line[1]))
	found := 0
	for _, p := range own(t) {
		for _, file := range slices.Concat(p.TestGoFiles, p.XTestGoFiles) {
			parsed, err := parser.ParseFile(token.NewFileSet(), filepath.Join(p.Dir, file), nil, parser.SkipObjectResolution)
			if err != nil {
				t.Error(err)
				continue
			}
			for _, d := range parsed.Decls {
				f, ok := d.(*ast.FuncDecl)
				if !ok || !leftOut(f) {
					continue
				}
				found++
				if !slices.Contains(names, f.Name.Name) || !slices.Contains(pkgs, "./"+p.name()) {
					t.Errorf("%s of %s is left out under the race detector, and the Makefile does not run it without", f.Name.Name, p.name())
				}
			}
		}
	}
	if found != len(names) {
		t.Errorf("%d tests are left out under the race detector; the Makefile has %d", found, len(names))
	}
}

// leftOut reports whether a function calls racetest.Skip.
func leftOut(f *ast.FuncDecl) bool {
	out := false
	ast.Inspect(f, func(n ast.Node) bool {
		s, ok := n.(*ast.SelectorExpr)
		if ok && s.Sel.Name == "Skip" {
			x, ok := s.X.(*ast.Ident)
			out = out || ok && x.Name == "racetest"
		}
		return !out
	})
	return out
}
