package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
)

// A report collects what a run has found, and prints it at the end.
type report struct {
	machine string
	scale   float64
	text    strings.Builder
	goals   []goal
}

// A goal is one thing that was to be reached.
type goal struct {
	name      string
	ours      string
	yardstick string
	got       float64
	want      float64
	atMost    bool   // the goal is an upper bound
	unit      string // of got and want
}

func (g *goal) met() bool {
	if g.atMost {
		return g.got <= g.want
	}
	return g.got >= g.want
}

func (g *goal) bound() string {
	if g.atMost {
		return fmt.Sprintf("at most %.4g%s", g.want, g.unit)
	}
	return fmt.Sprintf("at least %.4g%s", g.want, g.unit)
}

func (g *goal) verdict() string {
	if g.met() {
		return "MET"
	}
	return "MISSED"
}

func newReport(machine string, scale float64) *report {
	r := &report{machine: machine, scale: scale}
	fmt.Fprintf(&r.text, "%s\n", machine)
	if scale != 1 {
		fmt.Fprintf(&r.text, "scaled by %g: good for showing that things run\n", scale)
	}
	return r
}

// section begins a part of the report.
func (r *report) section(title string) { fmt.Fprintf(&r.text, "\n%s\n", title) }

// note adds a line.
func (r *report) note(format string, args ...any) { fmt.Fprintf(&r.text, "  "+format+"\n", args...) }

// table adds rows whose cells are parted by tabs.
func (r *report) table(header string, rows ...string) {
	w := tabwriter.NewWriter(&r.text, 0, 0, 3, ' ', tabwriter.AlignRight)
	for _, row := range append([]string{header}, rows...) {
		fmt.Fprintln(w, row+"\t")
	}
	_ = w.Flush() // to memory
}

// sides adds a table of two sides' medians and percentiles.
func (r *report) sides(list ...*series) {
	var rows []string
	for _, s := range list {
		all := s.latency()
		rows = append(rows, fmt.Sprintf("  %s\t%s\t%s\t%s\t%s\t%s\t%s", s.name,
			number(s.median(perSecond)), short(time.Duration(s.median(cpuPerOp))),
			short(all.percentile(50)), short(all.percentile(99)), short(all.percentile(99.9)), short(all.percentile(100))))
	}
	r.table("  \tper second\tCPU each\tp50\tp99\tp99.9\tmost", rows...)
}

// judge adds a goal and its verdict.
func (r *report) judge(g goal) {
	r.goals = append(r.goals, g)
	r.note("%s: %.4g%s, goal %s: %s", g.name, g.got, g.unit, g.bound(), g.verdict())
}

// write prints everything, and the goals again as Markdown.
func (r *report) write(w io.Writer) error {
	var b strings.Builder
	b.WriteString(r.text.String())
	b.WriteString("\n| goal | Lockkeeper | yardstick | found | wanted | |\n| --- | --- | --- | --- | --- | --- |\n")
	for _, g := range r.goals {
		fmt.Fprintf(&b, "| %s | %s | %s | %.4g%s | %s | %s |\n", g.name, g.ours, g.yardstick, g.got, g.unit, g.bound(), g.verdict())
	}
	fmt.Fprintf(&b, "\nMeasured on %s.\n", r.machine)
	_, err := io.WriteString(w, b.String())
	return err
}

// short prints a duration with three digits.
func short(d time.Duration) string {
	for _, unit := range []struct {
		size time.Duration
		name string
	}{{time.Second, "s"}, {time.Millisecond, "ms"}, {time.Microsecond, "µs"}} {
		if d >= unit.size {
			v := float64(d) / float64(unit.size)
			switch {
			case v >= 100:
				return fmt.Sprintf("%.0f%s", v, unit.name)
			case v >= 10:
				return fmt.Sprintf("%.1f%s", v, unit.name)
			}
			return fmt.Sprintf("%.2f%s", v, unit.name)
		}
	}
	return fmt.Sprintf("%dns", d.Nanoseconds())
}

// number prints a rate with its thousands parted.
func number(v float64) string {
	digits := fmt.Sprintf("%.0f", v)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

// mib prints a number of bytes.
func mib(n int64) string { return fmt.Sprintf("%.0f MiB", float64(n)/(1<<20)) }
