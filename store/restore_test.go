package store

import (
	"testing"

	"github.com/lockkeeper/lockkeeper/store/record"
	"github.com/lockkeeper/lockkeeper/znode"
)

func TestRestoredEpochs(t *testing.T) {
	for _, tc := range []struct {
		epoch uint64
		times int64
		want  uint64 // 0: refused
	}{{0, 1, 1024}, {7, 1, 1031}, {7, 3, 3079}, {7, 0, 0}, {maxEpoch - 100, 1, 0}, {7, 5000, 0}} {
		s := &Survey{Epoch: tc.epoch, Tree: znode.NewTree(), cards: []string{record.CardKey(1)}}
		ops, epoch, err := s.Restored(tc.times)
		if tc.want == 0 {
			if err == nil {
				t.Errorf("epoch %d, %d times = %d; want an error", tc.epoch, tc.times, epoch)
			}
			continue
		}
		if err != nil || epoch != tc.want || len(ops) != 3 || !ops[2].Delete {
			t.Errorf("epoch %d, %d times = %d, %v, %v; want %d", tc.epoch, tc.times, epoch, ops, err, tc.want)
			continue
		}
		if g, err := record.DecodeGuard(ops[1].Value); err != nil || g.Epoch != epoch || g.Zxid != int64(epoch)<<32 {
			t.Errorf("guard = %+v, %v; want one of epoch %d", g, err, epoch)
		}
	}
}
