package similarity

import (
	"cmp"
	"context"
	"math"
	"slices"

	"mixmatch/merge/block"
)

// A Standing says whether a model is in a mix.
type Standing string

// The standings.
const (
	In      Standing = "in"      // it is surely in the mix
	Perhaps Standing = "perhaps" // it may be, or only be like something that is
	Out     Standing = "out"     // nothing speaks for it
)

const (
	// sure is how many errors clear of zero a model's weights must stand, as a root
	// mean square over the blocks, for it to be surely in the mix.
	sure = 2.75
	// If what is missing were unlike all models, its stand-ins would have no weight
	// to take off: without taking anything off they must stand so many clear, too.
	sureAsItIs = 2
	// BarExact and barMissing are how many errors long a bar is, so that the truth lies
	// within it in 95 of 100 cases. Where something is missing errors have heavier tails.
	BarExact, barMissing = 2, sure
	// implausible is by how much a guess at what is missing may make weights
	// negative, in all, before it loses most of its credit.
	implausible = 0.1
)

// Evidence is what the products prove about who is in the target.
//
// Where a model is missing the others stand in for it where they are like it, and
// a standard error of least squares knows nothing of that. How far that goes can
// be seen on the models at hand: each of them in turn is taken for what is
// missing. Fitted by the others, model k leaves a squared length r_k and has
// coefficients b_ki; if what is missing is like k, its weight is m_k =
// sqrt(residual / r_k) and m_k b_ki of the weight of i is not i's own. A guess k
// has credit by how few weights it makes negative, and none if m_k exceeds 1.
// docs/recovery.md has figures of how often this is right.
type Evidence struct {
	Models  []Model               // one a model
	Chosen  []int                 // the models that a mix needs to come as close as all together do, most useful first
	Blocks  map[block.ID]*Witness // of the blocks asked for
	Exact   bool                  // all blocks are
	Unknown *Unknown              // what is missing, nil where nothing is
}

// A Model is what all blocks together say of one model.
type Model struct {
	Standing Standing
	Clear    float64 // how many errors its weights stand clear of zero, as a root mean square over the blocks
}

// A Witness is what one block says.
type Witness struct {
	Exact   bool      // what the models leave is rounding and nothing else
	Weights []float64 // those of the closest mix of all; those of models sum to 1
	Own     []float64 // the same less what stands for what is missing, as far as the guesses tell
	Bars    []float64 // how far from them the truth may be, in 95 of 100 cases; infinite where models cannot be told apart

	// Low and High are between what the true weight lies in 95 of 100 cases. They
	// lean to where weights go that stand for what is missing.
	Low, High []float64

	// Same are sets of two and more models that are the same in this block.
	Same [][]int

	Gap float64 // weight of what is missing, by the median guess; 0 where nothing is
}

// An Unknown is what is in the target and in no model.
type Unknown struct {
	Weight, Low, High float64 // of the mix; 0 where that cannot be told: too few models, or like none of them, or too little
	// Subtracted is set if the guesses make sense only with a negative weight: the
	// recipe subtracts a model that is not there, the base of add differences.
	Subtracted bool

	// Near are models another version of which may be what is missing: half of what
	// training changed in them would be difference enough.
	Near []int
}

