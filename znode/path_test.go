package znode

import (
	"errors"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode/utf16"
	"unicode/utf8"
)

func TestValidatePath(t *testing.T) {
	tests := []struct {
		name string
		path string
		ok   bool
	}{
		{"root", "/", true},
		{"one component", "/a", true},
		{"many components", "/a/b/c", true},
		{"§11.33 letters beyond ASCII", "/ä", true},
		{"§11.33 Japanese", "/日本", true},
		{"§11.34 dots before a name", "/x/..a", true},
		{"§11.34 dots behind a name", "/x/a..b", true},
		{"three dots", "/...", true},
		{"blank", "/a b", true},
		{"U+00A0", "/\u00a0", true},
		{"U+D7FF", "/\ud7ff", true},
		{"U+F900", "/\uf900", true},
		{"U+FFEF", "/\uffef", true},
		{"empty", "", false},
		{"relative", "a", false},
		{"§11.31 trailing slash", "/a/", false},
		{"§11.31 empty component", "/a//b", false},
		{"leading empty component", "//a", false},
		{"two slashes", "//", false},
		{"§11.34 dot", "/x/.", false},
		{"§11.34 two dots", "/x/..", false},
		{"dot inside", "/./a", false},
		{"two dots inside", "/a/../b", false},
		{"NUL", "/a\x00", false},
		{"§11.33 U+0001", "/\x01", false},
		{"U+001F", "/\x1f", false},
		{"U+007F", "/\x7f", false},
		{"§11.33 U+0080", "/\u0080", false},
		{"U+009F", "/\u009f", false},
		{"§11.33 U+E000", "/\ue000", false},
		{"U+F8FF", "/\uf8ff", false},
		{"U+FFF0", "/\ufff0", false},
		{"§11.33 U+FFFE", "/\ufffe", false},
		{"§11.33 emoji", "/😀", false},
		{"§11.33 invalid UTF-8", "/\xff", false},
		{"an encoded surrogate", "/\xed\xa0\x80", false},
		{"the replacement character", "/\ufffd", false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if err := ValidatePath(test.path); (err == nil) != test.ok {
				t.Errorf("ValidatePath(%q) = %v; want ok %v", test.path, err, test.ok)
			} else if err != nil && !errors.Is(err, ErrBadArguments) {
				t.Errorf("ValidatePath(%q) = %v; want %v", test.path, err, ErrBadArguments)
			}
		})
	}
}

// validByUnits is the rule in ZooKeeper's own terms: UTF-16 units, and components split at
// slashes.
func validByUnits(path string) bool {
	if path == "/" {
		return true
	}
	if !utf8.ValidString(path) || !strings.HasPrefix(path, "/") {
		return false
	}
	for _, name := range strings.Split(path[1:], "/") {
		if name == "" || name == "." || name == ".." {
			return false
		}
	}
	for _, u := range utf16.Encode([]rune(path)) {
		if u <= 0x1f || u >= 0x7f && u <= 0x9f || u >= 0xd800 && u <= 0xf8ff || u >= 0xfff0 {
			return false
		}
	}
	return true
}

func FuzzValidatePath(f *testing.F) {
	for _, path := range []string{"/", "/a/b", "/a/", "//", "/.", "/..", "/a/./b", "/\u0080", "/\ue000", "/😀", "/\xff", "", "x"} {
		f.Add(path)
	}
	f.Fuzz(func(t *testing.T, path string) {
		if got, want := ValidatePath(path) == nil, validByUnits(path); got != want {
			t.Errorf("ValidatePath(%q) ok = %v; want %v", path, got, want)
		}
		if validPath(path) && path != "/" {
			if parent, name := Split(path); Join(parent, name) != path || !validPath(parent) {
				t.Errorf("Split(%q) = %q, %q, which does not join to it", path, parent, name)
			}
		}
	})
}

