package quorum_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/lockkeeper/lockkeeper/internal/quorumtest"
)

// echo is a service of one method that answers with what it was sent.
var echo = grpc.ServiceDesc{
	ServiceName: "lockkeeper.test.Echo",
	HandlerType: (*any)(nil),
	Methods: []grpc.MethodDesc{{MethodName: "Say", Handler: func(srv any, ctx context.Context, decode func(any) error, intercept grpc.UnaryServerInterceptor) (any, error) {
		in := new(wrapperspb.BytesValue)
		if err := decode(in); err != nil {
			return nil, err
		}
		info := &grpc.UnaryServerInfo{Server: srv, FullMethod: "/lockkeeper.test.Echo/Say"}
		return intercept(ctx, in, info, func(_ context.Context, in any) (any, error) { return in, nil })
	}}},
}

func TestListenerServesOnlyOurs(t *testing.T) {
	cfg := quorumtest.Config(t, "m1")
	served := make(chan map[string]grpc.ServiceInfo, 1)
	cfg.ServicePrefix = []string{"lockkeeper.test"}
	cfg.Register = func(s *grpc.Server) {
		s.RegisterService(&echo, struct{}{})
		served <- s.GetServiceInfo()
	}
	m := quorumtest.Start(t, cfg)
	quorumtest.Ready(t, m)
	addr := strings.TrimPrefix(cfg.ClientURL, "http://")
	conn, err := grpc.NewClient(addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()

	out := new(wrapperspb.BytesValue)
	if err := conn.Invoke(t.Context(), "/lockkeeper.test.Echo/Say", wrapperspb.Bytes([]byte("hi")), out, grpc.WaitForReady(true)); err != nil || string(out.GetValue()) != "hi" {
		t.Errorf("own service answered %q, %v", out.GetValue(), err)
	}
	if _, err := healthpb.NewHealthClient(conn).Check(t.Context(), &healthpb.HealthCheckRequest{}); err != nil {
		t.Errorf("health = %v", err)
	}

	open := []string{"lockkeeper.test.Echo", "lockkeeper.Join", "grpc.health.v1.Health"}
	refused := 0
	for service, info := range <-served {
		if slices.Contains(open, service) {
			continue
		}
		for _, method := range info.Methods {
			name := "/" + service + "/" + method.Name
			if got := status.Code(call(t.Context(), conn, name, method)); got != codes.PermissionDenied {
				t.Errorf("%s = %v; want PermissionDenied", name, got)
			}
			refused++
		}
	}
	if refused < 40 {
		t.Errorf("refused %d methods; etcd has more", refused)
	}

	before := m.Revision()
	client, err := clientv3.New(clientv3.Config{Endpoints: []string{cfg.ClientURL}})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	_, putErr := client.Put(t.Context(), "a", "b")
	_, getErr := client.Get(t.Context(), "a")
	_, grantErr := client.Grant(t.Context(), 10)
	_, listErr := client.MemberList(t.Context())
	_, statusErr := client.Status(t.Context(), cfg.ClientURL)
	_, authErr := client.AuthEnable(t.Context())
	for i, err := range []error{putErr, getErr, grantErr, listErr, statusErr, authErr} {
		if !strings.Contains(err.Error(), codes.PermissionDenied.String()) {
			t.Errorf("call %d of an etcd client = %v; want PermissionDenied", i, err)
		}
	}
	if resp, ok := <-client.Watch(t.Context(), "a"); ok && resp.Err() == nil {
		t.Errorf("watch of an etcd client = %+v", resp)
	}
	if got := m.Revision(); got != before {
		t.Errorf("revision moved from %d to %d", before, got)
	}

	for _, path := range []string{"/metrics", "/health", "/version", "/debug/vars", "/v3/kv/put"} {
		if resp, err := http.Get(cfg.ClientURL + path); err == nil {
			resp.Body.Close()
			t.Errorf("GET %s = %s; want no HTTP at all", path, resp.Status)
		}
	}
	http.DefaultClient.CloseIdleConnections()
}

// call calls method with an empty message and returns its error.
func call(ctx context.Context, conn *grpc.ClientConn, name string, method grpc.MethodInfo) error {
	if !method.IsClientStream && !method.IsServerStream {
		return conn.Invoke(ctx, name, &emptypb.Empty{}, &emptypb.Empty{})
	}
	s, err := conn.NewStream(ctx, &grpc.StreamDesc{ClientStreams: true, ServerStreams: true}, name)
	if err != nil {
		return err
	}
	return errors.Join(s.CloseSend(), s.RecvMsg(&emptypb.Empty{}))
}
