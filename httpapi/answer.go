package httpapi

import (
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/lockkeeper/lockkeeper/lease"
	"github.com/lockkeeper/lockkeeper/lock"
)

// An answer is JSON in the making. Writing it by hand saves the reflection and the garbage of
// an encoder on the way that every acquire and release takes.
type answer struct{ b []byte }

func (a *answer) reset() { a.b = a.b[:0] }

func (a *answer) open()  { a.b = append(a.b, '{') }
func (a *answer) close() { a.b = append(a.b, '}') }

// comma parts two members or elements.
func (a *answer) comma() {
	if n := len(a.b); n > 0 && a.b[n-1] != '{' && a.b[n-1] != '[' {
		a.b = append(a.b, ',')
	}
}

// key begins a member; name needs no escaping.
func (a *answer) key(name string) {
	a.comma()
	a.b = append(a.b, '"')
	a.b = append(a.b, name...)
	a.b = append(a.b, '"', ':')
}

// array writes a member with n elements.
func (a *answer) array(name string, n int, element func(i int)) {
	a.key(name)
	a.b = append(a.b, '[')
	for i := range n {
		a.comma()
		element(i)
	}
	a.b = append(a.b, ']')
}

func (a *answer) str(name, value string) {
	a.key(name)
	a.b = appendString(a.b, value)
}

// text is str where there is something to say.
func (a *answer) text(name, value string) {
	if value != "" {
		a.str(name, value)
	}
}

// strings writes a list of texts where there are any.
func (a *answer) strings(name string, list []string) {
	if len(list) > 0 {
		a.array(name, len(list), func(i int) { a.b = appendString(a.b, list[i]) })
	}
}

func (a *answer) num(name string, value int64) {
	a.key(name)
	a.b = strconv.AppendInt(a.b, value, 10)
}

func (a *answer) flag(name string, value bool) {
	a.key(name)
	a.b = strconv.AppendBool(a.b, value)
}

func (a *answer) span(name string, value time.Duration) { a.str(name, value.String()) }

// instant writes a time, if it is one.
func (a *answer) instant(name string, value time.Time) {
	if value.IsZero() {
		return
	}
	a.key(name)
	a.b = append(a.b, '"')
	a.b = value.UTC().AppendFormat(a.b, time.RFC3339Nano)
	a.b = append(a.b, '"')
}

func (a *answer) session(name string, id lease.ID) {
	if id != 0 {
		a.key(name)
		a.b = append(a.b, '"')
		a.b = appendHex(a.b, uint64(id))
		a.b = append(a.b, '"')
	}
}

func (a *answer) token(name string, t lock.Token) {
	if t != 0 {
		a.num(name, int64(t))
	}
}

// pairs writes labels or metadata, if there are any, in the order of their keys.
func (a *answer) pairs(name string, pairs map[string]string) {
	if len(pairs) == 0 {
		return
	}
	keys := make([]string, 0, len(pairs))
	for k := range pairs {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	a.key(name)
	a.open()
	for _, k := range keys {
		a.comma()
		a.b = appendString(a.b, k)
		a.b = append(a.b, ':')
		a.b = appendString(a.b, pairs[k])
	}
	a.close()
}

const hexDigits = "0123456789abcdef"

// appendHex appends what [lease.FormatID] returns.
func appendHex(b []byte, n uint64) []byte {
	for shift := 60; shift >= 0; shift -= 4 {
		b = append(b, hexDigits[n>>shift&15])
	}
	return b
}

// appendString appends s as a JSON string. What is not UTF-8 becomes U+FFFD.
func appendString(b []byte, s string) []byte {
	b = append(b, '"')
	start := 0 // of what is not appended yet
	for i := 0; i < len(s); {
		ch := s[i]
		if ch < utf8.RuneSelf {
			if ch >= 0x20 && ch != '"' && ch != '\\' {
				i++
				continue
			}
			b = append(b, s[start:i]...)
			switch ch {
			case '"', '\\':
				b = append(b, '\\', ch)
			case '\n':
				b = append(b, '\\', 'n')
			default:
				b = append(b, '\\', 'u', '0', '0', hexDigits[ch>>4], hexDigits[ch&15])
			}
			i++
			start = i
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && size == 1 {
			b = append(b, s[start:i]...)
			b = append(b, `\ufffd`...)
			i++
			start = i
			continue
		}
		i += size
	}
	b = append(b, s[start:]...)
	return append(b, '"')
}
