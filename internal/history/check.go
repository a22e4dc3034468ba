package history

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/anishathalye/porcupine"
)

// What is wrong with a history, or with its check.
var (
	// ErrIllegal says that no order of the calls explains what was answered.
	ErrIllegal = errors.New("nothing explains this history")
	// ErrUndecided says that the check was not done in time. That is a failure, too.
	ErrUndecided = errors.New("the check was not done in time")
	// ErrOpen says that a claim has no answer and no end, so that too much would be possible.
	ErrOpen = errors.New("a claim without an answer is never ended")
)

// Check looks at histories, at the same time, for no longer than within, and returns what is wrong
// with any of them. No call may begin or end meanwhile.
func Check(within time.Duration, histories ...*History) error {
	errs := make([]error, len(histories))
	var wg sync.WaitGroup
	for i, h := range histories {
		wg.Go(func() {
			if err := h.check(within); err != nil {
				errs[i] = fmt.Errorf("%s, %d calls: %w", h.name, len(h.calls), err)
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

func (h *History) check(within time.Duration) error {
	ops, err := h.operations()
	if err != nil {
		return err
	}
	model := h.model()
	switch porcupine.CheckOperationsTimeout(model, ops, within) {
	case porcupine.Ok:
		return nil
	case porcupine.Illegal:
		return fmt.Errorf("%w\n%s", ErrIllegal, h.explain(model, ops, within))
	}
	return ErrUndecided
}

// operations returns the calls as the checker wants them. Those without an answer end never.
func (h *History) operations() ([]porcupine.Operation, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	ended := map[string]bool{}
	for _, c := range h.calls {
		if c.in.verb == end {
			ended[c.in.owner] = true
		}
	}
	var ops []porcupine.Operation
	for _, c := range h.calls {
		op := porcupine.Operation{Input: c.in, Output: c.out, Call: int64(c.begun), Return: int64(c.ended)}
		if c.ended == 0 {
			op.Return = math.MaxInt64
		}
		switch {
		case !c.out.known && c.in.verb == look:
			continue
		case !c.out.known && c.in.verb == take && !ended[c.in.owner]:
			return nil, fmt.Errorf("%w: %s", ErrOpen, c.in.owner)
		}
		ops = append(ops, op)
	}
	return ops, nil
}

// model is how the checker runs the history's name.
func (h *History) model() porcupine.Model {
	return porcupine.Model{
		Init:              func() any { return state{} },
		Step:              func(s, in, out any) (bool, any) { return step(h.limit, s.(state), in.(input), out.(output)) },
		Equal:             func(a, b any) bool { return a.(state).equal(b.(state)) },
		DescribeOperation: func(in, out any) string { return describe(in.(input), out.(output)) },
	}
}

func describe(in input, out output) string {
	text := fmt.Sprintf("%s %s", in.verb, in.owner)
	switch in.verb {
	case take:
		if text = fmt.Sprintf("%s %+v", in.verb, in.claim); out.token != 0 {
			text += fmt.Sprintf(": token %d", out.token)
		}
	case handOver:
		text += " to " + in.claim.Owner
	case proclaim:
		text += ": " + in.value
	case look:
		text = fmt.Sprintf("look: %+v", out.holders)
	}
	switch {
	case !out.known:
		text += ", no answer"
	case out.refused:
		text += ": refused"
	}
	return text
}

// explain says how far an order of the calls leads at most, and what then does not fit.
func (h *History) explain(model porcupine.Model, ops []porcupine.Operation, within time.Duration) string {
	const shown = 12
	_, info := porcupine.CheckOperationsVerbose(model, ops, within)
	var best []porcupine.Operation
	for _, part := range info.PartialLinearizationsOperations() {
		for _, order := range part {
			if len(order) > len(best) {
				best = order
			}
		}
	}
	var text strings.Builder
	line := func(op porcupine.Operation) {
		ended := "…"
		if op.Return != math.MaxInt64 {
			ended = time.Duration(op.Return).String()
		}
		fmt.Fprintf(&text, "  %v to %s: %s\n", time.Duration(op.Call), ended, model.DescribeOperation(op.Input, op.Output))
	}
	fmt.Fprintf(&text, "%d of %d calls fit in some order; the last of them:\n", len(best), len(ops))
	placed := map[string]bool{}
	s := model.Init()
	for i, op := range best {
		_, s = model.Step(s, op.Input, op.Output)
		placed[fmt.Sprint(op.Call, op.Return, op.Input)] = true
		if i >= len(best)-shown {
			line(op)
		}
	}
	fmt.Fprintf(&text, "then %+v; next, and none fits:\n", s)
	rest := slices.DeleteFunc(slices.Clone(ops), func(op porcupine.Operation) bool { return placed[fmt.Sprint(op.Call, op.Return, op.Input)] })
	slices.SortStableFunc(rest, func(a, b porcupine.Operation) int { return cmp.Compare(a.Return, b.Return) })
	for _, op := range rest[:min(shown, len(rest))] {
		line(op)
	}
	return text.String()
}
