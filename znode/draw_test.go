package znode

import "pgregory.net/rapid"

func drawRequest(t *rapid.T) *Request {
	r := &Request{
		ID:      RequestID{Number: rapid.Uint64Range(1, 64).Draw(t, "number")},
		Session: SessionID(rapid.IntRange(0, 4).Draw(t, "session")),
	}
	if rapid.IntRange(0, 7).Draw(t, "owned") == 0 {
		r.Owner = Owner{Member: rapid.Uint64Range(1, 2).Draw(t, "member")}
	}
	if rapid.Bool().Draw(t, "known") {
		r.Auth = []Credential{{"digest", "ann:1"}}
	}
	for range rapid.SampledFrom([]int{1, 1, 1, 1, 2, 3, 5, 0}).Draw(t, "ops") {
		r.Ops = append(r.Ops, drawOp(t))
	}
	return r
}

var (
	somePaths = []string{
		"/", "/a", "/b", "/a/b", "/a/b/c", "/a/c", "/l", "/l/x-lock-0000000000", "/l/x-lock-0000000001",
		"/a/x", "/zookeeper", "/zookeeper/config", "/zookeeper/quota/q", "/l/_c_u-lock-0000000000", "/bad/", "x",
		"/s", "/s/locks", "/s/leases", "/s/limit", "/s/leases/_c_" + someID + "-lease-0000000000", "/s/locks/_c_" + someID + "-p2-lock-0000000000", "/s/locks/x-lock-0000000000",
		"/zookeeper/quota/a/zookeeper_limits", "/zookeeper/quota/a/b/zookeeper_limits", "/zookeeper/quota/a/zookeeper_stats", firstOf, secondOf,
	}
	lockPaths = []string{
		"/l/_c_" + someID + "-__WRIT__0000000000", "/l/_c_" + someID + "-__WRIT__0000000001", "/l/_c_" + someID + "-__WRIT__0000000002",
		"/l/_c_" + someID + "-__READ__0000000000", "/l/_c_" + someID + "-__READ__0000000001", "/l/r__rlock__0000000001", "/l/x-lock-0000000000",
	}
	lockStems = []string{"/l/_c_" + someID + "-__WRIT__", "/l/_c_" + someID + "-__READ__", "/l/r__rlock__", "/l/x-lock-"}
	someStems = []string{"/s/locks/x-lock-", "/s/leases/_c_" + someID + "-lease-", "/l/x-lock-", "/l/_c_u-lock-", "/a/_c_u-", "/l/n-", "/a/b/__lock__", "/", "/a"}
	someACLs  = [][]ACL{
		nil, OpenACL, OpenACL, OpenACL, OpenACL,
		{{PermAll, "digest", "ann:1"}},
		{{PermAll, "auth", ""}},
		{{PermRead, "world", "anyone"}},
	}
	someData = [][]byte{nil, {}, []byte("x"), []byte("some data"), []byte("count=1,bytes=9=;byteHardLimit=9;countHardLimit=2"), {0, 0, 0, 2}, {0, 0, 0, 3}}
)

