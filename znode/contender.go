package znode

import (
	"math"
	"strconv"
	"strings"
)

// sequenceDigits is how many digits a sequence number is printed with at least.
const sequenceDigits = 10

// families are what stands before the sequence number in the names of lock contenders, of all
// the client libraries that share our locks.
var families = [...]string{"lock-", "__lock__", "__rlock__", "__READ__", "__WRIT__"}

// protectedPrefix begins the name of a znode that its creator can find again by an id.
const protectedPrefix = "_c_"

// Contender reports whether a child of that name stands in the queue for a lock, and its place
// there: the number behind "lock-", "__lock__", "__rlock__", "__READ__" or "__WRIT__", which
// has at least ten digits and ends the name. A number that does not fit counts as the largest,
// or smallest, there is. The second name of a lock that stands in its directory under two
// ("k", 32 hexadecimal digits, "__lock__", the number) is no contender of its own.
func Contender(name string) (seq int64, ok bool) {
	head, digits := cutDigits(name)
	if digits == "" {
		return 0, false
	}
	if endsInFamily(head) {
		return parseSequence(digits, false), !isTwin(head)
	}
	if bare, minus := strings.CutSuffix(head, "-"); minus && endsInFamily(bare) {
		return parseSequence(digits, true), true
	}
	return 0, false
}

// Sequence returns the number that ends a name, if it has at least ten digits, as those of
// sequential znodes do. A number that does not fit counts as the largest there is.
func Sequence(name string) (seq int64, ok bool) {
	_, digits := cutDigits(name)
	if digits == "" {
		return 0, false
	}
	return parseSequence(digits, false), true
}

// cutDigits cuts off the digits at the end, if they are enough for a sequence number.
func cutDigits(name string) (head, digits string) {
	i := len(name)
	for i > 0 && '0' <= name[i-1] && name[i-1] <= '9' {
		i--
	}
	if len(name)-i < sequenceDigits {
		return name, ""
	}
	return name[:i], name[i:]
}

func endsInFamily(s string) bool {
	for _, family := range families {
		if strings.HasSuffix(s, family) {
			return true
		}
	}
	return false
}

func parseSequence(digits string, negative bool) int64 {
	n := int64(0)
	for i := range len(digits) {
		d := int64(digits[i] - '0')
		if n > (math.MaxInt64-d)/10 {
			if negative {
				return math.MinInt64
			}
			return math.MaxInt64
		}
		n = n*10 + d
	}
	if negative {
		return -n
	}
	return n
}

// numbered appends a sequence number to the path of a sequential create.
func numbered(path string, creates int64) string {
	var buf [96]byte
	b := append(buf[:0], path...)
	for limit := int64(1_000_000_000); limit > 1 && creates < limit; limit /= 10 {
		b = append(b, '0')
	}
	return string(strconv.AppendInt(b, creates, 10))
}

// place returns what orders a znode among its siblings. Those without a number come last.
func place(name string) (seq int64, contender bool) {
	if seq, ok := Contender(name); ok {
		return seq, true
	}
	if seq, ok := Sequence(name); ok {
		return seq, false
	}
	return math.MaxInt64, false
}
