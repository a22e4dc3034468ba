package quorum

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// askOne asks the member whose client listener is at addr to let this one in.
func (r *resolved) askOne(ctx context.Context, addr *url.URL) (*joinReply, error) {
	creds, err := r.clientCredentials(addr.Scheme)
	if err != nil {
		return nil, err
	}
	conn, err := grpc.NewClient(addr.Host, grpc.WithTransportCredentials(creds))
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	body, err := json.Marshal(joinRequest{Name: r.Name, PeerURL: r.peerAdvertise.String()})
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second+r.Election)
	defer cancel()
	out := new(wrapperspb.BytesValue)
	if err := conn.Invoke(ctx, "/"+joinService+"/"+joinMethod, wrapperspb.Bytes(body), out); err != nil {
		return nil, err
	}
	var reply joinReply
	if err := json.Unmarshal(out.GetValue(), &reply); err != nil {
		return nil, fmt.Errorf("join reply: %w", err)
	}
	return &reply, nil
}

// clientCredentials are what dialling another member's client listener takes.
func (r *resolved) clientCredentials(scheme string) (credentials.TransportCredentials, error) {
	if scheme != "https" {
		return insecure.NewCredentials(), nil
	}
	conf, err := r.ClientTLS.Dial()
	if err != nil {
		return nil, err
	}
	return credentials.NewTLS(conf), nil
}

// Dial reads the files and returns the configuration for calls to another member's listener of
// the same kind. Without files it returns one that trusts the system's authorities.
func (t TLS) Dial() (*tls.Config, error) {
	conf := &tls.Config{MinVersion: tls.VersionTLS12}
	if t.Empty() {
		return conf, nil
	}
	cert, err := tls.LoadX509KeyPair(t.CertFile, t.KeyFile)
	if err != nil {
		return nil, fmt.Errorf("load certificate: %w", err)
	}
	ca, err := os.ReadFile(t.CAFile)
	if err != nil {
		return nil, fmt.Errorf("load authority: %w", err)
	}
	conf.Certificates, conf.RootCAs = []tls.Certificate{cert}, x509.NewCertPool()
	if !conf.RootCAs.AppendCertsFromPEM(ca) {
		return nil, fmt.Errorf("load authority: no certificate in %s", t.CAFile)
	}
	return conf, nil
}

// Dial returns a connection to the client listener of another member, which makes itself when
// it is first used. The caller must close it. The error is ErrNoMember where the member is not
// known, or has not published its address yet.
func (m *Member) Dial(member uint64) (*grpc.ClientConn, error) {
	for _, info := range m.Members() {
		if info.ID != member || len(info.ClientURLs) == 0 {
			continue
		}
		addr, err := url.Parse(info.ClientURLs[0])
		if err != nil {
			return nil, fmt.Errorf("address of member %x: %w", member, err)
		}
		creds, err := m.cfg.clientCredentials(addr.Scheme)
		if err != nil {
			return nil, err
		}
		return grpc.NewClient(addr.Host, grpc.WithTransportCredentials(creds),
			grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(MaxTxnBytes), grpc.MaxCallSendMsgSize(MaxTxnBytes)),
			grpc.WithConnectParams(grpc.ConnectParams{Backoff: dialBackoff, MinConnectTimeout: time.Second}))
	}
	return nil, fmt.Errorf("member %x: %w", member, ErrNoMember)
}

// ErrNoMember is returned for a member that is not known here.
var ErrNoMember = errors.New("no such member, or its address is not known yet")

// dialBackoff keeps a member that comes back from being missed for long.
var dialBackoff = backoff.Config{BaseDelay: 50 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: time.Second}
