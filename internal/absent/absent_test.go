package absent_test

import (
	"testing"

	"github.com/lockkeeper/lockkeeper/internal/absent"
)

// A judge notes what becomes of a test.
type judge struct {
	testing.TB
	skipped, failed bool
}

func (j *judge) Fatalf(string, ...any) { j.failed = true }
func (j *judge) Skipf(string, ...any)  { j.skipped = true }

func TestPrograms(t *testing.T) {
	for _, test := range []struct {
		name, program, ci string
		skipped, failed   bool
	}{
		{"there", "go", "true", false, false},
		{"missing", "no-such-program", "", true, false},
		{"missing in CI", "no-such-program", "true", false, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Setenv("CI", test.ci)
			j := &judge{TB: t}
			absent.Programs(j, test.program)
			if j.skipped != test.skipped || j.failed != test.failed {
				t.Errorf("skipped: %v, failed: %v; want %v and %v", j.skipped, j.failed, test.skipped, test.failed)
			}
		})
	}
}
