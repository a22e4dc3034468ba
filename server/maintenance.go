package server

import (
	"context"
	"sync"
	"time"

	"github.com/lockkeeper/lockkeeper/httpapi"
)

// maintenance looks after this member.
type maintenance struct{ *member }

// Defrag is part of httpapi.Maintenance.
func (m maintenance) Defrag(ctx context.Context) (httpapi.Defragmented, error) {
	d := httpapi.Defragmented{Member: m.cfg.Name, Leader: m.quorum.IsLeader()}
	start := time.Now()
	var err error
	if d.Before, d.After, err = m.quorum.Defrag(ctx); err != nil {
		return d, err
	}
	d.Took, d.Revision = httpapi.Span(time.Since(start)), m.store.Revision()
	return d, nil
}

// pings is how often a round trip to another member is measured, and pingWait how long it may take
// to answer them all.
const (
	pings    = 5
	pingWait = 2 * time.Second
)

// Diagnose is part of httpapi.Maintenance.
func (m maintenance) Diagnose(ctx context.Context) (httpapi.Diagnosis, error) {
	d := httpapi.Diagnosis{
		Member: m.cfg.Name, MemberID: hex(m.quorum.ID()), Version: m.cfg.Version,
		Heartbeat: httpapi.Span(m.cfg.Heartbeat), Election: httpapi.Span(m.cfg.Election),
		FreeDisk: -1, MinFreeDisk: m.cfg.Limits.MinFreeDisk,
		DatabaseBytes: m.quorum.Size(), DatabaseInUse: m.quorum.SizeInUse(), MaxDatabaseBytes: m.cfg.Limits.MaxDatabaseBytes,
	}
	if free, err := m.quorum.FreeDisk(); err == nil {
		d.FreeDisk = int64(free)
	}
	// One after the other: a busy disk must not look like a slow network.
	middle, worst, err := m.quorum.MeasureDisk(ctx)
	if err != nil {
		return d, err
	}
	d.FsyncMedian, d.FsyncWorst = httpapi.Span(middle), httpapi.Span(worst)
	d.Peers = m.reach(ctx)
	h := m.healthNow()
	d.Leader, d.Lag, d.Revision, d.Time = h.Leader, h.Lag, h.Revision, time.Now()
	return d, nil
}

// reach measures the round trips to all other members at once.
func (m *member) reach(ctx context.Context) []httpapi.Peer {
	ctx, cancel := context.WithTimeout(ctx, pingWait)
	defer cancel()
	var peers []httpapi.Peer
	for _, info := range m.memberList() {
		if info.ID != hex(m.quorum.ID()) {
			peers = append(peers, httpapi.Peer{Name: info.Name, ID: info.ID, Learner: info.Learner})
		}
	}
	ids := map[string]uint64{}
	for _, info := range m.quorum.Members() {
		ids[hex(info.ID)] = info.ID
	}
	var wg sync.WaitGroup
	for i := range peers {
		wg.Go(func() {
			trip, err := m.quorum.Ping(ctx, ids[peers[i].ID], pings)
			peers[i].Answers, peers[i].RoundTrip = err == nil, httpapi.Span(trip)
		})
	}
	wg.Wait()
	return peers
}
