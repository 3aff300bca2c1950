package chain

import (
	"math"

	"mixmatch/merge/block"
	"mixmatch/merge/portable"
)

// A model takes part in some blocks if its weight stands so many standard
// errors clear of zero in one of them, and is more than noise of arithmetic.
const (
	clearOfZero = 4.0
	least       = 1e-6
)

// smallestSE keeps weights without error from being taken at more digits than
// floating point has.
const smallestSE = 4e-9

// A part is the problem for some of the blocks, and for the models that take
// part in them, which have numbers of their own.
type part struct {
	ids    []block.ID
	kinds  []uint8   // the part of the network that each block is of
	models []int     // the numbers in the problem
	w, se  []float64 // weights and standard errors: model by model, each its blocks
	sigma  []float64 // of each block: the errors of all its weights together
	others float64   // the misfit, in bits, of models that do not take part
	base   int       // or -1
	kept   int       // or -1 if the first model makes no difference
	usual  int       // the model that has the unmerged tensors, or -1: with it chains begin if they are as short
	more   float64   // log2 of the number of models: what it costs to name one
}

func newPart(p *Problem, rows []int) *part {
	t := &part{base: -1, kept: -1, usual: -1}
	for _, b := range rows {
		t.ids = append(t.ids, p.Blocks[b])
		t.kinds = append(t.kinds, kind(p.Layout, t))
	}
	for i := range p.Names {
		takesPart := false
		for _, b := range rows {
			w, se := p.Weights[b][i], p.SE[b][i]
			takesPart = takesPart || math.Abs(w) > max(clearOfZero*se, least)
		}
		if !takesPart {
			for _, b := range rows {
				t.others += estimate{finite(p.Weights[b][i]), max(p.SE[b][i], smallestSE)}.misfit(0)
			}
			continue
		}
		if i == p.Base {
			t.base = len(t.models)
		}
		if i == p.Kept {
			t.kept, t.usual = len(t.models), len(t.models)
		}
		t.models = append(t.models, i)
		for _, b := range rows {
			w, se := p.Weights[b][i], max(p.SE[b][i], smallestSE)
			if math.IsInf(se, 1) {
				w = finite(w)
			}
			t.w, t.se = append(t.w, w), append(t.se, se)
		}
	}
	for b := range rows {
		sum := 0.0
		for i := range t.models {
			sum += float64(t.se[i*len(rows)+b] * t.se[i*len(rows)+b])
		}
		t.sigma = append(t.sigma, math.Sqrt(sum))
	}
	t.more = portable.Log2(float64(max(len(t.models), 2)))
	return t
}

// finite returns w, or 0 if nothing at all is known of it.
func finite(w float64) float64 {
	if math.IsNaN(w) || math.IsInf(w, 0) {
		return 0
	}
	return w
}

// blocks returns the number of blocks.
func (t *part) blocks() int { return len(t.ids) }

// of returns model i's share of a slice that is laid out as the weights are.
func (t *part) of(x []float64, i int) []float64 {
	n := t.blocks()
	return x[i*n : (i+1)*n : (i+1)*n]
}

// negative reports whether u of model i is clearly below zero in some block.
func (t *part) negative(u []float64, i int) bool {
	for b, v := range t.of(u, i) {
		if v < -max(clearOfZero*t.sigma[b], least) {
			return true
		}
	}
	return false
}

// nothing reports whether v may be zero in block b: the rest of a weight when
// all is explained that contributed to it.
func (t *part) nothing(v float64, b int) bool {
	return math.Abs(v) <= float64(sharedTolerance*t.sigma[b])+least
}

// kind returns the number of the last block's part of the network: another one
// than that of the block before where their series differ.
func kind(l *block.Layout, t *part) uint8 {
	n := len(t.kinds)
	switch {
	case n == 0:
		return 0
	case l.Series(t.ids[n]) != l.Series(t.ids[n-1]):
		return t.kinds[n-1] + 1
	}
	return t.kinds[n-1]
}
