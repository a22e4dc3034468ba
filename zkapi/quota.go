package zkapi

import (
	"log/slog"
	"time"

	"github.com/lockkeeper/lockkeeper/znode"
)

const (
	quotaLogEvery = time.Minute // a line about the same quota, at most
	mostQuotaLogs = 1000        // quotas whose lines are remembered
)

// A quotaLog tells of quotas that are exceeded. It is not safe for concurrent use.
type quotaLog struct {
	log  *slog.Logger
	told map[string]time.Time
}

// look tells if the quota that a path counts for is exceeded.
func (l *quotaLog) look(t *znode.Tree, path string) {
	q, ok := t.QuotaOf(path)
	if !ok || !q.Exceeded() {
		return
	}
	now := time.Now()
	if last, told := l.told[q.Path]; told && now.Sub(last) < quotaLogEvery {
		return
	}
	if len(l.told) >= mostQuotaLogs {
		clear(l.told)
	}
	l.told[q.Path] = now
	l.log.Warn("a quota is exceeded; remove znodes, or raise its limits", "path", q.Path,
		"count", q.Usage.Count, "bytes", q.Usage.Bytes, "count_limit", q.Limits.Count, "bytes_limit", q.Limits.Bytes,
		"count_hard_limit", q.Limits.HardCount, "bytes_hard_limit", q.Limits.HardBytes)
}
