package znode

import (
	"cmp"
	"math"
	"strconv"
	"strings"
)

// sequenceDigits is how many digits a sequence number is printed with at least.
const sequenceDigits = 10

// families are what stands before the sequence number in the names of lock contenders, of all
// the client libraries that share our locks. Those of readers are shared.
var families = [...]struct {
	text   string
	shared bool
}{{"lock-", false}, {"latch-", false}, {"__lock__", false}, {"__rlock__", true}, {"__READ__", true}, {"__WRIT__", false}}

// protectedPrefix begins the name of a znode that its creator can find again by an id.
const protectedPrefix = "_c_"

// Contender reports whether a child of that name stands in the queue for a lock, and its place
// there: the number behind "lock-", "latch-", "__lock__", "__rlock__", "__READ__" or "__WRIT__", which
// has at least ten digits and ends the name. A number that does not fit counts as the largest,
// or smallest, there is. The further names of a lock that stands in its directory under several
// are no contenders of their own; see [Op].Twin.
func Contender(name string) (seq int64, ok bool) {
	if at := placeOf(name); at.contender {
		return at.seq, true
	}
	return 0, false
}

// Shared reports whether a child of that name is a contender that holds together with others of
// its kind: a reader, whose number stands behind "__READ__" or "__rlock__".
func Shared(name string) bool { return placeOf(name).shared }

// A standing is what a name says about a znode's place among its siblings.
type standing struct {
	seq       int64 // the largest there is for those without a number
	contender bool
	shared    bool // with contender: a reader
}

// compare orders two siblings by their numbers. Of one number a reader comes last: a writer that
// goes on as a reader keeps its number. Paths decide as names would, because the parents are the
// same.
func (at *standing) compare(b *standing, path, other string) int {
	switch {
	case at.seq != b.seq:
		return cmp.Compare(at.seq, b.seq)
	case at.shared != b.shared:
		if b.shared {
			return -1
		}
		return 1
	}
	return strings.Compare(path, other)
}

func placeOf(name string) standing {
	head, digits := cutDigits(name)
	if digits == "" {
		return standing{seq: math.MaxInt64}
	}
	if shared, ok := family(head); ok {
		at := standing{seq: parseSequence(digits, false), contender: !isTwin(head)}
		at.shared = shared && at.contender
		return at
	}
	if bare, minus := strings.CutSuffix(head, "-"); minus {
		if shared, ok := family(bare); ok {
			return standing{seq: parseSequence(digits, true), contender: true, shared: shared}
		}
	}
	return standing{seq: parseSequence(digits, false)}
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

// family reports whether a name without its number is a contender's, and whether a reader's.
func family(head string) (shared, ok bool) {
	for i := range families {
		if strings.HasSuffix(head, families[i].text) {
			return families[i].shared, true
		}
	}
	return false, false
}

// Place reports whether a name is one that a recipe gives to a place in a queue, or to a permit: the
// further names of a lock that stands under several are among them, and so is what bears somebody's id.
func Place(name string) bool {
	if strings.HasPrefix(name, protectedPrefix) {
		return true
	}
	head, digits := cutDigits(name)
	if digits == "" {
		return false
	}
	_, queued := family(strings.TrimSuffix(head, "-"))
	_, plain := family(head)
	return queued || plain || strings.HasSuffix(head, strings.TrimPrefix(leaseFamily, "-"))
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