func drawOp(t *rapid.T) Op {
	op := Op{
		Path:    rapid.SampledFrom(somePaths).Draw(t, "path"),
		Version: rapid.SampledFrom([]int32{-1, -1, -1, 0, 1}).Draw(t, "version"),
	}
	kinds := []OpKind{
		OpCreate, OpCreate, OpCreate, OpCreate, OpCreate, OpDelete, OpDelete, OpDelete, OpSetData, OpSetData, OpSetACL,
		OpCheck, OpReap, OpVacant, OpOpen, OpOpen, OpMove, OpClose, OpFence, OpHeld, OpDowngrade, OpDowngrade,
		OpAcquirePermits, OpAcquirePermits, OpAcquirePermits, OpReleasePermits, OpReleasePermits, OpSetPermits,
		OpReady, OpReady,
	}
	op.Kind = rapid.SampledFrom(kinds).Draw(t, "kind")
	protected := rapid.SampledFrom([]string{"", "u"}).Draw(t, "protected")
	switch op.Kind {
	case OpCreate:
		op.Node = rapid.SampledFrom([]Kind{Persistent, Ephemeral, Ephemeral, Container, TTL}).Draw(t, "node")
		if op.Node == TTL {
			op.TTL = 3
		}
		op.Data = rapid.SampledFrom(someData).Draw(t, "data")
		op.ACL = rapid.SampledFrom(someACLs).Draw(t, "acl")
		op.Parents = rapid.Bool().Draw(t, "parents")
		op.Protected = protected
		if op.Sequential = rapid.Bool().Draw(t, "sequential"); op.Sequential {
			op.Path = rapid.SampledFrom(someStems).Draw(t, "stem")
			if op.Twin = rapid.IntRange(0, 4).Draw(t, "twin") == 0; op.Twin {
				op.Path, op.Protected, op.Node = "/l/_c_"+someID+rapid.SampledFrom([]string{"-lock-", "-__WRIT__", "-__READ__"}).Draw(t, "first"), someID, Ephemeral
			} else if rapid.Bool().Draw(t, "lock") {
				op.Path, op.Node, op.TTL = rapid.SampledFrom(lockStems).Draw(t, "lock stem"), Ephemeral, 0
			}
			if op.Node == Ephemeral && rapid.IntRange(0, 3).Draw(t, "rests") == 0 {
				op.Rest = 5
			}
		}
	case OpHeld:
		op.Path, op.Czxid = "/l", rapid.Int64Range(100, 140).Draw(t, "token")
	case OpDowngrade:
		op.Path = rapid.SampledFrom(lockPaths).Draw(t, "writer")
	case OpDelete:
		if rapid.Bool().Draw(t, "of a lock") {
			op.Path = rapid.SampledFrom(lockPaths).Draw(t, "contender")
		}
		op.Own = rapid.IntRange(0, 5).Draw(t, "own") == 0
	case OpSetData:
		op.Data = rapid.SampledFrom(someData).Draw(t, "data")
	case OpSetACL:
		op.ACL = rapid.SampledFrom(someACLs).Draw(t, "acl")
	case OpVacant:
		op.Protected, op.Shared = protected, rapid.Bool().Draw(t, "shared")
	case OpOpen, OpMove, OpClose:
		op.Session = Session{ID: SessionID(rapid.IntRange(0, 4).Draw(t, "id"))}
		op.Session.Owner.Member = rapid.Uint64Range(0, 2).Draw(t, "owner")
	case OpAcquirePermits, OpReleasePermits, OpSetPermits:
		op.Path = rapid.SampledFrom([]string{"/s", "/s", "/s", "/a/s", "/l", "/"}).Draw(t, "semaphore")
		op.Protected = rapid.SampledFrom([]string{someID, idOf(1), idOf(2), "short"}).Draw(t, "grant")
		op.Data, op.ACL = rapid.SampledFrom(someData).Draw(t, "data"), rapid.SampledFrom(someACLs).Draw(t, "acl")
		op.Permits.Count = rapid.Int32Range(0, 3).Draw(t, "count")
		op.Permits.Limit = rapid.SampledFrom([]int32{0, 0, 2, 2, 3}).Draw(t, "limit")
		op.Permits.Try = rapid.Bool().Draw(t, "try")
		if op.Kind == OpReleasePermits && rapid.Bool().Draw(t, "of another") {
			op.Session.ID = SessionID(rapid.IntRange(1, 3).Draw(t, "whose"))
		}
	case OpReady:
		op.Path = rapid.SampledFrom([]string{"/a/ready", "/a/ready", "/l/ready", "/a/b/c/ready"}).Draw(t, "ready")
		op.Version = rapid.Int32Range(-2, 3).Draw(t, "count")
		op.Data, op.ACL = []byte{}, rapid.SampledFrom(someACLs).Draw(t, "acl")
	case OpFence:
		op.Path = rapid.SampledFrom([]string{"f", "g"}).Draw(t, "fence")
		op.Czxid = rapid.Int64Range(0, 5).Draw(t, "token")
	}
	return op
}
