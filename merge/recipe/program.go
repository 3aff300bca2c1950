package recipe

import (
	"math"
	"math/big"
)

// A Program is a recipe without its ratios: which models each step works on.
// Given the column of a block it yields the weight of each source there.
//
// Each step is linear, and its shares sum to 1, so the result is a weighted sum
// of the sources, with weights that sum to 1. They are found from the end: the
// result has weight 1, and each step hands its weight down to its operands.
//
// A recipe that is not [Recipe.Linear] has no such weights: its are NaN.
//
// A Program is not changed by its use, so any number of goroutines may share it.
type Program struct {
	Sources []string // in order of first use, as [Recipe.Sources] has them

	code []instruction
	no   bool // not linear
	len  int  // of a column
}

// An instruction names its operands by number: the sources come first, then the
// results of the steps.
type instruction struct {
	mode    Mode
	a, b, c int
	at      int // where its ratios are in the column
}

// Program returns the recipe's program.
func (r *Recipe) Program() *Program {
	p := &Program{Sources: r.Sources(), code: make([]instruction, len(r.Steps)), no: !r.Linear()}
	number := make(map[string]int, len(p.Sources)+len(r.Steps))
	for i, n := range p.Sources {
		number[n] = i
	}
	for i := range r.Steps {
		number[r.Steps[i].Out] = len(p.Sources) + i
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

// Len returns the number of ratios in a column.
func (p *Program) Len() int { return p.len }

// Scratch returns the length of the scratch that [Program.WeightsInto] needs.
func (p *Program) Scratch() int { return len(p.Sources) + len(p.code) }

// Weights returns the weight of each source in a block whose ratios are column,
// in the order of [Recipe.Column].
func (p *Program) Weights(column []float64) []float64 {
	dst := make([]float64, len(p.Sources))
	p.WeightsInto(dst, column, nil)
	return dst
}

// WeightsInto is Weights into dst, which has room for each source. It allocates
// nothing if scratch is as long as [Program.Scratch] says.
func (p *Program) WeightsInto(dst, column, scratch []float64) {
	n := p.Scratch()
	if n == 0 {
		return
	}
	if p.no {
		for i := range p.Sources {
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
		v := w[len(p.Sources)+k]
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
	copy(dst, w[:len(p.Sources)])
}

// exact returns the weight of each source as a fraction, and nil if a ratio is
// not finite. A ratio is taken as the decimal number it is written as.
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
		v := w[len(p.Sources)+k]
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
	return w[:len(p.Sources)]
}
