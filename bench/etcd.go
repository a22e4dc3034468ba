package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"sync"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/client/v3/concurrency"
	"go.etcd.io/etcd/server/v3/embed"
	"go.uber.org/zap"
)

// etcdTTL is of the leases under etcd's locks, in seconds: its client's default.
const etcdTTL = 60

// beEtcd is etcd with its defaults, and its log in silence.
func beEtcd(ctx context.Context, cfg childConfig, ready func(string)) error {
	c := embed.NewConfig()
	c.Name, c.Dir, c.LogLevel = cfg.Name, cfg.Dir, "fatal" // its errors at closing are none
	client, err := url.Parse(fmt.Sprintf("http://127.0.0.1:%d", cfg.Ports.Client))
	if err != nil {
		return err
	}
	peer, err := url.Parse(fmt.Sprintf("http://127.0.0.1:%d", cfg.Ports.Peer))
	if err != nil {
		return err
	}
	c.ListenClientUrls, c.AdvertiseClientUrls = []url.URL{*client}, []url.URL{*client}
	c.ListenPeerUrls, c.AdvertisePeerUrls = []url.URL{*peer}, []url.URL{*peer}
	if c.InitialCluster = cfg.Cluster; cfg.Cluster == "" {
		c.InitialCluster = c.InitialClusterFromName(c.Name)
	}
	e, err := embed.StartEtcd(c)
	if err != nil {
		return err
	}
	defer e.Close()
	select {
	case <-e.Server.ReadyNotify():
		ready(client.Host)
	case err := <-e.Err():
		return err
	case <-ctx.Done():
		return nil
	}
	select {
	case err := <-e.Err():
		return err
	case <-ctx.Done():
		return nil
	}
}

// etcdParty starts an etcd of so many members. All its workers share one client,
// with one connection to each member: several were not faster.
func etcdParty(ctx context.Context, b *bench, members int) (_ *party, err error) {
	p := &party{series: series{name: "etcd's concurrency.Mutex"}, version: release("go.etcd.io/etcd/server/v3")}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.close())
		}
	}()
	configs, err := memberConfigs("etcd", b.newDir("etcd"), members)
	if err != nil {
		return nil, err
	}
	addresses, err := p.startProcesses(ctx, configs)
	if err != nil {
		return nil, err
	}
	client, err := clientv3.New(clientv3.Config{Endpoints: addresses, DialTimeout: startTime, Logger: zap.NewNop()})
	if err != nil {
		return nil, err
	}
	p.closing = append(p.closing, client.Close)
	p.mutexes = func(ctx context.Context, names []string) ([]mutex, error) {
		return etcdMutexes(ctx, client, names)
	}
	return p, nil
}

// etcdMutexes shares a session between mutexes of different names, which its client is fastest
// with. Where all want the same lock each needs its own: the session is what holds it.
func etcdMutexes(ctx context.Context, client *clientv3.Client, names []string) ([]mutex, error) {
	sessions := make([]*concurrency.Session, len(names))
	if len(names) > 1 && names[0] != names[1] {
		sessions = sessions[:1]
	}
	errs := make([]error, len(sessions))
	var wg sync.WaitGroup
	for i := range sessions {
		wg.Go(func() {
			sessions[i], errs[i] = concurrency.NewSession(client, concurrency.WithTTL(etcdTTL), concurrency.WithContext(ctx))
		})
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	list := make([]mutex, len(names))
	for i, name := range names {
		list[i] = concurrency.NewMutex(sessions[i%len(sessions)], "/"+name)
	}
	return list, nil
}
