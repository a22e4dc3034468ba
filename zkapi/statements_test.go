package zkapi_test

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the table of statements anew")

// statementsDoc has the table, between two marks.
const (
	statementsDoc = "../docs/zookeeper-compatibility.md"
	tableBegins   = "<!-- statements -->\n"
	tableEnds     = "<!-- end of statements -->\n"
)

// tested are the packages, from here, whose tests show statements: by the numbers that a subtest's
// name begins with, or by the word "shows" and numbers in a test's comment.
var tested = []string{".", "clients", "differential", "../internal/faults"}

// TestStatements fails where the table in the documentation does not say what the tests show.
func TestStatements(t *testing.T) {
	shown := map[int][]string{}
	for _, dir := range tested {
		collect(t, dir, shown)
	}
	var b strings.Builder
	b.WriteString("| | a server | shown by |\n| ---: | --- | --- |\n")
	for i, text := range statements {
		n := i + 1
		by := strings.Join(shown[n], ", ")
		if why := notShown[n]; why != "" {
			by = strings.TrimPrefix(by+"; "+why, "; ")
		}
		if by == "" {
			t.Errorf("%d has neither a test nor a reason: %s", n, text)
		}
		fmt.Fprintf(&b, "| %d | %s | %s |\n", n, text, by)
	}
	for n := range shown {
		if n < 1 || n > len(statements) {
			t.Errorf("there is no statement %d: %v", n, shown[n])
		}
	}
	inDoc(t, "TestStatements", tableBegins, tableEnds, b.String())
}

// inDoc compares a table of the documentation, which stands between two marks, with what it should
// be, or writes it.
func inDoc(t *testing.T, test, begin, end, want string) {
	t.Helper()
	doc, err := os.ReadFile(statementsDoc)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, begins := strings.Cut(string(doc), begin)
	table, after, ends := strings.Cut(rest, end)
	switch {
	case !begins || !ends:
		t.Fatalf("%s has no place for the table", statementsDoc)
	case table == want:
	case *update:
		if err := os.WriteFile(statementsDoc, []byte(before+begin+want+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
	default:
		t.Errorf("the table in %s is stale: go test ./zkapi -run %s -update", statementsDoc, test)
	}
}

var (
	showsWord = regexp.MustCompile(`\b[Ss]hows ((?:\d+(?:, | and )?)+)`)
	numbers   = regexp.MustCompile(`\d+`)
	inName    = regexp.MustCompile(`^(?:\d+ )+`)
)

// collect finds which tests of a package show which statements.
func collect(t *testing.T, dir string, shown map[int][]string) {
	t.Helper()
	for _, test := range testsIn(t, dir) {
		for _, n := range shows(test) {
			name := nameFrom(dir, test.Name.Name)
			if !slices.Contains(shown[n], "`"+name+"`") {
				shown[n] = append(shown[n], "`"+name+"`")
			}
		}
	}
}

// testsIn returns the tests in a directory.
func testsIn(t *testing.T, dir string) (tests []*ast.FuncDecl) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no tests in %s: %v", dir, err)
	}
	for _, file := range files {
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			if test, ok := d.(*ast.FuncDecl); ok && strings.HasPrefix(test.Name.Name, "Test") {
				tests = append(tests, test)
			}
		}
	}
	return tests
}

// nameFrom returns what a test in a directory is called here: with its package, if that is another.
func nameFrom(dir, test string) string {
	if dir == "." {
		return test
	}
	return strings.TrimPrefix(filepath.ToSlash(filepath.Clean(dir)), "../") + " " + test
}

// shows are the statements that a test shows.
func shows(test *ast.FuncDecl) (list []int) {
	take := func(text string) {
		for _, digits := range numbers.FindAllString(text, -1) {
			n, _ := strconv.Atoi(digits)
			list = append(list, n)
		}
	}
	for _, m := range showsWord.FindAllStringSubmatch(strings.ReplaceAll(test.Doc.Text(), "\n", " "), -1) {
		take(m[1])
	}
	ast.Inspect(test, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok || len(call.Args) != 2 {
			return true
		}
		if f, ok := call.Fun.(*ast.SelectorExpr); ok && f.Sel.Name == "Run" {
			if name, ok := call.Args[0].(*ast.BasicLit); ok && name.Kind == token.STRING {
				text, _ := strconv.Unquote(name.Value)
				take(inName.FindString(text))
			}
		}
		return true
	})
	return list
}
