package quorum

import (
	"context"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// A gate refuses every call on the client listener that is not one of ours. etcd registers
// its own services on the same server, and whoever reached those could write keys past all
// the rules of the layers above.
type gate struct {
	allowed []string // services, or packages of services
}

func newGate(prefixes []string) *gate {
	return &gate{allowed: append([]string{"grpc.health.v1.Health", joinService}, prefixes...)}
}

// options puts the gate before etcd's own interceptors.
func (g *gate) options() []grpc.ServerOption {
	return []grpc.ServerOption{grpc.UnaryInterceptor(g.unary), grpc.StreamInterceptor(g.stream)}
}

func (g *gate) unary(ctx context.Context, req any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
	if err := g.check(info.FullMethod); err != nil {
		return nil, err
	}
	return next(ctx, req)
}

func (g *gate) stream(srv any, s grpc.ServerStream, info *grpc.StreamServerInfo, next grpc.StreamHandler) error {
	if err := g.check(info.FullMethod); err != nil {
		return err
	}
	return next(srv, s)
}

// check takes a full method, "/package.Service/Method".
func (g *gate) check(method string) error {
	service, _, _ := strings.Cut(strings.TrimPrefix(method, "/"), "/")
	for _, name := range g.allowed {
		if covers(name, service) {
			return nil
		}
	}
	return status.Errorf(codes.PermissionDenied, "%s is not served here", method)
}

// covers reports whether name is service or a package that holds it.
func covers(name, service string) bool {
	rest, ok := strings.CutPrefix(service, name)
	return ok && (rest == "" || rest[0] == '.')
}

// reservedService reports whether name would let one of etcd's services through.
func reservedService(name string) bool {
	for _, etcds := range []string{"etcdserverpb", "v3lockpb", "v3electionpb"} {
		if covers(name, etcds) || covers(etcds, name) {
			return true
		}
	}
	return false
}
