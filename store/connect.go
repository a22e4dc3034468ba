package store

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/lockkeeper/lockkeeper/internal/clock"
	"github.com/lockkeeper/lockkeeper/store/record"
)

const connectPause = 25 * time.Millisecond

// connectLoop keeps one stream open to the member that leads, itself included. Connections to
// other members are kept warm once made.
func (s *Store) connectLoop() {
	conns := map[uint64]*grpc.ClientConn{}
	defer func() {
		for _, c := range conns {
			c.Close()
		}
	}()
	for s.ctx.Err() == nil {
		leader := s.q.Leader()
		var err error
		switch leader {
		case 0:
		case s.self:
			s.connectLocal()
		default:
			err = s.connectRemote(leader, conns)
		}
		if err != nil && s.ctx.Err() == nil {
			s.log.Debug("forwarding stream ended", "leader", leader, "err", err)
		}
		sleep(s.ctx, connectPause)
	}
}

// connectLocal opens the stream to the writer beside this member, and waits for its end.
func (s *Store) connectLocal() {
	s.mu.Lock()
	now := clock.Boot()
	s.streams++
	s.local = s.streams
	ended := make(chan struct{})
	s.ended = ended
	hello := s.member.connected(s.local)
	s.lead(now)
	s.writer.open(now, s.local, hello.Member, hello.Incarnation)
	s.settle(now)
	s.mu.Unlock()
	select {
	case <-ended:
	case <-s.ctx.Done():
	}
}

// endLocal ends the stream between this member and its own writer. Store.mu is held.
func (s *Store) endLocal() {
	s.member.disconnected(s.local)
	s.local = 0
	close(s.ended)
}

// dropStream ends the member's stream, wherever it goes. Store.mu is held.
func (s *Store) dropStream() {
	if s.local != 0 {
		s.writer.closed(s.local)
		s.endLocal()
		return
	}
	if s.ended != nil {
		select {
		case <-s.ended:
		default:
			close(s.ended)
		}
	}
}

// connectRemote runs one stream to another member's writer until it ends, or until that
// member leads no longer.
func (s *Store) connectRemote(leader uint64, conns map[uint64]*grpc.ClientConn) error {
	conn := conns[leader]
	if conn == nil {
		var err error
		if conn, err = s.q.Dial(leader); err != nil {
			return fmt.Errorf("dial: %w", err)
		}
		conns[leader] = conn
	}
	ctx, cancel := context.WithCancel(s.ctx)
	defer cancel()
	g, err := conn.NewStream(ctx, &streamDesc, "/"+Service+"/"+method)
	if err != nil {
		conn.Close() // its address may have changed
		delete(conns, leader)
		return fmt.Errorf("open: %w", err)
	}

	s.mu.Lock()
	s.streams++
	id := s.streams
	ended := make(chan struct{})
	s.ended = ended
	hello := s.member.connected(id)
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		s.member.disconnected(id)
		s.mu.Unlock()
	}()
	if err := send(g, &record.Message{Kind: record.HelloKind, Hello: hello}); err != nil {
		return err
	}

	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	wg.Go(func() {
		defer cancel()
		s.watchLeader(ctx, leader, ended)
	})
	wg.Go(func() {
		defer cancel()
		s.sendRemote(ctx, g, id)
	})
	for {
		var b wrapperspb.BytesValue
		if err := g.RecvMsg(&b); err != nil {
			return err
		}
		m, err := record.DecodeMessage(b.Value)
		if err != nil {
			return err
		}
		s.mu.Lock()
		now := clock.Boot()
		s.hear(now, id, &m)
		s.settle(now)
		s.mu.Unlock()
	}
}

// watchLeader returns when leader leads no longer, as far as this member knows.
func (s *Store) watchLeader(ctx context.Context, leader uint64, ended <-chan struct{}) {
	tick := time.NewTicker(connectPause)
	defer tick.Stop()
	for s.q.Leader() == leader {
		select {
		case <-tick.C:
		case <-ended:
			return
		case <-ctx.Done():
			return
		}
	}
}

// sendRemote sends what the member has to send over its stream to another member's writer.
func (s *Store) sendRemote(ctx context.Context, g grpc.ClientStream, id streamID) {
	for {
		s.mu.Lock()
		now := clock.Boot()
		if s.member.stream != id {
			s.mu.Unlock()
			return
		}
		f, ok := s.member.forward(now, s.roundDue(now), forwardLimit)
		s.roundSent(now, &f)
		s.mu.Unlock()
		if ok {
			if send(g, &record.Message{Kind: record.ForwardKind, Forward: f}) != nil {
				return
			}
			continue
		}
		select {
		case <-s.wake:
		case <-ctx.Done():
			return
		}
	}
}

func send(g grpc.ClientStream, m *record.Message) error {
	if err := g.SendMsg(&wrapperspb.BytesValue{Value: record.AppendMessage(nil, m)}); err != nil {
		return errors.Join(errors.New("send to the writer"), err)
	}
	return nil
}

// sleep waits for d. It reports false when ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
