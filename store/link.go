package store

import (
	"context"
	"fmt"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/lockkeeper/lockkeeper/internal/clock"
	"github.com/lockkeeper/lockkeeper/store/record"
)

// Service is the gRPC service that members forward their requests over. The quorum's listener
// must let it through.
const Service = "lockkeeper.Forward"

const (
	method    = "Stream"
	linkQueue = 1 << 16 // messages to one member that wait to be sent; a member so far behind is cut
)

var streamDesc = grpc.StreamDesc{StreamName: method, ServerStreams: true, ClientStreams: true}

// A Link is the writer's end of the forwarding streams. Its Register is given to the quorum,
// which starts before the store. The zero Link is ready for use; it refuses streams until a
// store is attached to it.
type Link struct {
	mu    sync.Mutex
	store *Store
}

// Register adds the forwarding service to g.
func (l *Link) Register(g *grpc.Server) {
	g.RegisterService(&grpc.ServiceDesc{
		ServiceName: Service,
		HandlerType: (*any)(nil),
		Streams: []grpc.StreamDesc{{
			StreamName: method, ServerStreams: true, ClientStreams: true,
			Handler: func(_ any, s grpc.ServerStream) error { return l.serve(s) },
		}},
	}, l)
}

func (l *Link) attach(s *Store) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.store = s
}

// detach stops taking streams; those that are open end with the store's context.
func (l *Link) detach() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.store = nil
}

// serve runs one stream of another member. gRPC's server waits for it.
func (l *Link) serve(g grpc.ServerStream) error {
	l.mu.Lock()
	s := l.store
	if s != nil {
		s.wg.Add(1) // under the lock that detach takes, so before Close waits
	}
	l.mu.Unlock()
	if s == nil {
		return status.Error(codes.Unavailable, "member is starting or stopping")
	}
	defer s.wg.Done()

	var first wrapperspb.BytesValue
	if err := g.RecvMsg(&first); err != nil {
		return err
	}
	m, err := record.DecodeMessage(first.Value)
	if err != nil || m.Kind != record.HelloKind {
		return status.Error(codes.InvalidArgument, "a stream starts with a hello")
	}
	return s.serveLink(g, m.Hello)
}

// A serverLink is one open stream of another member.
type serverLink struct {
	ctx    context.Context // the stream's life
	cancel context.CancelFunc

	mu    sync.Mutex
	queue []record.Message
	wake  chan struct{}
}

// push queues a message. It never blocks: a member that does not read is cut.
func (l *serverLink) push(m record.Message) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.queue) >= linkQueue {
		l.cancel()
		return
	}
	l.queue = append(l.queue, m)
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

func (s *Store) serveLink(g grpc.ServerStream, hello record.Hello) error {
	l := &serverLink{wake: make(chan struct{}, 1)}
	l.ctx, l.cancel = context.WithCancel(g.Context())
	defer l.cancel()
	defer context.AfterFunc(s.ctx, l.cancel)()

	s.mu.Lock()
	now := clock.Boot()
	s.streams++
	id := s.streams
	s.links[id] = l
	s.lead(now)
	s.writer.open(now, id, hello.Member, hello.Incarnation)
	s.settle(now)
	s.mu.Unlock()

	var receiver sync.WaitGroup
	receiver.Go(func() {
		defer l.cancel()
		s.receiveLink(g, id)
	})
	err := l.send(g)

	s.mu.Lock()
	delete(s.links, id)
	s.writer.closed(id)
	s.mu.Unlock()
	// The receiver ends when this handler returns: gRPC cancels its stream then. Nothing it
	// may still hand over counts, because the writer no longer knows the stream.
	return err
}

// receiveLink hands the member's messages to the writer.
func (s *Store) receiveLink(g grpc.ServerStream, id streamID) {
	for {
		var b wrapperspb.BytesValue
		if err := g.RecvMsg(&b); err != nil {
			return
		}
		m, err := record.DecodeMessage(b.Value)
		if err != nil || m.Kind != record.ForwardKind {
			s.log.Warn("a member sent what cannot be read", "err", err)
			return
		}
		s.mu.Lock()
		now := clock.Boot() // after the arrival: a touch must not look older than it is
		s.lead(now)
		s.writer.receive(now, id, &m.Forward)
		s.settle(now)
		s.mu.Unlock()
	}
}

// send writes what is queued, until the stream ends.
func (l *serverLink) send(g grpc.ServerStream) error {
	for {
		select {
		case <-l.wake:
		case <-l.ctx.Done():
			return status.Error(codes.Unavailable, "this member does not serve as the writer")
		}
		l.mu.Lock()
		list := l.queue
		l.queue = nil
		l.mu.Unlock()
		for i := range list {
			b := wrapperspb.BytesValue{Value: record.AppendMessage(nil, &list[i])}
			if err := g.SendMsg(&b); err != nil {
				return fmt.Errorf("send to member: %w", err)
			}
		}
	}
}
