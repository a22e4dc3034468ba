package quorum

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	"go.etcd.io/etcd/client/pkg/v3/types"
	"go.etcd.io/etcd/server/v3/etcdserver"
	"go.etcd.io/etcd/server/v3/etcdserver/api/membership"
)

// ErrForgotten is returned by [Start] where the cluster of InitialCluster runs and counts this member,
// whose data directory holds nothing: it has voted, and does not know for what.
var ErrForgotten = errors.New("the cluster counts this member, whose data directory is empty")

// foundedTimeout bounds the question to the other founders. Where nobody answers, nothing runs.
const foundedTimeout = 2 * time.Second

// lookForCluster asks the other founders whether the cluster of InitialCluster has been founded, and
// returns the client addresses of its members where this one is none of them any more: then it joins
// them. It returns none where the cluster is still to be founded, with this member; and ErrForgotten
// where it counts. A cluster with another id was founded by another list, and is none of its business.
func (r *resolved) lookForCluster(ctx context.Context) (join []*url.URL, err error) {
	founders, err := types.NewURLsMap(r.initialCluster())
	if err != nil {
		return nil, fmt.Errorf("--initial-cluster: %w", err)
	}
	planned, err := membership.NewClusterFromURLsMap(nil, clusterToken, founders)
	if err != nil {
		return nil, fmt.Errorf("--initial-cluster: %w", err)
	}
	running, err := r.askFounders(ctx, planned)
	if err != nil {
		return nil, err
	}
	var counts *membership.Member
	for _, c := range running {
		own := memberAt(c, r.peerAdvertise.String())
		switch {
		case own == nil || own.IsLearner: // the latter was let in by its address
			join = append(join, clientAddresses(c)...)
		case len(own.ClientURLs) > 0: // it has met the others; until then they are being founded
			counts = own
		}
	}
	if len(join) > 0 { // who asks to be let in is told what counts
		r.Logger.Info("the cluster has been founded without this member, which joins it")
		return join, nil
	}
	if counts != nil {
		return nil, fmt.Errorf("%w: if its data is lost for good, run \"lockkeeper member remove %s\" and start it again, and it will join", ErrForgotten, counts.Name)
	}
	return nil, nil
}

// askFounders returns the cluster as each of the other founders knows it that answers, if it is the
// planned one.
func (r *resolved) askFounders(ctx context.Context, planned *membership.RaftCluster) ([]*membership.RaftCluster, error) {
	conf, err := r.PeerTLS.Dial()
	if err != nil {
		return nil, err
	}
	transport := &http.Transport{TLSClientConfig: conf}
	defer transport.CloseIdleConnections()
	ctx, cancel := context.WithTimeout(ctx, foundedTimeout)
	defer cancel()
	var mu sync.Mutex
	var running []*membership.RaftCluster
	var wg sync.WaitGroup
	for _, m := range planned.Members() {
		if slices.Contains(m.PeerURLs, r.peerAdvertise.String()) {
			continue
		}
		wg.Go(func() {
			c, err := etcdserver.GetClusterFromRemotePeers(nil, m.PeerURLs, until{ctx, transport})
			if err != nil || c.ID() != planned.ID() {
				return
			}
			mu.Lock()
			defer mu.Unlock()
			running = append(running, c)
		})
	}
	wg.Wait()
	return running, nil
}

// An until ends every request with its context.
type until struct {
	ctx context.Context
	to  http.RoundTripper
}

// RoundTrip is part of [http.RoundTripper].
func (u until) RoundTrip(q *http.Request) (*http.Response, error) {
	return u.to.RoundTrip(q.WithContext(u.ctx))
}

func memberAt(c *membership.RaftCluster, peer string) *membership.Member {
	for _, m := range c.Members() {
		if slices.Contains(m.PeerURLs, peer) {
			return m
		}
	}
	return nil
}

// clientAddresses are where the members that have started can be asked.
func clientAddresses(c *membership.RaftCluster) (list []*url.URL) {
	for _, m := range c.Members() {
		for _, text := range m.ClientURLs {
			if u, err := url.Parse(text); err == nil {
				list = append(list, u)
			}
		}
	}
	return list
}
