package quorumtest

import "go.uber.org/goleak"

// IgnoreEtcd is what goleak must not count after members have been closed: the idle connections
// that etcd's HTTP transport to its peers keeps, and leaves to time out, on both ends.
func IgnoreEtcd() []goleak.Option {
	var opts []goleak.Option
	for _, f := range []string{
		"net/http.(*persistConn).readLoop",
		"net/http.(*persistConn).writeLoop",
		"net/http.(*conn).serve",
		"net/http.(*connReader).backgroundRead",
	} {
		opts = append(opts, goleak.IgnoreAnyFunction(f))
	}
	return opts
}
