package sdk

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/lockkeeper/lockkeeper/httpapi/wire"
)

// serverCodes returns every code of the service: those of the REST door's table, and those that
// only a stream has.
func serverCodes(t *testing.T) []string {
	t.Helper()
	codes := map[string]bool{}
	texts := func(file, of string) {
		parsed, err := parser.ParseFile(token.NewFileSet(), filepath.Join("..", "httpapi", file), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range parsed.Decls {
			g, ok := d.(*ast.GenDecl)
			if !ok {
				continue
			}
			for _, spec := range g.Specs {
				v, ok := spec.(*ast.ValueSpec)
				if !ok || !strings.HasPrefix(v.Names[0].Name, of) {
					continue
				}
				ast.Inspect(v, func(n ast.Node) bool {
					if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
						if s, err := strconv.Unquote(lit.Value); err == nil && !strings.Contains(s, " ") && s == strings.ToLower(s) {
							codes[s] = true
						}
					}
					return true
				})
			}
		}
	}
	texts("problems.go", "problems")
	texts(filepath.Join("wire", "code.go"), "Code")
	var list []string
	for c := range codes {
		list = append(list, c)
	}
	if len(list) < 30 {
		t.Fatalf("only %d codes were found", len(list))
	}
	return list
}

// operators are the codes of what operators ask of members over REST. No request of a stream gets one.
var operators = []string{
	"loses_quorum", "learner_exists", "cannot_lead", "no_member", "member_exists", "learner_behind", "not_a_learner", "defrag_running",
}

func TestEveryCodeHasItsError(t *testing.T) {
	known := map[string]error{}
	for _, p := range problems {
		known[p.code] = p.err
	}
	for _, code := range serverCodes(t) {
		want := known[code]
		if slices.Contains(operators, code) {
			if want != nil {
				t.Errorf("%s is for operators only, and %v stands for it", code, want)
			}
			continue
		}
		if want == nil {
			t.Errorf("no error stands for the code %q", code)
			continue
		}
		f := wire.Frame{Kind: wire.Error, ID: 1, Code: code, Message: "words"}
		var got wire.Frame // over the wire and back
		d := wire.NewDecoder(wire.AppendFrame(nil, &f))
		if err := d.Next(&got); err != nil {
			t.Fatal(err)
		}
		err := fmt.Errorf("lock %q: %w", "x", errorOf(&got))
		if !errors.Is(err, want) {
			t.Errorf("%s: %v does not match %v", code, err, want)
		}
		for other, sentinel := range known {
			both := sentinel == want || want == ErrSessionLost && sentinel == ErrLost
			if errors.Is(err, sentinel) && !both {
				t.Errorf("%s matches the error of %s, too", code, other)
			}
		}
	}
}

func TestErrorsSayWhoAndWhy(t *testing.T) {
	cases := []struct {
		frame wire.Frame
		want  string
	}{
		{
			wire.Frame{Code: wire.CodeLockHeld, Name: "x", Contenders: []wire.Contender{{Token: 7, Owner: "host-7", Reason: "backup", SinceMS: 1}}},
			`lock "x" is held by host-7 since ` + millis(1).Format("2006-01-02T15:04:05Z07:00") + " (backup)",
		},
		{wire.Frame{Code: wire.CodeLockHeld, Name: "x"}, `lock "x" is held`},
		{wire.Frame{Code: wire.CodeHoldLost, Name: "x", Cause: "forced", Reason: "maintenance"}, `lock "x" is lost: forced (maintenance)`},
		{wire.Frame{Code: wire.CodeSessionLost, Session: 255, Cause: "expired"}, `session 00000000000000ff is lost: expired`},
		{wire.Frame{Code: wire.CodeStaleToken, Name: "x", Token: 1, Highest: 2}, `token 1 is stale: fence "x" has seen 2`},
		{wire.Frame{Code: wire.CodeBadRequest, Field: "name", Message: "name is empty", Fix: "give one"}, `name is empty: give one`},
		{wire.Frame{Code: wire.CodeUnavailable, Message: "no quorum"}, `no quorum (unavailable)`},
		{wire.Frame{Code: "news"}, `news`},
	}
	for _, tc := range cases {
		if got := errorOf(&tc.frame).Error(); got != tc.want {
			t.Errorf("%s: %q; want %q", tc.frame.Code, got, tc.want)
		}
	}
}
