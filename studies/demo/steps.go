package demo

import (
	"fmt"
	"slices"

	"mixmatch/merge/block"
	"mixmatch/merge/recipe"
	"mixmatch/merge/vec"
)

// A program is what a recipe does in one block: merges of numbered models, the
// first of which are the sources.
type program struct {
	ops    []op
	result int
	size   int // how many numbers are in use
}

// An op is one merge.
type op struct {
	mode        recipe.Mode
	a, b, c     int
	out         int
	alpha, beta float32
}

// compile brings r in block id down to the merges that its result needs. Sources
// are numbered as in names.
//
// A ratio of 0 or 1 passes a model on as it is, as SuperMerger does
// (mergers.py:490-547), so most steps do nothing in most blocks.
func compile(r *recipe.Recipe, id block.ID, names []string) (*program, error) {
	place := map[string]int{}
	for i, n := range names {
		place[n] = i
	}
	var ops []op
	for _, s := range r.Steps {
		o := op{mode: s.Mode, out: len(names) + len(ops), alpha: float32(s.Alpha[id].Value)}
		if s.Mode.HasBeta() {
			o.beta = float32(s.Beta[id].Value)
		}
		for _, operand := range s.Operands() {
			if _, ok := place[operand]; !ok {
				return nil, fmt.Errorf("line %d: no model called %s", s.Line, operand)
			}
		}
		o.a, o.b = place[s.A], place[s.B]
		if s.Mode.HasC() {
			o.c = place[s.C]
		}
		switch {
		case s.Mode == recipe.TripleSum:
			return nil, fmt.Errorf("line %d: %s is not for the demo", s.Line, s.Mode)
		case o.alpha == 0 && o.beta == 0:
			place[s.Out] = o.a
		case s.Mode == recipe.WeightSum && o.alpha == 1:
			place[s.Out] = o.b
		default:
			place[s.Out] = o.out
			ops = append(ops, o)
		}
	}
	p := &program{result: place[r.Result()], size: len(names) + len(ops)}
	needed := map[int]bool{p.result: true}
	for _, o := range slices.Backward(ops) {
		if !needed[o.out] {
			continue
		}
		needed[o.a], needed[o.b] = true, true
		if o.mode.HasC() {
			needed[o.c] = true
		}
		p.ops = append(p.ops, o)
	}
	slices.Reverse(p.ops)
	return p, nil
}

// run merges slots, whose first are the sources' values, and returns the result.
// Every merge is stored as float16, like a model saved after every step. Run may
// use any slot after the sources.
func (p *program) run(slots [][]float32) []float32 {
	for _, o := range p.ops {
		dst, a, b := slots[o.out], slots[o.a], slots[o.b]
		switch o.mode {
		case recipe.WeightSum:
			lerp(dst, a, b, o.alpha)
		case recipe.AddDifference:
			addDifference(dst, a, b, slots[o.c], o.alpha)
		case recipe.SumTwice:
			lerp(dst, a, b, o.alpha)
			lerp(dst, dst, slots[o.c], o.beta)
		}
		vec.RoundF16(dst)
	}
	return slots[p.result]
}

// lerp sets dst to (1-w)x + wy as torch.lerp does in float32, with one rounding
// after the difference. The product of two float32 is exact in float64, so
// machines with and without a fused multiply-add agree.
func lerp(dst, x, y []float32, w float32) {
	y, dst = y[:len(x)], dst[:len(x)]
	if w < 0.5 {
		for i, a := range x {
			d := y[i] - a
			dst[i] = float32(float64(float64(w)*float64(d)) + float64(a))
		}
		return
	}
	v := float64(1 - w)
	for i, a := range x {
		b := y[i]
		dst[i] = float32(float64(b) - float64(v*float64(b-a)))
	}
}

// addDifference sets dst to x + w(y-z) in float32, each operation rounded.
func addDifference(dst, x, y, z []float32, w float32) {
	y, z, dst = y[:len(x)], z[:len(x)], dst[:len(x)]
	for i, a := range x {
		dst[i] = a + float32(w*(y[i]-z[i]))
	}
}
