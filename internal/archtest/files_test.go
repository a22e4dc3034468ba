package archtest

import (
	"bytes"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// maxLines is how long a file may be, tests included. Most have 80 to 250.
const maxLines = 600

func TestPackageComments(t *testing.T) {
	for _, p := range own(t) {
		var with []string
		for _, file := range p.GoFiles {
			parsed, err := parser.ParseFile(token.NewFileSet(), filepath.Join(p.Dir, file), nil, parser.PackageClauseOnly|parser.ParseComments)
			if err != nil {
				t.Errorf("%s: %v", p.name(), err)
				continue
			}
			if parsed.Doc != nil {
				with = append(with, file)
			}
		}
		if len(p.GoFiles) > 0 && len(with) != 1 {
			t.Errorf("package %s has %d package comments %v; want one", p.name(), len(with), with)
		}
	}
}

func TestFileLengths(t *testing.T) {
	for _, p := range own(t) {
		for _, file := range slices.Concat(p.GoFiles, p.TestGoFiles, p.XTestGoFiles) {
			text, err := os.ReadFile(filepath.Join(p.Dir, file))
			if err != nil {
				t.Error(err)
				continue
			}
			if n := bytes.Count(text, []byte("\n")); n > maxLines {
				t.Errorf("%s/%s has %d lines; split it by idea, %d is the limit", p.name(), file, n, maxLines)
			}
		}
	}
}
