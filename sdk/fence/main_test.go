package fence_test

import (
	"log"
	"testing"

	"go.uber.org/goleak"

	"github.com/lockkeeper/lockkeeper/internal/quorumtest"
	"github.com/lockkeeper/lockkeeper/sdk/sdktest"
)

// endpoints are those of the service that the examples and the tests of Cluster run against.
var endpoints []string

// withService runs the tests beside the service.
type withService struct{ tests *testing.M }

func (r withService) Run() int {
	s, err := sdktest.Open()
	if err != nil {
		log.Fatal(err)
	}
	endpoints = s.Endpoints()
	code := r.tests.Run()
	if err := s.Close(); err != nil {
		log.Fatal(err)
	}
	return code
}

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(withService{m}, quorumtest.IgnoreEtcd()...)
}
