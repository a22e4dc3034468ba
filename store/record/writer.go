package record

import (
	"fmt"
	"log/slog"
)

// An Epoch is the value of [EpochKey]: who took over last.
type Epoch struct {
	Number uint64 // grows with every takeover; the high half of its zxids
	Member uint64 // id of the member that took over
}

// AppendEpoch appends the value of [EpochKey].
func AppendEpoch(dst []byte, e Epoch) []byte {
	dst = append(dst, Version)
	dst = appendInt64(dst, int64(e.Number))
	return appendFixed64(dst, e.Member)
}

// DecodeEpoch reads the value of [EpochKey].
func DecodeEpoch(v []byte) (Epoch, error) {
	r := open("epoch", v)
	e := Epoch{Number: r.uvarint(), Member: r.fixed64()}
	if err := r.close(); err != nil {
		return Epoch{}, err
	}
	return e, nil
}

// A Guard is the value of [GuardKey], which every batch compares and puts.
type Guard struct {
	Epoch uint64
	Batch uint64 // number of the last batch in the epoch
	Zxid  int64  // the last one given
}

// AppendGuard appends the value of [GuardKey].
func AppendGuard(dst []byte, g Guard) []byte {
	dst = append(dst, Version)
	dst = appendInt64(dst, int64(g.Epoch))
	dst = appendInt64(dst, int64(g.Batch))
	return appendInt64(dst, g.Zxid)
}

// DecodeGuard reads the value of [GuardKey].
func DecodeGuard(v []byte) (Guard, error) {
	r := open("guard", v)
	g := Guard{Epoch: r.uvarint(), Batch: r.uvarint(), Zxid: r.int64()}
	if err := r.close(); err != nil {
		return Guard{}, err
	}
	return g, nil
}

// An Identity is the value of [IdentityKey]: what tells one cluster from another. It prints
// and logs without its secret.
type Identity struct {
	ID     uint64   // of the cluster
	Secret [32]byte // session passwords are derived from it
}

// String returns the cluster's id in hex.
func (i Identity) String() string { return fmt.Sprintf("%016x", i.ID) }

// LogValue returns the cluster's id in hex.
func (i Identity) LogValue() slog.Value { return slog.StringValue(i.String()) }

// AppendIdentity appends the value of [IdentityKey].
func AppendIdentity(dst []byte, i Identity) []byte {
	dst = append(dst, Version)
	dst = appendFixed64(dst, i.ID)
	return append(dst, i.Secret[:]...)
}

// DecodeIdentity reads the value of [IdentityKey].
func DecodeIdentity(v []byte) (Identity, error) {
	r := open("identity", v)
	i := Identity{ID: r.fixed64()}
	if r.left() < len(i.Secret) {
		r.short()
	}
	r.pos += copy(i.Secret[:], r.b[r.pos:])
	if err := r.close(); err != nil {
		return Identity{}, err
	}
	return i, nil
}
