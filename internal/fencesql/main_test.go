//go:build linux

package fencesql

import (
	"log"
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/lockkeeper/lockkeeper/internal/quorumtest"
)

// withPostgres stops what the tests have started.
type withPostgres struct{ tests *testing.M }

func (r withPostgres) Run() int {
	code := r.tests.Run()
	if server.p != nil {
		if err := server.p.stop(); err != nil {
			log.Print(err)
			code = max(code, 1)
		}
	}
	return code
}

func TestMain(m *testing.M) {
	if os.Getenv(childVariable) != "" {
		m.Run() // a child's errors are its parent's
		return
	}
	goleak.VerifyTestMain(withPostgres{m}, quorumtest.IgnoreEtcd()...)
}
