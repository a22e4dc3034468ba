package znode

import (
	"slices"
	"strings"
)

// A Perm is a set of permissions.
type Perm int32

// The permissions. Create and delete are asked of the parent.
const (
	PermRead   Perm = 1 << iota // data, children, checks, events
	PermWrite                   // data
	PermCreate                  // of children
	PermDelete                  // of children
	PermAdmin                   // the ACL
	PermAll    = PermRead | PermWrite | PermCreate | PermDelete | PermAdmin
)

// An ACL is one entry of a znode's access control list: what the holders of an identity may do.
type ACL struct {
	Perms      Perm
	Scheme, ID string
}

// A Credential is an identity that a connection has proven. Every connection has one of scheme
// "ip"; one of scheme "super" passes every check.
type Credential struct {
	Scheme, ID string
}

// OpenACL lets everybody do everything. It is shared and must not be modified.
var OpenACL = []ACL{{PermAll, "world", "anyone"}}

// readACL lets everybody read and nobody but a super user do more.
var readACL = []ACL{{PermRead, "world", "anyone"}}

// share returns the one copy of the list that nearly every znode has, or list itself.
func share(list []ACL) []ACL {
	if len(list) == 1 && list[0] == OpenACL[0] {
		return OpenACL
	}
	return list
}

// ExpandACL returns the list as it is stored: without duplicates, and with entries of scheme
// "auth" replaced by the identities of the connection. It returns [ErrInvalidACL] if the list
// is empty, names no identity the connection has, or has an entry that is not well-formed.
// The result may share memory with the list.
func ExpandACL(list []ACL, auth []Credential) ([]ACL, error) {
	out, ok := expandACL(list, auth)
	if !ok {
		return nil, ErrInvalidACL
	}
	return out, nil
}

func expandACL(list []ACL, auth []Credential) ([]ACL, bool) {
	if len(list) == 0 {
		return nil, false
	}
	if len(list) == 1 && list[0].Scheme != "auth" {
		return share(list), validID(list[0].Scheme, list[0].ID)
	}
	out := make([]ACL, 0, len(list))
	for i, a := range list {
		if slices.Contains(list[:i], a) {
			continue
		}
		if a.Scheme != "auth" {
			if !validID(a.Scheme, a.ID) {
				return nil, false
			}
			out = append(out, a)
			continue
		}
		known := false
		for _, c := range auth {
			switch c.Scheme {
			case "digest", "x509", "sasl":
				out = append(out, ACL{a.Perms, c.Scheme, c.ID})
				known = true
			}
		}
		if !known {
			return nil, false
		}
	}
	return share(out), true
}

// Permits reports whether the list grants at least one of the permissions p to a connection
// with these credentials. An empty list grants everything.
func Permits(list []ACL, auth []Credential, p Perm) bool {
	if len(list) == 0 {
		return true
	}
	for _, a := range list {
		if a.Perms&p != 0 && a.Scheme == "world" && a.ID == "anyone" {
			return true
		}
	}
	for _, c := range auth {
		if c.Scheme == "super" {
			return true
		}
		for _, a := range list {
			if a.Perms&p != 0 && a.Scheme == c.Scheme && matches(a.Scheme, a.ID, c.ID) {
				return true
			}
		}
	}
	return false
}

// MaskACL returns the list as those see it who may not administer the znode: with "x" in place
// of the password hashes. It leaves list as it is.
func MaskACL(list []ACL) []ACL {
	digest := func(a ACL) bool { return a.Scheme == "digest" }
	if !slices.ContainsFunc(list, digest) {
		return list
	}
	masked := slices.Clone(list)
	for i := range masked {
		if digest(masked[i]) {
			user, _, _ := strings.Cut(masked[i].ID, ":")
			masked[i].ID = user + ":x"
		}
	}
	return masked
}
