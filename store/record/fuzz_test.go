package record

import (
	"bytes"
	"encoding/hex"
	"os"
	"path/filepath"
	"testing"
)

func FuzzContent(f *testing.F)  { fuzz(f, contents) }
func FuzzCounters(f *testing.F) { fuzz(f, counters) }
func FuzzSession(f *testing.F)  { fuzz(f, sessions) }
func FuzzFence(f *testing.F)    { fuzz(f, fences) }
func FuzzEpoch(f *testing.F)    { fuzz(f, epochs) }
func FuzzGuard(f *testing.F)    { fuzz(f, guards) }
func FuzzIdentity(f *testing.F) { fuzz(f, identity) }
func FuzzCard(f *testing.F)     { fuzz(f, cards) }
func FuzzBatch(f *testing.F)    { fuzz(f, batches) }
func FuzzMessage(f *testing.F)  { fuzz(f, messages) }

// fuzz decodes anything, beginning with the golden bytes.
func fuzz[T any](f *testing.F, c codec[T]) {
	file, err := os.ReadFile(filepath.Join("testdata", c.name+".golden"))
	if err != nil {
		f.Fatal(err)
	}
	for line := range bytes.Lines(file) {
		_, digits, _ := bytes.Cut(bytes.TrimSpace(line), []byte(": "))
		b, err := hex.DecodeString(string(digits))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) { c.checkAny(t, b) })
}

func FuzzKey(f *testing.F) {
	for _, key := range []string{IdentityKey, NodeKey("/a"), CountersKey("/"), SessionKey(1), CardKey(1 << 63), FenceKey("x"), "lk/n", "lk/s/12"} {
		f.Add(key)
	}
	f.Fuzz(checkKey)
}
