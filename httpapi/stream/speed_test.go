package stream_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/lockkeeper/lockkeeper/httpapi/stream"
	"github.com/lockkeeper/lockkeeper/httpapi/wire"
	"github.com/lockkeeper/lockkeeper/internal/membertest"
)

// BenchmarkCycle measures an acquire and a release over one stream to a real member, client and
// server in one process.
func BenchmarkCycle(b *testing.B) {
	for _, callers := range []int{1, 64, 256} {
		b.Run(fmt.Sprint(callers, "callers"), func(b *testing.B) {
			m := membertest.One(b)
			_, url := serve(b, m, stream.Limits{})
			p, s := greeted(b, url)
			var wg sync.WaitGroup
			b.ReportAllocs()
			b.ResetTimer()
			for i := range callers {
				n := b.N / callers
				if i < b.N%callers {
					n++
				}
				wg.Go(func() {
					name := fmt.Sprint("cycle/", i)
					for range n {
						h := p.ok(wire.Frame{Kind: wire.Acquire, Session: s, Name: name, WaitMS: -1})
						p.ok(wire.Frame{Kind: wire.Release, Session: s, Name: name, Token: h.Token})
					}
				})
			}
			wg.Wait()
		})
	}
}

// BenchmarkTouch measures keeping a stream of a thousand sessions alive, once.
func BenchmarkTouch(b *testing.B) {
	m := membertest.One(b)
	_, url := serve(b, m, stream.Limits{})
	p, _ := greeted(b, url)
	for range 999 {
		p.ok(wire.Frame{Kind: wire.Open, TTLMS: 60_000})
	}
	b.ReportAllocs()
	for b.Loop() {
		if f := p.ok(wire.Frame{Kind: wire.Touch}); len(f.Lost) > 0 {
			b.Fatalf("%d lost", len(f.Lost))
		}
	}
}

// BenchmarkOpenClose measures sessions that come and go over one stream.
func BenchmarkOpenClose(b *testing.B) {
	const callers = 64
	m := membertest.One(b)
	_, url := serve(b, m, stream.Limits{})
	p, _ := greeted(b, url)
	var wg sync.WaitGroup
	b.ResetTimer()
	for range callers {
		wg.Go(func() {
			for range b.N/callers + 1 {
				s := p.ok(wire.Frame{Kind: wire.Open}).Session
				p.ok(wire.Frame{Kind: wire.Close, Session: s})
			}
		})
	}
	wg.Wait()
}
