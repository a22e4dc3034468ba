//go:build linux

package fencesql

import (
	"context"
	"testing"

	"github.com/lockkeeper/lockkeeper/sdk"
)

// The variables by which this test binary, run by itself, learns that it is a child, and of what.
const (
	childVariable   = "FENCESQL_CHILD_ENDPOINT"
	addressVariable = "FENCESQL_CHILD_DATABASE"
	remedyVariable  = "FENCESQL_CHILD_REMEDY"
)

// dial makes a client, which is closed when the test ends: by then its session may be over.
func dial(t *testing.T, endpoint string, opts ...sdk.Option) *sdk.Client {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	client, err := sdk.Dial(ctx, []string{endpoint}, opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		_ = client.Close(ctx)
	})
	return client
}
