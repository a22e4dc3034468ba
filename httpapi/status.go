package httpapi

// A Status is what an operator wants to see of a cluster first, as one member knows it.
type Status struct {
	Member   string   `json:"member"`            // this member's name
	MemberID string   `json:"member_id"`         // in hexadecimal
	Version  string   `json:"version,omitempty"` // of the program; empty: the [Config]'s
	Leader   string   `json:"leader,omitempty"`  // the leader's name; empty: none known
	Epoch    int64    `json:"epoch"`             // grows with every takeover
	Revision int64    `json:"revision"`          // of the quorum's log, as applied here
	Sessions int      `json:"sessions"`          // open now
	Locks    int      `json:"locks"`             // held or waited for now
	Members  []Member `json:"members"`
}

// A Member is a member's card: who is there, and where its doors are.
type Member struct {
	Name      string            `json:"name"`
	ID        string            `json:"id"` // in hexadecimal
	Version   string            `json:"version,omitempty"`
	Leader    bool              `json:"leader"`
	Learner   bool              `json:"learner"`             // it has no vote yet
	Online    bool              `json:"online"`              // its card is alive
	Addresses map[string]string `json:"addresses,omitempty"` // door to address: "http", "zookeeper", "client", "peer"
}

// statusOf makes the best of it where only the health is known.
func statusOf(h Health) Status {
	return Status{
		Member:   h.Member,
		Leader:   h.Leader,
		Revision: h.Revision,
		Members:  []Member{{Name: h.Member, Leader: h.Member == h.Leader && h.Member != "", Online: true}},
	}
}

func (c *call) status() error {
	if err := c.nothingElse(); err != nil {
		return err
	}
	s := c.api.cfg.Status()
	if s.Version == "" {
		s.Version = c.api.cfg.Version
	}
	if s.Members == nil {
		s.Members = []Member{}
	}
	return c.sendJSON(s, s.Revision)
}
