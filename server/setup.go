package server

import (
	"fmt"
	"slices"
	"time"

	"github.com/lockkeeper/lockkeeper/httpapi"
	"github.com/lockkeeper/lockkeeper/quorum"
	"github.com/lockkeeper/lockkeeper/store"
	"github.com/lockkeeper/lockkeeper/store/record"
)

// quorumConfig is the part of the configuration that the quorum sees.
func (m *member) quorumConfig() quorum.Config {
	c := &m.cfg
	tls := quorum.TLS{CertFile: c.TLS.CertFile, KeyFile: c.TLS.KeyFile, CAFile: c.TLS.CAFile}
	return quorum.Config{
		Name: c.Name, DataDir: c.DataDir,
		PeerURL: c.PeerURL(), ClientURL: c.ClientURL(),
		AdvertisePeerURL: c.AdvertisePeerURL(), AdvertiseClientURL: c.AdvertiseClientURL(),
		PeerTLS: tls, ClientTLS: tls,
		InsecureClientListen: c.InsecureClientListen, InsecurePeerListen: c.InsecureClientListen,
		InitialCluster: c.ClusterURLs(), Join: c.Join,
		Heartbeat: c.Heartbeat, Election: c.Election,
		Register: m.link.Register, ServicePrefix: []string{store.Service},
		Logger: m.log.With("component", "quorum"),
	}
}

// httpLimits are the limits of the REST door.
func (m *member) httpLimits() httpapi.Limits {
	l := &m.cfg.Limits
	return httpapi.Limits{
		MaxBodyBytes: l.MaxBodyBytes, MaxNameBytes: l.MaxNameBytes, MaxTextBytes: l.MaxTextBytes,
		MaxRequestIDBytes: l.MaxRequestIDBytes, MaxLabelBytes: l.MaxLabelBytes, MaxMetadataBytes: l.MaxMetadataBytes,
		PageLimit: l.PageLimit, MaxInFlight: l.MaxInFlight, MaxWaiting: l.MaxWaiting,
		MaxEventStreams: l.MaxEventStreams, MaxConns: l.MaxConns, MaxWait: l.MaxWait,
		RequestTimeout: l.RequestTimeout, HeaderTimeout: l.HeaderTimeout, ReadTimeout: l.ReadTimeout,
		WriteTimeout: l.WriteTimeout, IdleTimeout: l.IdleTimeout, Heartbeat: l.EventHeartbeat,
		MaxStreams: l.MaxStreams, MaxStreamInFlight: l.MaxStreamInFlight, MaxStreamWaiting: l.MaxStreamWaiting,
		MaxStreamSessions: l.MaxStreamSessions, MaxStreamSubscriptions: l.MaxStreamSubscriptions,
		MaxStreamFrameBytes: l.MaxStreamFrameBytes, MaxStreamUnsentBytes: l.MaxStreamUnsentBytes, StreamSilence: l.StreamSilence,
		MaxValueBytes: l.MaxValueBytes,
	}
}

// clusterID is how the stream names the cluster; empty until its first takeover.
func (m *member) clusterID() string {
	if id := m.store.Identity().ID; id != 0 {
		return fmt.Sprintf("%016x", id)
	}
	return ""
}

// endpoints are the HTTP doors of the members that are here.
func (m *member) endpoints() []string {
	var list []string
	for _, card := range m.store.Cards() {
		list = append(list, card.HTTP...)
	}
	slices.Sort(list)
	return list
}

// card is what this member tells the others about itself.
func (m *member) card() record.Card {
	c := record.Card{Name: m.cfg.Name, Version: m.cfg.Version, Started: time.Now().UnixMilli()}
	if m.addresses.HTTP != "" {
		c.HTTP = []string{m.addresses.HTTP}
	}
	if m.addresses.ZooKeeper != "" {
		c.ZooKeeper = []string{m.addresses.ZooKeeper}
	}
	return c
}
