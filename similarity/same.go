package similarity

import "mixmatch/merge/block"

// same returns the sets of models that are the same in block id, but for less than
// the target's rounding.
func (b *Blocks) same(id block.ID) [][]int {
	s := &b.sums[id]
	n := len(b.Names)
	on := s.basis()
	var sets [][]int
	done := make([]bool, n)
	for i := range n {
		if done[i] || s.absent[i] {
			continue
		}
		set := []int{i}
		for j := i + 1; j < n; j++ {
			if !done[j] && !s.absent[j] && b.IsDifference(i) == b.IsDifference(j) && !b.Idle(id, i) && on.apart(i, j) <= on.least() {
				set, done[j] = append(set, j), true
			}
		}
		if len(set) > 1 {
			sets = append(sets, set)
		}
	}
	return sets
}
