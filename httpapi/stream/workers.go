package stream

// workers are the goroutines that work on a stream's requests. A new one is started only where all
// are busy, so there are never more than requests in flight and waits; those that were idle for a
// while leave one by one. Guarded by the stream's mutex.
type workers struct {
	queue  []*job
	head   int
	idle   int // who wait on more, those that were signalled aside
	least  int // idle since the last tick
	retire int // how many are to leave
}

// pushLocked hands j to a worker.
func (s *stream) pushLocked(j *job) {
	w := &s.workers
	w.queue = append(w.queue, j)
	if w.idle == 0 {
		s.wg.Go(s.work)
		return
	}
	w.idle--
	w.least = min(w.least, w.idle)
	s.more.Signal()
}

// popLocked returns the oldest job, or nil.
func (w *workers) popLocked() *job {
	if w.head == len(w.queue) {
		return nil
	}
	j := w.queue[w.head]
	w.queue[w.head] = nil
	if w.head++; w.head == len(w.queue) {
		w.queue, w.head = w.queue[:0], 0
	}
	return j
}

// work takes one job after the other until it is told to leave, or the stream is over.
func (s *stream) work() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		j := s.workers.popLocked()
		switch {
		case j != nil:
			s.mu.Unlock()
			s.do(j)
			s.mu.Lock()
			s.finishLocked(j)
		case s.over:
			return
		case s.workers.retire > 0:
			s.workers.retire--
			return
		default:
			s.workers.idle++
			s.more.Wait()
		}
	}
}

// trimLocked lets half of those leave that nobody has needed since the last call.
func (s *stream) trimLocked() {
	w := &s.workers
	for n := (w.least + 1) / 2; n > 0 && w.idle > 0; n-- {
		w.idle--
		w.retire++
		s.more.Signal()
	}
	w.least = w.idle
	if len(s.flying) == 0 {
		s.spare = nil
		if w.head == len(w.queue) {
			w.queue, w.head = nil, 0
		}
	}
}
