package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// From where on doctor finds something. The figures are those of docs/operations.md.
const (
	clocksApart  = time.Second           // between two members
	slowFsync    = 10 * time.Millisecond // a batch waits for one on each of a majority of members
	manyBehind   = 5000                  // revisions; readyz says not_caught_up
	nearFull     = 80                    // percent of a limit
	tripsInTimer = 10                    // round trips that --election should have room for
	wasteful     = 256 << 20             // bytes of a database that nothing uses
)

// judge compares what the members say of themselves, by name.
func judge(all []*diagnosis) []finding {
	if len(all) == 0 {
		return nil
	}
	slices.SortFunc(all, func(a, b *diagnosis) int { return cmp.Compare(a.Member, b.Member) })
	found := quorumHealth(all)
	found = append(found, clocks(all), versions(all))
	for _, d := range all {
		found = append(found, d.disk(), d.freeDisk(), d.database(), d.timers(), d.lag())
	}
	return append(found, timersAgree(all))
}

// quorumHealth looks at who leads, who answers whom, and who was not asked.
func quorumHealth(all []*diagnosis) []finding {
	var found []finding
	leaders := map[string][]string{}
	for _, d := range all {
		leaders[d.Leader] = append(leaders[d.Leader], d.Member)
		voters, silent := 1, []string{}
		for _, p := range d.Peers {
			if p.Learner {
				found = append(found, finding{"quorum", p.name(), levelNote, "is a learner: it catches up and has no vote yet", "wait; if it stays so, look at its log, or remove it: lockkeeper member remove"})
				continue
			}
			voters++
			if !p.Answers {
				silent = append(silent, p.name())
			}
		}
		need := voters/2 + 1
		switch there := voters - len(silent); {
		case len(silent) == 0:
			found = append(found, finding{Check: "quorum", Member: d.Member, Level: levelOK, Text: fmt.Sprintf("reaches all %d voters; %d may fail", voters, voters-need)})
		case there < need:
			found = append(found, finding{"quorum", d.Member, levelProblem, fmt.Sprintf("reaches %d of %d voters, which is no quorum; no answer from %s", there, voters, strings.Join(silent, ", ")), "start those members, or mend the network; where their data is lost for good, restore a snapshot"})
		default:
			found = append(found, finding{"quorum", d.Member, levelProblem, fmt.Sprintf("does not reach %s; %d more may fail", strings.Join(silent, ", "), there-need), "start them, or mend the network; replace what is lost: lockkeeper member remove, then serve --join"})
		}
	}
	switch {
	case len(leaders[""]) > 0:
		found = append(found, finding{"leader", strings.Join(leaders[""], ", "), levelProblem, "knows no leader", "see quorum; if that is well, look at the network between the members, and at --election"})
	case len(leaders) > 1:
		found = append(found, finding{"leader", "", levelProblem, "the members name different leaders", "ask again; if it stays so, some are cut off, or the endpoints are of different clusters"})
	default:
		found = append(found, finding{Check: "leader", Level: levelOK, Text: all[0].Leader + " leads"})
	}
	return append(found, notAsked(all)...)
}

// notAsked names the members that answer others and were not among the endpoints.
func notAsked(all []*diagnosis) []finding {
	var found []finding
	known := map[string]bool{}
	for _, d := range all {
		known[d.MemberID] = true
	}
	for _, d := range all {
		for _, p := range d.Peers {
			if !known[p.ID] && p.Answers {
				known[p.ID] = true
				found = append(found, finding{"reach", p.name(), levelNote, "was not asked", "name the REST doors of all members in --endpoints"})
			}
		}
	}
	return found
}

func clocks(all []*diagnosis) finding {
	first, last := all[0], all[0]
	for _, d := range all {
		if d.offset < first.offset {
			first = d
		}
		if d.offset > last.offset {
			last = d
		}
	}
	if apart := last.offset - first.offset; apart > clocksApart+first.trip/2+last.trip/2 {
		return finding{"clocks", "", levelProblem, fmt.Sprintf("%s is %v ahead of %s", last.Member, apart.Round(time.Second), first.Member), "let NTP set the clocks of all machines; the times in listings and events are wrong until then, tokens and sessions are not"}
	}
	return finding{Check: "clocks", Level: levelOK, Text: fmt.Sprintf("no two are more than %v apart", clocksApart)}
}

func versions(all []*diagnosis) finding {
	by := map[string][]string{}
	for _, d := range all {
		by[d.Version] = append(by[d.Version], d.Member)
	}
	if len(by) == 1 {
		return finding{Check: "versions", Level: levelOK, Text: "all are " + all[0].Version}
	}
	var list []string
	for v, members := range by {
		list = append(list, strings.Join(members, ", ")+": "+v)
	}
	slices.Sort(list)
	return finding{"versions", "", levelProblem, strings.Join(list, "; "), "bring all members to the same version, one after the other"}
}

