package lock

import (
	"context"
	"fmt"

	"github.com/lockkeeper/lockkeeper/lease"
	"github.com/lockkeeper/lockkeeper/store"
	"github.com/lockkeeper/lockkeeper/znode"
)

// maxToken is the highest token there can be: exact as a JSON number.
const maxToken = 1<<53 - 1

// CheckFence passes a token through a fence: a token below the highest that the fence has seen
// is refused with a [*StaleTokenError], a higher one raises it. It is linearizable.
func (l *Locker) CheckFence(ctx context.Context, name string, token Token) (Fence, error) {
	if _, err := Path(name); err != nil {
		return Fence{}, err
	}
	if token <= 0 || token > maxToken {
		return Fence{}, &lease.InputError{Field: "token", Problem: fmt.Sprintf("%d is not a token", token), Fix: "send the token that an acquire returned"}
	}
	out, err := l.store.Do(ctx, &znode.Request{Ops: []znode.Op{{Kind: znode.OpFence, Path: name, Czxid: int64(token)}}})
	if err != nil {
		return Fence{}, err
	}
	highest := Token(0)
	if len(out.Results) > 0 {
		highest = Token(out.Results[0].Token)
	}
	switch out.Code {
	case znode.OK:
		return Fence{Name: name, Token: token, Revision: out.Revision}, nil
	case znode.ErrStaleToken:
		return Fence{}, &StaleTokenError{Fence: name, Token: token, Highest: highest}
	}
	return Fence{}, out.Code
}

// Fence returns the highest token that a fence has seen; 0: none.
func (l *Locker) Fence(ctx context.Context, name string, fresh store.Read) (Fence, error) {
	if _, err := Path(name); err != nil {
		return Fence{}, err
	}
	if err := l.store.Fresh(ctx, fresh); err != nil {
		return Fence{}, err
	}
	f := Fence{Name: name}
	l.store.View(func(t *znode.Tree, revision int64) {
		token, _ := t.Fence(name)
		f.Token, f.Revision = Token(token), revision
	})
	return f, nil
}
