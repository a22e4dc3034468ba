package store

import "github.com/lockkeeper/lockkeeper/znode"

// maxRequest is the size above which a request is refused where it comes in, in bytes. It would
// never fit into a transaction, and on its way there it would break the stream to the writer,
// with all the requests that share it. What a smaller one comes to, with the parents that it
// makes, can still be too much: then the log says so.
const maxRequest = 16 << 20

// requestSize tells about how many bytes a request takes.
func requestSize(r *znode.Request) int {
	const perOp = 64
	n := perOp
	for i := range r.Ops {
		op := &r.Ops[i]
		n += perOp + len(op.Path) + len(op.Data) + len(op.Protected) + len(op.Note)
		if op.Twin {
			n += perOp + len(op.Path) + len(op.Data)
		}
		for _, a := range op.ACL {
			n += len(a.Scheme) + len(a.ID) + 8
		}
		for k, v := range op.Session.Labels {
			n += len(k) + len(v) + 8
		}
	}
	for _, c := range r.Auth {
		n += len(c.Scheme) + len(c.ID) + 8
	}
	return n
}

// tooLarge is the outcome of a request above maxRequest. It needs no log: it is true whatever
// else happens.
func tooLarge(r *znode.Request, revision int64) znode.Outcome {
	return znode.Outcome{Code: znode.ErrTooLarge, Results: make([]znode.Result, len(r.Ops)), Revision: revision}
}
