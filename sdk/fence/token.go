package fence

import (
	"context"
	"strconv"

	"github.com/lockkeeper/lockkeeper/sdk"
)

// Header is the header of HTTP requests that has the token, in decimal digits.
const Header = "Lockkeeper-Token"

// maxToken is the highest token there can be: tokens are exact as JSON numbers.
const maxToken = 1<<53 - 1

// What is wrong with what is no token, and what to do.
const (
	badToken = "is not a whole number from 1 to 9007199254740991, in digits alone"
	fixToken = "give the token of the hold as it is"
)

// A StaleError says which fence refused which token, and the highest that it has seen. It matches
// [sdk.ErrStaleToken], and is the very type of the cluster's fences: one [errors.AsType] finds the
// refusals of all.
type StaleError = sdk.StaleTokenError

// A Holder is what tells whether a lock is held still. [*sdk.Hold] is one. Its methods must not
// block, and be safe for concurrent use.
type Holder interface {
	// Token returns the fencing token, the same at each call.
	Token() sdk.Token
	// Err returns nil while the lock is held, and then why it is not.
	Err() error
}

// carried is what a context has for this package.
type carried struct {
	token  sdk.Token
	holder Holder // nil: there is only the token
}

type contextKey struct{}

// WithToken returns a context that has the token, for [Transport] and [TokenFrom].
func WithToken(ctx context.Context, token sdk.Token) context.Context {
	return context.WithValue(ctx, contextKey{}, carried{token: token})
}

// WithHold returns a context that has the token of a hold, as [WithToken] does, and by which
// [Transport] sends nothing once the hold is over.
func WithHold(ctx context.Context, hold Holder) context.Context {
	return context.WithValue(ctx, contextKey{}, carried{token: hold.Token(), holder: hold})
}

// TokenFrom returns the token that ctx has: of the request that [Middleware] let pass, or by
// [WithToken] and [WithHold]. Without one it is 0 and false.
func TokenFrom(ctx context.Context) (sdk.Token, bool) {
	c, ok := ctx.Value(contextKey{}).(carried)
	return c.token, ok && c.token > 0
}

// ParseToken reads a token as [Header] has it: a whole number from 1 to 2^53-1 in decimal digits,
// without sign, space or leading zero. Anything else is an [*sdk.InputError].
func ParseToken(text string) (sdk.Token, error) {
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil || n == 0 || n > maxToken || text[0] == '0' {
		return 0, &sdk.InputError{Field: "token", Problem: badToken, Fix: fixToken}
	}
	return sdk.Token(n), nil
}

// checkArguments refuses what no fence can judge.
func checkArguments(name string, token sdk.Token) error {
	switch {
	case name == "":
		return &sdk.InputError{Field: "name", Problem: "is empty", Fix: "name the fence, for instance as its lock"}
	case token <= 0 || token > maxToken:
		return &sdk.InputError{Field: "token", Problem: badToken, Fix: fixToken}
	}
	return nil
}
