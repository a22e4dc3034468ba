package znode

import (
	"net/netip"
	"strconv"
	"strings"
)

// validID reports whether an ACL entry may name this identity. Scheme "auth" is not an
// identity, and "super" is not one that an ACL can grant anything to.
func validID(scheme, id string) bool {
	switch scheme {
	case "world":
		return id == "anyone"
	case "digest":
		return validDigest(id)
	case "ip":
		_, ok := parseNet(id)
		return ok
	case "x509":
		return validDN(id)
	case "sasl":
		return validPrincipal(id)
	}
	return false
}

// matches reports whether a credential is one that the ACL's id means.
func matches(scheme, id, credential string) bool {
	if scheme != "ip" {
		return id == credential
	}
	network, ok := parseNet(id)
	if !ok {
		return false
	}
	addr, err := netip.ParseAddr(credential)
	return err == nil && network.Contains(addr.WithZone(""))
}

// validDigest wants exactly two parts around a colon. Colons at the end do not count, because
// Java's split drops them.
func validDigest(id string) bool {
	return strings.Count(strings.TrimRight(id, ":"), ":") == 1
}

// parseNet reads an address with an optional number of leading bits, all of them without.
func parseNet(id string) (netip.Prefix, bool) {
	text, length, cut := strings.Cut(id, "/")
	addr, err := netip.ParseAddr(text)
	if err != nil || addr.Zone() != "" {
		return netip.Prefix{}, false
	}
	bits := addr.BitLen()
	if cut {
		n, err := strconv.ParseUint(length, 10, 8)
		if err != nil || int(n) > bits {
			return netip.Prefix{}, false
		}
		bits = int(n)
	}
	return netip.PrefixFrom(addr, bits), true
}

// validPrincipal wants primary[/instance]@REALM, or a plain name.
func validPrincipal(id string) bool {
	name, realm, qualified := strings.Cut(id, "@")
	if !qualified {
		return id != ""
	}
	return !strings.ContainsAny(realm, "/@") && strings.Count(name, "/") <= 1
}

// validDN wants a distinguished name in the manner of RFC 2253: key=value parts between commas,
// semicolons or pluses, of which a backslash or quotes take away the meaning.
func validDN(id string) bool {
	part := 0 // where the part at hand begins
	quoted := false
	for i := 0; i < len(id); i++ {
		switch id[i] {
		case '\\':
			i++
			if i == len(id) {
				return false
			}
		case '"':
			quoted = !quoted
		case ',', ';', '+':
			if quoted {
				continue
			}
			if !validAttribute(id[part:i]) {
				return false
			}
			part = i + 1
		}
	}
	return !quoted && validAttribute(id[part:])
}

func validAttribute(part string) bool {
	key, _, ok := strings.Cut(strings.TrimSpace(part), "=")
	key = strings.TrimSpace(key)
	if !ok || key == "" {
		return false
	}
	for i := range len(key) {
		switch c := key[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '.', c == '-':
		default:
			return false
		}
	}
	return true
}