// Weigh weighs the evidence in the blocks of ids. base is the model that the
// others were trained from, or -1. The error is ctx's.
func (b *Blocks) Weigh(ctx context.Context, ids []block.ID, base int) (*Evidence, error) {
	n := len(b.Names)
	e := &Evidence{Models: make([]Model, n), Blocks: map[block.ID]*Witness{}, Exact: true}
	var all []*analysis
	for _, id := range ids {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		all = append(all, b.analyse(id, b.sums[id].basis()))
	}
	var err error
	if e.Chosen, err = b.choose(ctx, all, WorthAtNoise); err != nil {
		return nil, err
	}
	exact, err := b.exact(ctx, all, e.Chosen)
	if err != nil {
		return nil, err
	}
	e.Exact = !slices.Contains(exact, false)
	if !e.Exact {
		for i, a := range all {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			all[i] = b.analyse(a.id, b.sums[a.id].plain())
		}
		if e.Chosen, err = b.choose(ctx, all, WorthElse); err != nil {
			return nil, err
		}
	}
	var guesses, short []*guess // of all blocks, and of those that miss something
	for i, a := range all {
		e.Blocks[a.id] = &Witness{Exact: exact[i], Weights: a.weights, Same: b.same(a.id)}
		g := a.guess(base)
		guesses = append(guesses, g)
		if !exact[i] {
			short = append(short, g)
		}
	}
	credit := credits(short, base < 0)
	e.Unknown = gap(short, credit)
	tests, asItIs := make([]test, n), make([]test, n)
	for i, a := range all {
		w := e.Blocks[a.id]
		lean, spread, second := make([]float64, n), make([]float64, n), make([]float64, n)
		length := float64(BarExact)
		if !e.Exact { // what is missing elsewhere may be here, too, within the roundings
			lean, spread, second = guesses[i].errors(credit)
			length = barMissing
		}
		if !w.Exact {
			w.Gap = median(guesses[i].weight, credit.by)
		}
		for i := range n {
			own := a.variance[i]
			centre, err := a.weights[i]-lean[i], math.Sqrt(own+spread[i])
			w.Own = append(w.Own, centre)
			w.Bars = append(w.Bars, length*math.Sqrt(own+second[i]))
			w.Low = append(w.Low, min(centre-float64(length*err), a.weights[i]))
			w.High = append(w.High, max(centre+float64(length*err), a.weights[i]))
			if a.told[i] {
				tests[i].add(centre, err)
				asItIs[i].add(a.weights[i], math.Sqrt(own+second[i]))
			}
		}
	}
	e.stand(tests, asItIs)
	if e.Unknown != nil {
		e.Unknown.Near = e.near(short, base)
	}
	return e, nil
}

// near returns the models that are in the mix with so much weight that half of
// their difference from base would make up for what is left.
func (e *Evidence) near(short []*guess, base int) []int {
	const half = 0.5
	n := len(e.Models)
	left, room := 0.0, make([]float64, n)
	origin := max(0, base)
	for _, g := range short {
		left += max(0, g.rss-g.on.noise)
		for i := range n {
			room[i] += float64(g.weights[i] * g.weights[i] * g.apart(i, origin))
		}
	}
	if left == 0 {
		return nil
	}
	var near []int
	for i := range n {
		if i != base && i < short[0].models && e.Models[i].Standing == In && left <= half*half*room[i] {
			near = append(near, i)
		}
	}
	slices.SortStableFunc(near, func(i, j int) int { return cmp.Compare(room[j], room[i]) })
	return near
}

// A test gathers how clear of zero a weight stands in the blocks.
type test struct{ sum, blocks float64 }

func (t *test) add(v, err float64) {
	if err > 0 && !math.IsInf(err, 1) {
		t.sum += v * v / (err * err)
		t.blocks++
	}
}

// clear returns the root mean square.
func (t *test) clear() float64 { return math.Sqrt(t.sum / max(1, t.blocks)) }

// stand gives each model its standing.
func (e *Evidence) stand(tests, asItIs []test) {
	for i := range e.Models {
		m := &e.Models[i]
		m.Clear = min(tests[i].clear(), asItIs[i].clear()*sure/sureAsItIs)
		needed := slices.Contains(e.Chosen, i)
		switch {
		case e.Exact && needed, !e.Exact && m.Clear > sure:
			m.Standing = In
		case needed || !e.Exact && e.mayBe(i):
			m.Standing = Perhaps
		default:
			m.Standing = Out
		}
	}
	for i := range e.Models {
		if e.Models[i].Standing == Out && e.twin(i) {
			e.Models[i].Standing = Perhaps
		}
	}
	for i := range e.Models { // the closest mix has all that are surely in it
		if e.Models[i].Standing == In && !slices.Contains(e.Chosen, i) {
			e.Chosen = append(e.Chosen, i)
		}
	}
}

// twin reports whether model i is the same as one that is chosen in every block.
func (e *Evidence) twin(i int) bool {
	for _, w := range e.Blocks {
		if !slices.ContainsFunc(w.Same, func(set []int) bool {
			return slices.Contains(set, i) && slices.ContainsFunc(set, func(k int) bool { return k != i && slices.Contains(e.Chosen, k) })
		}) {
			return false
		}
	}
	return len(e.Blocks) > 0
}

// mayBe reports whether model i may well have a weight of some size.
func (e *Evidence) mayBe(i int) bool {
	const size = 0.05
	large, blocks := 0, 0
	for _, w := range e.Blocks {
		if math.IsInf(w.Bars[i], 1) {
			continue
		}
		blocks++
		if max(-w.Low[i], w.High[i]) > size {
			large++
		}
	}
	return 2*large > blocks
}
