package znode

import "strconv"

// A Code says why an operation was refused. The negative ones are ZooKeeper's error codes and
// go over its wire as they are; the positive ones are ours. A Code is an error that
// [errors.Is] compares by value. Zero, [OK], is success: functions that return an error
// return nil instead of it.
type Code int32

// ZooKeeper's codes.
const (
	OK                         Code = 0
	ErrRuntimeInconsistency    Code = -2   // an operation of a multi behind the one that failed
	ErrMarshalling             Code = -5   // the request does not decode
	ErrUnimplemented           Code = -6   // no such operation
	ErrBadArguments            Code = -8   // a path, flag or number out of range
	ErrNoNode                  Code = -101 // the znode, or its parent, does not exist
	ErrNoAuth                  Code = -102 // an ACL forbids it
	ErrBadVersion              Code = -103 // the expected version is not the actual one
	ErrNoChildrenForEphemerals Code = -108 // the parent is ephemeral
	ErrNodeExists              Code = -110 // the znode to create exists
	ErrNotEmpty                Code = -111 // the znode to delete has children
	ErrSessionExpired          Code = -112 // the request's session is over, or was never there
	ErrInvalidACL              Code = -114 // an ACL list is empty or malformed
	ErrAuthFailed              Code = -115 // credentials were not accepted
	ErrSessionMoved            Code = -118 // the session belongs to another connection by now
	ErrNoWatcher               Code = -121 // no such watch
	ErrReconfigDisabled        Code = -123 // the ensemble is not changed through this door
	ErrQuotaExceeded           Code = -125 // a quota forbids it
)

// Our own codes. A door translates them; no ZooKeeper client may ever see one.
const (
	ErrHeld          Code = 1 // OpVacant: a contender stands there
	ErrStaleToken    Code = 2 // OpFence: the token is below the highest seen
	ErrFull          Code = 3 // the disk is too full for creates, growing sets and new sessions
	ErrSessionExists Code = 4 // OpOpen: the session is open already
	ErrNotOwner      Code = 5 // OpDelete with Own: the znode belongs to another session
	ErrTooLarge      Code = 6 // the request is larger than the quorum takes
	ErrNotHolder     Code = 7 // OpHeld, OpDowngrade: no contender of that token holds
	ErrImmovable     Code = 8 // OpHandOver: somebody stands in the queue who cannot be moved

	ErrNoPermits      Code = 20 // OpAcquirePermits with Try: not that many are free, or others wait
	ErrNoLimit        Code = 21 // OpAcquirePermits: the semaphore has no limit, and none was said
	ErrLimitDiffers   Code = 22 // OpAcquirePermits: another limit stands than was said
	ErrTooManyPermits Code = 23 // OpAcquirePermits: more are asked for than there are
)

// Error returns what the code means, in lower case.
func (c Code) Error() string {
	if text := c.text(); text != "" {
		return text
	}
	return "znode code " + strconv.Itoa(int(c))
}

func (c Code) text() string {
	switch c {
	case OK:
		return "ok"
	case ErrRuntimeInconsistency:
		return "rolled back with the operation that failed"
	case ErrMarshalling:
		return "malformed request"
	case ErrUnimplemented:
		return "operation not supported"
	case ErrBadArguments:
		return "bad arguments"
	case ErrNoNode:
		return "no such znode"
	case ErrNoAuth:
		return "not permitted by the ACL"
	case ErrBadVersion:
		return "version does not match"
	case ErrNoChildrenForEphemerals:
		return "ephemeral znodes cannot have children"
	case ErrNodeExists:
		return "znode exists"
	case ErrNotEmpty:
		return "znode has children"
	case ErrSessionExpired:
		return "session is over"
	case ErrInvalidACL:
		return "invalid ACL"
	case ErrAuthFailed:
		return "authentication refused"
	case ErrSessionMoved:
		return "session moved to another connection"
	case ErrNoWatcher:
		return "no such watch"
	case ErrReconfigDisabled:
		return "reconfiguration is disabled"
	case ErrQuotaExceeded:
		return "quota exceeded"
	case ErrHeld:
		return "held by another contender"
	case ErrStaleToken:
		return "token is below the highest seen"
	case ErrFull:
		return "disk is too full"
	case ErrSessionExists:
		return "session exists"
	case ErrNotOwner:
		return "znode belongs to another session"
	case ErrImmovable:
		return "a contender cannot be moved"
	case ErrTooLarge:
		return "request too large"
	case ErrNotHolder:
		return "not held under that token"
	case ErrNoPermits:
		return "not enough permits are free"
	case ErrNoLimit:
		return "semaphore has no limit"
	case ErrLimitDiffers:
		return "semaphore has another limit"
	case ErrTooManyPermits:
		return "more permits than the semaphore has"
	}
	return ""
}