func (d *diagnosis) disk() finding {
	text := fmt.Sprintf("an fsync takes %v, at worst %v", round(d.FsyncMedian), round(d.FsyncWorst))
	const do = "put --data-dir on a faster disk, or one that nobody else keeps busy; else raise --heartbeat and --election at all members"
	switch {
	case d.FsyncMedian > d.Heartbeat || d.FsyncWorst > d.Election/2:
		return finding{"disk", d.Member, levelProblem, text + fmt.Sprintf(": too slow for --heartbeat %v and --election %v", d.Heartbeat, d.Election), do}
	case time.Duration(d.FsyncMedian) > slowFsync:
		return finding{"disk", d.Member, levelNote, text + ": each batch of changes waits for that", do}
	}
	return finding{Check: "disk", Member: d.Member, Level: levelOK, Text: text}
}

func (d *diagnosis) freeDisk() finding {
	if d.FreeDisk < 0 {
		return finding{Check: "free disk", Member: d.Member, Level: levelNote, Text: "the system does not tell"}
	}
	text := fmt.Sprintf("%s free; the limit is %s", mebibytes(d.FreeDisk), mebibytes(d.MinFreeDisk))
	switch {
	case d.FreeDisk < d.MinFreeDisk:
		refused, do := d.nothingNew("make room on the disk of --data-dir, or lower --min-free-disk")
		return finding{"free disk", d.Member, levelProblem, text + refused, do}
	case d.FreeDisk < 2*d.MinFreeDisk:
		return finding{"free disk", d.Member, levelNote, text, "make room before it is reached"}
	}
	return finding{Check: "free disk", Member: d.Member, Level: levelOK, Text: text}
}

// nothingNew says what becomes of a member above a watermark: the one that leads refuses for all.
func (d *diagnosis) nothingNew(do string) (refused, doing string) {
	if d.Leader != d.Member {
		return ": nothing new will be taken when it leads", do
	}
	if len(d.Peers) == 0 {
		return ": nothing new is taken", do
	}
	return ": nothing new is taken, as it leads", do + "; until then let another lead that is well: lockkeeper member move-leader"
}

func (d *diagnosis) database() finding {
	text := fmt.Sprintf("%s in use of %s; the file has %s", mebibytes(d.DatabaseInUse), mebibytes(d.MaxDatabaseBytes), mebibytes(d.DatabaseBytes))
	switch {
	case d.DatabaseInUse > d.MaxDatabaseBytes:
		refused, do := d.nothingNew("delete znodes, or raise --max-database-bytes")
		return finding{"database", d.Member, levelProblem, text + refused, do}
	case d.DatabaseInUse > d.MaxDatabaseBytes/100*nearFull:
		return finding{"database", d.Member, levelNote, text, "find out what grows: lockkeeper_store_znodes, lockkeeper_lease_active"}
	case d.DatabaseBytes-d.DatabaseInUse > max(wasteful, d.DatabaseInUse):
		return finding{"database", d.Member, levelNote, text, "lockkeeper defrag gives the rest back to the disk, if that is wanted"}
	}
	return finding{Check: "database", Member: d.Member, Level: levelOK, Text: text}
}

// timers compares the time-outs with the round trips to the others.
func (d *diagnosis) timers() finding {
	slowest := diagnosePeer{}
	for _, p := range d.Peers {
		if p.Answers && p.RoundTrip > slowest.RoundTrip {
			slowest = p
		}
	}
	if slowest.RoundTrip == 0 {
		return finding{Check: "time-outs", Member: d.Member, Level: levelOK, Text: "there is nobody to wait for"}
	}
	text := fmt.Sprintf("a round trip to %s takes %v; --heartbeat is %v, --election %v", slowest.name(), round(slowest.RoundTrip), d.Heartbeat, d.Election)
	if d.Election < tripsInTimer*slowest.RoundTrip || d.Heartbeat < slowest.RoundTrip {
		least := (tripsInTimer * time.Duration(slowest.RoundTrip)).Round(10 * time.Millisecond)
		return finding{"time-outs", d.Member, levelProblem, text, fmt.Sprintf("raise --election to %v or more and --heartbeat to a tenth of it, at all members", least)}
	}
	return finding{Check: "time-outs", Member: d.Member, Level: levelOK, Text: text}
}

func timersAgree(all []*diagnosis) finding {
	for _, d := range all {
		if d.Election != all[0].Election || d.Heartbeat != all[0].Heartbeat {
			return finding{"time-outs", "", levelProblem, fmt.Sprintf("%s and %s differ in --heartbeat or --election", all[0].Member, d.Member), "set both alike at all members"}
		}
	}
	return finding{Check: "time-outs", Level: levelOK, Text: "the same at all members asked"}
}

func (d *diagnosis) lag() finding {
	if d.Lag > manyBehind {
		return finding{"lag", d.Member, levelProblem, fmt.Sprintf("%d revisions behind", d.Lag), "see disk; if that is well, the machine has too little processor time"}
	}
	return finding{Check: "lag", Member: d.Member, Level: levelOK, Text: fmt.Sprintf("%d revisions behind", d.Lag)}
}

func (p *diagnosePeer) name() string { return cmp.Or(p.Name, p.ID) }

func mebibytes(n int64) string { return fmt.Sprintf("%d MiB", n>>20) }

func round(s span) time.Duration { return time.Duration(s).Round(10 * time.Microsecond) }
