package residual

import (
	"context"
	"math"
	"slices"

	"mixmatch/merge/block"
	"mixmatch/similarity"
	"mixmatch/similarity/lowrank"
)

// Options are the choices of [Rest.Explain].
type Options struct {
	Threads  int                     // 0: as many as there are processors
	MaxRank  int                     // of a LoRA; 0: 128
	Rounds   int                     // of solving and looking again, at most; 0: 6
	Progress func(done, total int64) // elements of the round

	Only func(Tensor) bool // look at these tensors only; nil for all

	best int // directions of each matrix, whatever they are; see Approximate
}

// A Solve finds the weights of each block and model from products.
type Solve func(*similarity.Gram) ([][]float64, error)

// A Piece is a matrix of R: a tensor, flattened to its first dimension and the
// rest, or a third of one that holds query, key and value.
type Piece struct {
	Part       int // which third; 0 for a whole tensor
	Rows, Cols int
	lowrank.Found
}

// A Left is what R is in one tensor.
type Left struct {
	Tensor
	Kind   Kind
	Energy float64 // |R|^2
	Floor  float64 // what rounding the target adds to it
	Pieces []Piece // those looked at; rank 0 where no LoRA was found

	weights []float64 // with which R was taken
}

// Outside returns |R|^2 without the directions that were found.
func (l *Left) Outside() float64 {
	sum, searched := 0.0, false
	for _, p := range l.Pieces {
		sum += p.Outside
		searched = true
	}
	if !searched {
		return l.Energy
	}
	return sum
}

// Low tells whether a LoRA was found in the tensor.
func (l *Left) Low() bool {
	return slices.ContainsFunc(l.Pieces, func(p Piece) bool { return p.Rank > 0 })
}

// A Result is R explained.
type Result struct {
	Weights [][]float64 // of each block and model: solved beside what was found
	Tensors []Left
	Rounds  int  // how often R was looked at
	Settled bool // false if the weights still moved in the last round
}

// settled is the share of rounding, or of what else is left in a tensor, that a
// change of the weights may add to R without a new look at it.
const settled = 0.01

// Explain looks for matrices of low rank in R, solves the weights anew on what is
// outside of the directions found, and looks again at the tensors in which R has
// changed, until nothing moves. Products g are those of the pool with the target.
//
// Memory is that of the two or three largest matrices a thread, and of the
// directions found. The error wraps [merge.ErrNonFinite] if a file holds NaN
// or infinity.
func (r *Rest) Explain(ctx context.Context, g *similarity.Gram, solve Solve, o Options) (*Result, error) {
	if o.MaxRank <= 0 {
		o.MaxRank = 128
	}
	if o.Rounds <= 0 {
		o.Rounds = 6
	}
	products := map[string]*similarity.Products{}
	for i := range g.Tensors {
		products[g.Tensors[i].Key] = &g.Tensors[i]
	}
	res := &Result{Weights: r.Weights}
	for _, t := range r.Tensors() {
		if o.Only != nil && !o.Only(t) {
			continue
		}
		res.Tensors = append(res.Tensors, Left{Tensor: t, Kind: KindOf(t.Key, t.Shape)})
	}
	corrected := map[string]similarity.Products{}
	for ; ; res.Rounds++ {
		now := r.with(res.Weights)
		var due []int
		for i := range res.Tensors {
			l := &res.Tensors[i]
			if l.weights == nil || moved(products[l.Key], l.weights, now.weights(l.Tensor)) > settled*max(l.Floor, l.Outside()) {
				due = append(due, i)
			}
		}
		if len(due) == 0 {
			res.Settled = true
			return res, r.Changed()
		}
		if res.Rounds == o.Rounds {
			return res, r.Changed()
		}
		if err := now.look(ctx, res.Tensors, due, products, corrected, o); err != nil {
			return nil, err
		}
		w, err := solve(outside(g, res.Tensors, corrected))
		if err != nil {
			return nil, err
		}
		res.Weights = r.keep(w, res.Weights)
	}
}

// keep fills in blocks that could not be solved from what they were.
func (r *Rest) keep(w, before [][]float64) [][]float64 {
	out := slices.Clone(before)
	for id := range min(len(w), len(out)) {
		if w[id] != nil && !slices.ContainsFunc(w[id], func(v float64) bool { return math.IsNaN(v) || math.IsInf(v, 0) }) {
			out[id] = w[id]
		}
	}
	return out
}

// moved returns how much R changes with the weights: |sum of (v_i - w_i) D_i|^2.
func moved(p *similarity.Products, w, v []float64) float64 {
	if p == nil || slices.Equal(w, v) {
		return 0
	}
	n := len(w)
	sum := 0.0
	for i, row := range p.P.Rows() {
		if i == 0 || i == n { // that of B, that of E
			continue
		}
		for k, q := range row[:n-i] {
			j := i + k
			x := float64((v[i] - w[i]) * (v[j] - w[j]) * q)
			if j > i {
				x += x
			}
			sum += x
		}
	}
	return max(0, sum)
}

// outside returns the products of what lies outside of all that was found. The
// tensors that SuperMerger's Adjust changes, a LoRA never, are left out where
// they do not fit and their block has others.
func outside(g *similarity.Gram, tensors []Left, corrected map[string]similarity.Products) *similarity.Gram {
	odd := map[string]bool{}
	for i := range tensors {
		l := &tensors[i]
		odd[l.Key] = adjustable[l.Key] && l.Key != adjustIn && l.Key != adjustInBias && l.Energy > unlike*l.Floor
	}
	out := g.WithTensors(nil)
	for _, p := range g.Tensors {
		if odd[p.Key] {
			continue
		}
		if c, ok := corrected[p.Key]; ok {
			p = c
		}
		out.Tensors = append(out.Tensors, p)
	}
	return out
}

// SolveBlocks returns a [Solve] that fits all models in every block of l by least
// squares: what is to be had without a study.
func SolveBlocks(l *block.Layout) Solve {
	return func(g *similarity.Gram) ([][]float64, error) {
		b := g.Blocks(l)
		w := make([][]float64, l.Len())
		for id := range l.Blocks().All() {
			if !b.Has(id) {
				continue
			}
			var free []int
			for i := range b.Names {
				if !b.Lacks(id, i) {
					free = append(free, i)
				}
			}
			f, err := b.Fit(id, free, nil)
			if err != nil {
				return nil, err
			}
			w[id] = f.Weights
		}
		return w, nil
	}
}