func TestSplit(t *testing.T) {
	tests := []struct{ name, path, parent, child string }{
		{"deep", "/a/b", "/a", "b"},
		{"top", "/a", "/", "a"},
		{"root", "/", "/", ""},
		{"no slash", "a", "", "a"},
		{"relative", "a/b", "a", "b"},
		{"empty", "", "", ""},
		{"trailing slash", "/a/", "/a", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if parent, child := Split(test.path); parent != test.parent || child != test.child {
				t.Errorf("Split(%q) = %q, %q; want %q, %q", test.path, parent, child, test.parent, test.child)
			}
		})
	}
}

func TestContender(t *testing.T) {
	tests := []struct {
		name  string
		child string
		seq   int64
		ok    bool
	}{
		{"Curator mutex", "_c_0f0f-lock-0000000007", 7, true},
		{"go-zookeeper", "_c_0f0f0f0f-lock-0000000012", 12, true},
		{"kazoo", "ab__lock__0000000003", 3, true},
		{"kazoo read", "ab__rlock__0000000004", 4, true},
		{"second name", "k0123456789abcdef0123456789abcdef__lock__0000000001", 0, false},
		{"no second name: not all hexadecimal", "k0123456789abcdef0123456789abcdeg__lock__0000000001", 1, true},
		{"Curator read", "_c_x-__READ__0000000005", 5, true},
		{"Curator write", "_c_x-__WRIT__0000000006", 6, true},
		{"bare", "lock-0000000000", 0, true},
		{"eleven digits", "lock-12345678901", 12345678901, true},
		{"overflown in ZooKeeper", "lock--2147483648", -2147483648, true},
		{"more than fits", "lock-99999999999999999999", 1<<63 - 1, true},
		{"less than fits", "lock--99999999999999999999", -1 << 63, true},
		{"nine digits", "lock-000000007", 0, false},
		{"lease", "_c_x-lease-0000000007", 0, false},
		{"Curator latch", "_c_x-latch-0000000007", 7, true},
		{"no family", "0000000007", 0, false},
		{"text behind", "lock-0000000007x", 0, false},
		{"two minuses", "lock---0000000007", 0, false},
		{"empty", "", 0, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if seq, ok := Contender(test.child); seq != test.seq || ok != test.ok {
				t.Errorf("Contender(%q) = %d, %v; want %d, %v", test.child, seq, ok, test.seq, test.ok)
			}
		})
	}
	if n := testing.AllocsPerRun(100, func() { Contender("_c_0f0f-lock-0000000007") }); n != 0 {
		t.Errorf("Contender allocates %v times; want 0", n)
	}
}

var contenderRule = regexp.MustCompile(`(?:lock-|__lock__|__rlock__|__READ__|__WRIT__)(-?[0-9]{10,})\z`)

func FuzzContender(f *testing.F) {
	for _, name := range []string{"lock-0000000007", "a__lock__0000000001", "lock--0000000001", "x0000000001", "lock-99999999999999999999", "lock-000"} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		seq, ok := Contender(name)
		m := contenderRule.FindStringSubmatch(name)
		if ok != (m != nil) {
			t.Fatalf("Contender(%q) ok = %v; want %v", name, ok, m != nil)
		}
		if ok {
			// Out of range, ParseInt too gives the nearest number.
			if want, _ := strconv.ParseInt(m[1], 10, 64); seq != want {
				t.Errorf("Contender(%q) = %d; want %d", name, seq, want)
			}
		}
	})
}

func TestNumbered(t *testing.T) {
	tests := []struct {
		name    string
		creates int64
		want    string
	}{
		{"zero", 0, "/p/c-0000000000"},
		{"nine", 9, "/p/c-0000000009"},
		{"ten", 10, "/p/c-0000000010"},
		{"largest with ten digits", 9999999999, "/p/c-9999999999"},
		{"eleven digits", 10000000000, "/p/c-10000000000"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := numbered("/p/c-", test.creates)
			if got != test.want {
				t.Errorf("numbered(%d) = %q; want %q", test.creates, got, test.want)
			}
			if seq, ok := Sequence(got); seq != test.creates || !ok {
				t.Errorf("Sequence(%q) = %d, %v; want %d", got, seq, ok, test.creates)
			}
		})
	}
}
