package zkapi_test

import (
	"fmt"
	"strings"
	"testing"
)

// The table of recipes stands between these marks.
const (
	recipesBegin = "<!-- recipes -->\n"
	recipesEnd   = "<!-- end of recipes -->\n"
)

// clientTests has the tests in which ZooKeeper's clients meet our doors.
var clientTests = []string{"clients", "../internal/faults"}

// TestRecipes fails where the table of recipes in the documentation is not that of the list, where a
// cell has neither tests nor a reason, and where a test that it names is not there.
func TestRecipes(t *testing.T) {
	there := map[string]bool{}
	for _, dir := range clientTests {
		for _, test := range testsIn(t, dir) {
			there[nameFrom(dir, test.Name.Name)] = true
		}
	}
	var b strings.Builder
	b.WriteString("| ours | tried over | Curator | kazoo | go-zookeeper |\n| --- | --- | --- | --- | --- |\n")
	for _, r := range recipes {
		fmt.Fprintf(&b, "| %s | %s |", r.ours, r.doors)
		for i, c := range []meeting{r.curator, r.kazoo, r.goZK} {
			client := []string{"Curator", "kazoo", "go-zookeeper"}[i]
			if c.what == "" || (len(c.tests) == 0) == (c.why == "") {
				t.Errorf("%s and %s: %+v; want what holds, and either tests or a reason", r.ours, client, c)
			}
			for _, test := range c.tests {
				if !there[test] {
					t.Errorf("%s and %s: there is no test %q", r.ours, client, test)
				}
			}
			b.WriteString(" " + c.text() + " |")
		}
		b.WriteString("\n")
	}
	inDoc(t, "TestRecipes", recipesBegin, recipesEnd, b.String())
}

// text is a cell of the table.
func (c *meeting) text() string {
	if c.why != "" {
		return c.what + ": " + c.why
	}
	text := c.what
	if c.twin != "" {
		text = c.twin + ": " + text
	}
	return text + " (`" + strings.Join(c.tests, "`, `") + "`)"
}
