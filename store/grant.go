package store

import "slices"

// The writer grants permits of semaphores by itself, in its batches. What a batch has no room for is
// left to the next one; a semaphore stays due until a batch has looked at it in vain.

// lookAgain has the batch look at semaphores where batches before have left grants to be made.
func (w *writer) lookAgain(f *flight) {
	f.due = w.due
	n := min(len(f.due), looksPerBatch)
	for _, semaphore := range f.due[:n] {
		f.draft.LookAt(semaphore)
	}
	w.due = slices.Clone(f.due[n:])
}

// grant makes the grants that are due, as many as the batch has room for.
func (w *writer) grant(wall int64, f *flight) {
	for f.grants < w.grants && f.draft.Size() < batchBytes && w.zxid&(zxidCounter-1) < zxidCounter-1 {
		if !f.draft.Grant(w.zxid+1, wall) {
			return
		}
		w.zxid++
		f.grants++
	}
}

// permitQueues returns the semaphores that somebody waits for.
func (r *replica) permitQueues() []string {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.tree.PermitQueues()
}
