package quorum

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
)

// pingTimeout is how long a member may take to answer before it counts as silent.
const pingTimeout = time.Second

// Ping asks another member's client listener whether it is there, several times over one
// connection, and returns the median round trip. It takes as many round trips and one more for
// the connection, and ends with ctx. An error means that the member does not answer.
func (m *Member) Ping(ctx context.Context, id uint64, times int) (time.Duration, error) {
	conn, err := m.Dial(id)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	client := healthpb.NewHealthClient(conn)
	trips := make([]time.Duration, 0, times)
	for range times + 1 { // the first one makes the connection
		start := time.Now()
		// A refusal is an answer, too: the question is whether somebody is there.
		_, err := client.Check(ctx, &healthpb.HealthCheckRequest{})
		switch status.Code(err) {
		case codes.Unavailable, codes.DeadlineExceeded, codes.Canceled:
			return 0, fmt.Errorf("ping member %x: %w", id, err)
		}
		trips = append(trips, time.Since(start))
	}
	return median(trips[1:]), nil
}

// median sorts list, which must not be empty, and returns its middle.
func median(list []time.Duration) time.Duration {
	slices.Sort(list)
	return list[len(list)/2]
}

// answering asks all of list at once, and parts those that answer from those that do not.
func (m *Member) answering(ctx context.Context, list []MemberInfo) (alive, silent []MemberInfo) {
	ctx, cancel := context.WithTimeout(ctx, pingTimeout)
	defer cancel()
	answered := make([]bool, len(list))
	var wg sync.WaitGroup
	for i, info := range list {
		wg.Go(func() {
			if info.Self {
				answered[i] = true
				return
			}
			_, err := m.Ping(ctx, info.ID, 1)
			answered[i] = err == nil
		})
	}
	wg.Wait()
	for i, info := range list {
		if answered[i] {
			alive = append(alive, info)
		} else {
			silent = append(silent, info)
		}
	}
	return alive, silent
}
