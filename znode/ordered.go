package znode

import (
	"slices"
	"sort"

	"github.com/tidwall/btree"
)

// fewest is how many items an ordered set keeps in a slice before it grows a tree. Most znodes
// have few children and most sessions few ephemerals; for them a tree costs too much memory.
const fewest = 32

// An ordered set keeps items in the order of less, with O(log n) for everything but a walk.
// Reads may run concurrently with reads.
type ordered[T comparable] struct {
	less func(a, b T) bool
	few  []T // while many is nil
	many *btree.BTreeG[T]
}

func (s *ordered[T]) len() int {
	if s.many != nil {
		return s.many.Len()
	}
	return len(s.few)
}

// search returns where pivot is in few, or belongs.
func (s *ordered[T]) search(pivot T) int {
	if n := len(s.few); n == 0 || s.less(s.few[n-1], pivot) {
		return n // the common case: numbers and zxids grow
	}
	return sort.Search(len(s.few), func(i int) bool { return !s.less(s.few[i], pivot) })
}

func (s *ordered[T]) insert(x T) {
	if s.many != nil {
		s.many.Set(x)
		return
	}
	i := s.search(x)
	if i < len(s.few) && !s.less(x, s.few[i]) {
		s.few[i] = x
		return
	}
	if len(s.few) < fewest {
		s.few = slices.Insert(s.few, i, x)
		return
	}
	s.many = btree.NewBTreeGOptions(s.less, btree.Options{NoLocks: true})
	for _, y := range s.few {
		s.many.Set(y)
	}
	s.few = nil
	s.many.Set(x)
}

func (s *ordered[T]) remove(x T) {
	if s.many != nil {
		s.many.Delete(x)
		if s.many.Len() == 0 {
			s.many = nil
		}
		return
	}
	if i := s.search(x); i < len(s.few) && !s.less(x, s.few[i]) {
		s.few = slices.Delete(s.few, i, i+1)
	}
}

// clear empties the set and keeps its memory.
func (s *ordered[T]) clear() {
	s.many = nil
	clear(s.few)
	s.few = s.few[:0]
}

// all walks upwards until yield returns false.
func (s *ordered[T]) all(yield func(T) bool) {
	if s.many != nil {
		s.many.Scan(yield)
		return
	}
	for _, x := range s.few {
		if !yield(x) {
			return
		}
	}
}

// from walks upwards from pivot on, pivot included.
func (s *ordered[T]) from(pivot T, yield func(T) bool) {
	if s.many != nil {
		s.many.Ascend(pivot, yield)
		return
	}
	for _, x := range s.few[s.search(pivot):] {
		if !yield(x) {
			return
		}
	}
}

// below walks downwards from the item before pivot.
func (s *ordered[T]) below(pivot T, yield func(T) bool) {
	if s.many != nil {
		s.many.Descend(pivot, func(x T) bool {
			return !s.less(x, pivot) || yield(x)
		})
		return
	}
	for i := s.search(pivot) - 1; i >= 0; i-- {
		if !yield(s.few[i]) {
			return
		}
	}
}
