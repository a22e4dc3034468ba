package record

import (
	"strings"

	"github.com/lockkeeper/lockkeeper/znode"
)

// take takes the next entry of a change list.
func (t *trail) take(r *reader, c *znode.Change) {
	head := r.fixed32()
	c.Kind = znode.ChangeKind(head & changeKind)
	if c.Kind < znode.Created || c.Kind > znode.Rested {
		r.fail("unknown kind of change")
		return
	}
	if head&changeUnused != 0 {
		r.fail("unknown flags")
		return
	}
	c.Aux, c.Last, c.Expired = head&changeAux != 0, head&changeLast != 0, head&changeExpired != 0
	c.Request = t.takeRequest(r, head>>changeRequest&twoBits)
	if head&changeSession != 0 {
		delta := r.delta()
		r.present(delta != 0)
		t.session += znode.SessionID(delta)
	}
	c.Session = t.session
	c.Zxid = t.takeZxid(r, head>>changeZxid&twoBits)
	if head&changeTime != 0 {
		delta := r.delta()
		r.present(delta != 0)
		t.time += delta
	}
	c.Time = t.time
	c.Path = t.takePath(r, head>>changePath&twoBits, c.Kind)
	switch head >> changeOwner & twoBits {
	case ownerNone:
	case ownerSession:
		c.Owner = c.Session
		r.present(c.Owner != 0)
	case ownerOther:
		c.Owner = znode.SessionID(r.int64())
		r.present(c.Owner != 0 && c.Owner != c.Session)
	default:
		r.fail("unknown flags")
	}
	takeChangeRest(r, head, c)
}

func (t *trail) takeZxid(r *reader, mode uint32) int64 {
	if mode == zxidNone {
		return 0
	}
	switch mode {
	case zxidNext:
		t.zxid++
	case zxidDelta:
		delta := r.delta()
		r.present(delta != 0 && delta != 1)
		t.zxid += delta
	}
	r.present(t.zxid != 0)
	return t.zxid
}

func (t *trail) takePath(r *reader, mode uint32, kind znode.ChangeKind) string {
	last := t.path
	kept := kind == znode.Created || kind == znode.FenceRaised // the tree keeps these
	switch mode {
	case pathNone:
		t.path = ""
	case pathSame:
		r.present(last != "")
		if kept && t.shared {
			t.path, t.shared = strings.Clone(last), false
		}
	case pathFull:
		if kept {
			t.path = r.string()
		} else {
			t.path = r.shared()
		}
		t.shared = !kept
		r.present(t.path != "" && t.path != last)
	default:
		r.fail("unknown flags")
	}
	return t.path
}

// takeChangeRest takes what appendChangeRest appended.
func takeChangeRest(r *reader, head uint32, c *znode.Change) {
	if head&changeNode != 0 {
		c.Node = r.nodeKind()
	}
	if head&changeTTL != 0 {
		c.TTL = r.int64()
		r.present(c.TTL != 0)
	}
	if head&changeVersion != 0 {
		c.Version = r.int32()
		r.present(c.Version != 0)
	}
	if head&changeAversion != 0 {
		c.Aversion = r.int32()
		r.present(c.Aversion != 0)
	}
	if head&changeLength != 0 {
		c.Length = r.int32()
		r.present(c.Length != 0)
	}
	if head&changeStep != 0 {
		c.Step = r.int32()
		r.present(c.Step != 0)
	}
	if head&changeACL != 0 {
		c.ACL = r.acl()
		r.present(c.ACL != nil)
	}
	if head&changeCode != 0 {
		c.Code = znode.Code(r.delta32())
		r.present(c.Code != znode.OK)
	}
	if head&changeToken != 0 {
		c.Token = r.int64()
		r.present(c.Token != 0)
	}
	if head&changeRecord != 0 {
		c.Record = r.session()
		r.present(!isZero(&c.Record))
	}
	c.Repeated = head&changeRepeated != 0
	if head&changeNote != 0 {
		c.Note = r.shared()
		r.present(c.Note != "")
	}
	if head&changeMoved != 0 {
		c.Moved = r.int64()
		r.present(c.Moved != 0)
	}
}
