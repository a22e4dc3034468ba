package quorum_test

import (
	"context"
	"fmt"
	"testing"

	"go.uber.org/goleak"

	"github.com/lockkeeper/lockkeeper/internal/quorumtest"
	"github.com/lockkeeper/lockkeeper/quorum"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, quorumtest.IgnoreEtcd()...)
}

// put puts key and returns the revision.
func put(t *testing.T, m *quorum.Member, key, value string) int64 {
	t.Helper()
	res, err := m.Txn(t.Context(), quorum.Txn{Ops: []quorum.Op{{Key: key, Value: []byte(value)}}})
	if err != nil || !res.Committed {
		t.Fatalf("put %q = %+v, %v", key, res, err)
	}
	return res.Revision
}

// contents is all that starts with prefix, as "key=value@revision".
func contents(ctx context.Context, m *quorum.Member, prefix string, rev int64) (list []string, at int64, err error) {
	at, err = m.Range(ctx, prefix, rev, func(key string, value []byte, modRev int64) error {
		list = append(list, fmt.Sprintf("%s=%s@%d", key, value, modRev))
		return nil
	})
	return list, at, err
}
