package store

import "github.com/lockkeeper/lockkeeper/internal/clock"

// LeaveZxids makes a serving writer go on as if it had but left zxids to give in its epoch. It
// reports false when the writer does not serve or has a batch on its way.
func (s *Store) LeaveZxids(left int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	w := s.writer
	if !w.serving || len(w.flights) > 0 {
		return false
	}
	w.zxid = int64(w.put)*zxidCounter + zxidCounter - 1 - left
	s.settle(clock.Boot())
	return true
}

// Outstanding returns the number of this member's requests without an answer.
func (s *Store) Outstanding() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.member.outstanding)
}
