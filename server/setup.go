package server

import (
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
	}
}

// card is what this member tells the others about itself.
func (m *member) card() record.Card {
	c := record.Card{Name: m.cfg.Name, Version: m.cfg.Version, Started: time.Now().UnixMilli()}
	if m.addresses.HTTP != "" {
		c.HTTP = []string{m.addresses.HTTP}
	}
	return c
}
