package quorum

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.etcd.io/etcd/client/pkg/v3/types"
	"go.etcd.io/etcd/server/v3/etcdserver/api/membership"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// joinService is how a new member asks a running one to be let in. Its messages are JSON in
// a protobuf BytesValue, since the listener's codec takes nothing but protobuf.
const (
	joinService = "lockkeeper.Join"
	joinMethod  = "Add"
)

// A joinRequest is sent by the member that wants in.
type joinRequest struct {
	Name    string `json:"name"`
	PeerURL string `json:"peer_url"`
}

// A joinReply lists the members, the new one included.
type joinReply struct {
	Members []joinMember `json:"members"`
}

type joinMember struct {
	ID       types.ID `json:"id"`
	Name     string   `json:"name"`
	PeerURLs []string `json:"peer_urls"`
}

// A joinServer is a Member that serves joinService.
type joinServer Member

var joinDesc = grpc.ServiceDesc{
	ServiceName: joinService,
	HandlerType: (*any)(nil),
	Methods:     []grpc.MethodDesc{{MethodName: joinMethod, Handler: handleJoin}},
}

func handleJoin(srv any, ctx context.Context, decode func(any) error, intercept grpc.UnaryServerInterceptor) (any, error) {
	in := new(wrapperspb.BytesValue)
	if err := decode(in); err != nil {
		return nil, err
	}
	handle := func(ctx context.Context, in any) (any, error) {
		return (*Member)(srv.(*joinServer)).handleJoin(ctx, in.(*wrapperspb.BytesValue))
	}
	if intercept == nil {
		return handle(ctx, in)
	}
	return intercept(ctx, in, &grpc.UnaryServerInfo{Server: srv, FullMethod: "/" + joinService + "/" + joinMethod}, handle)
}

func (m *Member) handleJoin(ctx context.Context, in *wrapperspb.BytesValue) (*wrapperspb.BytesValue, error) {
	var req joinRequest
	if err := json.Unmarshal(in.GetValue(), &req); err != nil {
		return nil, status.Errorf(codes.InvalidArgument, "join request: %v", err)
	}
	urls, err := types.NewURLs([]string{req.PeerURL})
	if err != nil || req.Name == "" {
		return nil, status.Errorf(codes.InvalidArgument, "join request of %q at %q", req.Name, req.PeerURL)
	}
	reply, err := m.admit(ctx, req, urls)
	if err != nil {
		return nil, err
	}
	out, err := json.Marshal(reply)
	if err != nil {
		return nil, err
	}
	return wrapperspb.Bytes(out), nil
}

// admit adds a learner, unless an earlier, lost request has. Errors that asking again cannot
// heal have the code AlreadyExists.
func (m *Member) admit(ctx context.Context, req joinRequest, urls types.URLs) (*joinReply, error) {
	if err := m.ReadIndex(ctx); err != nil { // the list below must be current
		return nil, status.Error(codes.Unavailable, err.Error())
	}
	all := m.server.Cluster().Members()
	for _, e := range all {
		switch {
		case slices.Contains(e.PeerURLs, req.PeerURL) && !e.IsStarted():
			return newJoinReply(all), nil
		case slices.Contains(e.PeerURLs, req.PeerURL):
			return nil, status.Errorf(codes.AlreadyExists, "%s is the address of member %q (%s): start it with its own data directory, or remove it first (lockkeeper member remove)", req.PeerURL, e.Name, e.ID)
		case e.Name == req.Name:
			return nil, status.Errorf(codes.AlreadyExists, "there is a member %q (%s) already: choose another name, or remove that one first (lockkeeper member remove)", e.Name, e.ID)
		}
	}
	now := time.Now()
	id, all, err := m.addLearner(ctx, membership.NewMemberAsLearner("", urls, "", &now))
	if err != nil {
		return nil, status.Error(codes.Unavailable, err.Error())
	}
	m.log.Info("learner was added", "name", req.Name, "id", id.String(), "peer", req.PeerURL)
	return newJoinReply(all), nil
}

func newJoinReply(all []*membership.Member) *joinReply {
	reply := &joinReply{}
	for _, e := range all {
		reply.Members = append(reply.Members, joinMember{ID: e.ID, Name: e.Name, PeerURLs: e.PeerURLs})
	}
	return reply
}

// askToJoin asks the members at r.join in turn, until one has let this member in or ctx ends,
// and returns the members in etcd's notation.
func (r *resolved) askToJoin(ctx context.Context) (string, error) {
	for {
		var errs []error
		for _, addr := range r.join {
			reply, err := r.askOne(ctx, addr)
			if err == nil {
				return r.members(reply), nil
			}
			err = fmt.Errorf("ask %v: %w", addr, err)
			if c := status.Code(err); c == codes.AlreadyExists || c == codes.InvalidArgument {
				return "", err
			}
			errs = append(errs, err)
		}
		err := errors.Join(errs...)
		r.Logger.Debug("not let in yet", "err", err)
		if !wait(ctx, pause) {
			return "", fmt.Errorf("%w: %w", context.Cause(ctx), err)
		}
	}
}

// members turns a reply into etcd's notation. Members are told apart by their addresses; the
// names must only differ.
func (r *resolved) members(reply *joinReply) string {
	var list []string
	for _, e := range reply.Members {
		name := e.Name
		switch {
		case slices.Contains(e.PeerURLs, r.peerAdvertise.String()):
			name = r.Name
		case name == "" || name == r.Name:
			name = e.ID.String()
		}
		for _, u := range e.PeerURLs {
			list = append(list, name+"="+u)
		}
	}
	return strings.Join(list, ",")
}
