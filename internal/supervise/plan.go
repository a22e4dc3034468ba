package supervise

import (
	"syscall"
	"time"
)

// never is a time that does not come.
const never = time.Duration(1<<63 - 1)

// A plan decides which signal is due when. It has no clock of its own: it is told the time, on
// whatever clock its deadline is on.
type plan struct {
	deadline, grace, margin time.Duration

	why    Why  // why the group is to end; empty: only the deadline says when
	atOnce bool // without SIGTERM and grace

	termed   bool
	termedAt time.Duration
	killed   bool
}

// extend moves the deadline on. It never goes back, and a command that has been sent SIGTERM gets
// no more time than its grace: a signal cannot be taken back.
func (p *plan) extend(deadline time.Duration) { p.deadline = max(p.deadline, deadline) }

// end makes SIGTERM due, and SIGKILL after the grace, or SIGKILL at once. The first reason stays.
func (p *plan) end(why Why, atOnce bool) {
	if p.why == "" {
		p.why = why
	}
	p.atOnce = p.atOnce || atOnce
}

// due returns the signal for which the time has come, or 0, and when to ask again. Each of SIGTERM
// and SIGKILL is returned once at most, and SIGTERM never after SIGKILL.
func (p *plan) due(now time.Duration) (sig syscall.Signal, next time.Duration) {
	killAt := p.deadline - p.margin
	termAt := killAt - p.grace
	switch {
	case p.killed:
		return 0, never
	case p.atOnce || now >= killAt || (p.termed && now >= p.termedAt+p.grace):
		p.end(Overdue, true)
		p.killed = true
		return syscall.SIGKILL, never
	case p.termed:
		return 0, min(killAt, p.termedAt+p.grace)
	case p.why != "" || now >= termAt:
		p.end(Overdue, false)
		p.termed, p.termedAt = true, now
		return syscall.SIGTERM, min(killAt, now+p.grace)
	default:
		return 0, termAt
	}
}
