package record

import (
	"slices"

	"github.com/lockkeeper/lockkeeper/znode"
)

// What an ACL's first number says; from aclList on it is the length plus aclList.
const (
	aclNil  = 0
	aclOpen = 1 // world:anyone:cdrwa, which nearly every znode has
	aclList = 2
)

// minACL is the least that one entry of an ACL takes: perms and two empty strings.
const minACL = 3

// appendACL appends an ACL. The open one takes one byte.
func appendACL(dst []byte, list []znode.ACL) []byte {
	switch {
	case list == nil:
		return append(dst, aclNil)
	case slices.Equal(list, znode.OpenACL):
		return append(dst, aclOpen)
	}
	dst = appendCount(dst, len(list)+aclList)
	for i := range list {
		dst = appendInt32(dst, int32(list[i].Perms))
		dst = appendString(dst, list[i].Scheme)
		dst = appendString(dst, list[i].ID)
	}
	return dst
}

// acl takes an ACL. The open one is the shared [znode.OpenACL].
func (r *reader) acl() []znode.ACL {
	n := r.uvarint()
	switch n {
	case aclNil:
		return nil
	case aclOpen:
		return znode.OpenACL
	}
	list := make([]znode.ACL, r.fit(n-aclList, minACL))
	r.each(len(list), minACL, func(i int) {
		list[i] = znode.ACL{Perms: znode.Perm(r.int32()), Scheme: r.string(), ID: r.string()}
	})
	r.present(!slices.Equal(list, znode.OpenACL))
	return list
}
