package similarity

import "context"

// exact reports for each block whether what the models leave is rounding and
// nothing else: not more than the steps of a recipe of the chosen models may come
// to; the same in all kinds of tensors; and not like any model that is not needed,
// which together explain no more of it than chance would have them.
func (b *Blocks) exact(ctx context.Context, all []*analysis, chosen []int) ([]bool, error) {
	// Where only some steps change a kind of tensor, only they round it.
	factor := max(4, float64(len(chosen)))
	out := make([]bool, len(all))
	limit := allowance(len(chosen))
	sum, idle := &residual{}, test{}
	for i, a := range all {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		s := &b.sums[a.id]
		r := b.residualOf(a.id, a.weights)
		out[i] = s.atNoise() && s.left <= limit && r.alike(factor)
		if !out[i] {
			continue
		}
		sum.add(r)
		q := a.contest(WorthAtNoise, s.absent)
		some, _ := q.among(chosen)
		left := max(0, q.mix(some).w.rest)
		free := -len(some)
		for _, told := range a.told {
			free += map[bool]int{true: 1}[told]
		}
		if free > 0 {
			idle.sum += max(0, left-a.rss) / q.unit()
			idle.blocks += float64(free)
		}
	}
	if !sum.alike(max(3, factor-1)) || idle.clear() > 3 {
		return make([]bool, len(all)), nil
	}
	return out, nil
}

// allowance is how many roundings a recipe of n models may come to: one a step,
// each model in two steps, and one for the target itself.
func allowance(n int) float64 { return min(roundings+1, 2*float64(n)+1) }
