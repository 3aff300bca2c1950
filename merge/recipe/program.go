package recipe

import (
	"math"
	"math/big"
	"slices"
)

// A Program is a recipe without its ratios: which models each step works on.
// Given the column of a block it yields the weight of each source there, and
// behind those the weight of each LoRA.
//
// Each step is linear, and its shares sum to 1, so the result is a weighted sum
// of the sources, with weights that sum to 1, and of LoRAs, whose weights are
// free: they stand for differences. They are found from the end: the result has
// weight 1, and each step hands its weight down to its operands.
//
// A recipe that is not [Recipe.Linear] has no such weights: its are NaN.
//
// A Program is not changed by its use, so any number of goroutines may share it.
type Program struct {
	Sources     []string // models, in order of first use, as [Recipe.Sources] has them
	Differences []string // LoRAs, as [Recipe.Differences] has them

	code []instruction
	no   bool // not linear
	len  int  // of a column
}

// An instruction names its operands by number: the sources come first, then the
// LoRAs, then the results of the steps.
type instruction struct {
	mode    Mode
	a, b, c int
	at      int // where its ratios are in the column
}

// Program returns the recipe's program.
func (r *Recipe) Program() *Program {
	p := &Program{Sources: r.Sources(), Differences: r.Differences(), code: make([]instruction, len(r.Steps)), no: !r.Linear()}
	number := make(map[string]int, p.Scratch())
	for i, n := range p.Names() {
		number[n] = i
	}
	for i := range r.Steps {
		number[r.Steps[i].Out] = p.Width() + i
	}
	for i := range r.Steps {
		s := &r.Steps[i]
		p.code[i] = instruction{mode: s.Mode, a: number[s.A], b: number[s.B], c: number[s.C], at: p.len}
		p.len++
		if s.HasBeta() {
			p.len++
		}
	}
	return p
}

// Names returns the sources, then the LoRAs, in the order of the weights.
func (p *Program) Names() []string { return slices.Concat(p.Sources, p.Differences) }

// Len returns the number of ratios in a column.
func (p *Program) Len() int { return p.len }

// Width returns the number of weights: one a source, then one a LoRA.
func (p *Program) Width() int { return len(p.Sources) + len(p.Differences) }

// Scratch returns the length of the scratch that [Program.WeightsInto] needs.
func (p *Program) Scratch() int { return p.Width() + len(p.code) }

// Weights returns the weight of each source, then of each LoRA, in a block whose
// ratios are column, in the order of [Recipe.Column].
func (p *Program) Weights(column []float64) []float64 {
	dst := make([]float64, p.Width())
	p.WeightsInto(dst, column, nil)
	return dst
}

// WeightsInto is Weights into dst, which has room for [Program.Width] weights
// (it panics if not). It allocates nothing if scratch is as long as
// [Program.Scratch] says.
func (p *Program) WeightsInto(dst, column, scratch []float64) {
	n := p.Scratch()
	if n == 0 {
		return
	}
	dst = dst[:p.Width()]
	if p.no {
		for i := range dst {
			dst[i] = math.NaN()
		}
		return
	}
	if len(scratch) < n {
		scratch = make([]float64, n)
	}
	w := scratch[:n]
	clear(w)
	w[n-1] = 1
	for k := len(p.code) - 1; k >= 0; k-- {
		in := &p.code[k]
		v := w[p.Width()+k]
		if v == 0 {
			continue
		}
		// The conversions forbid fused operations, which would make the
		// weights depend on the kind of machine.
		alpha := column[in.at]
		switch in.mode {
		case WeightSum:
			w[in.a] += float64(v * (1 - alpha))
			w[in.b] += float64(v * alpha)
		case AddDifference:
			d := float64(v * alpha)
			w[in.a] += v
			w[in.b] += d
			w[in.c] -= d
		case AddLoRA:
			w[in.a] += v
			w[in.b] += float64(v * alpha)
		case TripleSum:
			beta := column[in.at+1]
			w[in.a] += float64(v * (1 - alpha - beta))
			w[in.b] += float64(v * alpha)
			w[in.c] += float64(v * beta)
		case SumTwice:
			beta := column[in.at+1]
			u := float64(v * (1 - beta))
			w[in.a] += float64(u * (1 - alpha))
			w[in.b] += float64(u * alpha)
			w[in.c] += float64(v * beta)
		}
	}
	copy(dst, w)
}

// exact returns the weight of each source, then of each LoRA, as a fraction, and
// nil if a ratio is not finite. A ratio is taken as the decimal number it is written as.
func (p *Program) exact(column []float64) []*big.Rat {
	w := make([]*big.Rat, p.Scratch())
	add := func(i int, x *big.Rat) {
		if w[i] == nil {
			w[i] = new(big.Rat)
		}
		w[i].Add(w[i], x)
	}
	mul := func(x, y *big.Rat) *big.Rat { return new(big.Rat).Mul(x, y) }
	one := big.NewRat(1, 1)
	rest := func(x *big.Rat) *big.Rat { return new(big.Rat).Sub(one, x) }
	ratios := make([]*big.Rat, len(column))
	for i, x := range column {
		var ok bool
		if ratios[i], ok = new(big.Rat).SetString(format(x)); !ok {
			return nil
		}
	}
	w[len(w)-1] = one
	for k := len(p.code) - 1; k >= 0; k-- {
		in := p.code[k]
		v := w[p.Width()+k]
		if v == nil || v.Sign() == 0 {
			continue
		}
		alpha := ratios[in.at]
		switch in.mode {
		case WeightSum:
			add(in.a, mul(v, rest(alpha)))
			add(in.b, mul(v, alpha))
		case AddDifference:
			d := mul(v, alpha)
			add(in.a, v)
			add(in.b, d)
			add(in.c, d.Neg(d))
		case AddLoRA:
			add(in.a, v)
			add(in.b, mul(v, alpha))
		case TripleSum:
			beta := ratios[in.at+1]
			add(in.a, mul(v, new(big.Rat).Sub(rest(alpha), beta)))
			add(in.b, mul(v, alpha))
			add(in.c, mul(v, beta))
		case SumTwice:
			beta := ratios[in.at+1]
			u := mul(v, rest(beta))
			add(in.a, mul(u, rest(alpha)))
			add(in.b, mul(u, alpha))
			add(in.c, mul(v, beta))
		}
	}
	return w[:p.Width()]
}
