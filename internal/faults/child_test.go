//go:build linux

package faults

import (
	"context"
	"log/slog"
	"os"
	"strings"
	"testing"

	"github.com/lockkeeper/lockkeeper/internal/childtest"
	"github.com/lockkeeper/lockkeeper/internal/clustertest"
	"github.com/lockkeeper/lockkeeper/sdk"
)

// childVariable tells this test binary, run by itself, that it is a child, and where the members
// are.
const childVariable = "FAULTS_CHILD_ENDPOINTS"

// startChild runs a test of package sdk's programs in a process of its own.
func startChild(t *testing.T, endpoints []string, test string, env ...string) *childtest.Child {
	t.Helper()
	return childtest.Run(t, test, append(env, childVariable+"="+strings.Join(endpoints, ","))...)
}

// asChild returns the client of a child, and skips the test of any other process.
func asChild(t *testing.T, opts ...sdk.Option) *sdk.Client {
	t.Helper()
	endpoints := os.Getenv(childVariable)
	if endpoints == "" {
		t.Skip("only runs as a child of another test")
	}
	return dial(t, strings.Split(endpoints, ","), opts...)
}

// dial makes a client whose log goes to the test's, and closes it when the test ends.
func dial(t *testing.T, endpoints []string, opts ...sdk.Option) *sdk.Client {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), clustertest.Patience)
	defer cancel()
	opts = append([]sdk.Option{sdk.WithLogger(slog.New(slog.NewTextHandler(t.Output(), nil)))}, opts...)
	client, err := sdk.Dial(ctx, endpoints, opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), clustertest.Patience)
		defer cancel()
		if err := client.Close(ctx); err != nil {
			t.Errorf("close the client: %v", err)
		}
	})
	return client
}
