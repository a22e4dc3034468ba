// Package freeport finds TCP ports for tests whose servers must know their port before they
// listen.
package freeport

import (
	"fmt"
	"math/rand/v2"
	"net"
	"testing"
)

// The ports come from below the range from which systems choose ports for outgoing
// connections, so that no dialler takes one between Ports and the server's start; and from above
// those, up to 16,009, of which go-zookeeper's own tests take some without asking.
const low, high = 16_100, 30_000

// Ports returns n ports on 127.0.0.1 that nobody listens on. Where the system can, they stay
// reserved against other callers of Ports, other processes included, until tb ends.
func Ports(tb testing.TB, n int) []int {
	tb.Helper()
	ports := make([]int, 0, n)
	for try := 0; len(ports) < n; try++ {
		if try > 1000 {
			tb.Fatal("no free port found")
		}
		port := low + rand.IntN(high-low)
		release, ok := reserve(port)
		if !ok {
			continue
		}
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			release()
			continue
		}
		if err := l.Close(); err != nil {
			tb.Fatal(err)
		}
		tb.Cleanup(release)
		ports = append(ports, port)
	}
	return ports
}
