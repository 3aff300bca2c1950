package similarity

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"mixmatch/merge"
	"mixmatch/merge/checkpoint"
	"mixmatch/merge/vec"
)

// A planter makes the rows of one tensor.
type planter struct {
	r      *rand.Rand
	dtype  checkpoint.DType // of the sources
	scale  float64          // of the base's numbers
	base   []float64
	stored [][]byte
	rows   [][]float64 // as they are stored: the base, the sources, the target
}

// store keeps a row, and returns it as it is stored.
func (p *planter) store(d checkpoint.DType, x []float64) []float64 {
	narrow, out := make([]float32, len(x)), make([]float64, len(x))
	for i, v := range x {
		narrow[i] = float32(math.Ldexp(math.RoundToEven(math.Ldexp(v, 44)), -44)) // so that differences are exact in float64
	}
	b := make([]byte, len(x)*d.Bits()/8)
	d.Narrow(b, narrow)
	d.Widen(narrow, b)
	for i, v := range narrow {
		out[i] = float64(v)
	}
	p.stored, p.rows = append(p.stored, b), append(p.rows, out)
	return out
}

// around returns numbers that are so far from x. Every eighth is moved, and further,
// where small steps would be lost in the rounding.
func (p *planter) around(x []float64, far float64) []float64 {
	y, step := slices.Clone(x), p.scale*far
	if far > 0.01 || p.dtype == checkpoint.F32 {
		for i := range y {
			y[i] += float64(step * p.r.NormFloat64())
		}
		return y
	}
	for i := p.r.IntN(min(8, len(y))); i < len(y); i += 8 {
		y[i] += float64(step * math.Sqrt(8) * (p.r.Float64() + 0.5) * float64(2*p.r.IntN(2)-1))
	}
	return y
}

// from adds a source that is so far from x.
func (p *planter) from(x []float64, far float64) []float64 { return p.store(p.dtype, p.around(x, far)) }

// rounded adds a source whose numbers are the base's or next to them, in float16 or
// what is coarser.
func (p *planter) rounded() {
	x, bits := make([]float64, len(p.base)), 11
	if p.dtype == checkpoint.BF16 {
		bits = 8
	}
	for i, v := range p.base {
		_, e := math.Frexp(v)
		x[i] = v + math.Ldexp(float64(p.r.IntN(3)-1), e-bits)
	}
	p.store(p.dtype, x)
}

// A planting is what an adversary does in some tensors of a block.
type planting struct {
	base, source checkpoint.DType
	lens         []int
	missing      float64 // how much of the target is none of the sources', as a share of the base
}

// tensors returns them with their rows.
func (f planting) tensors(r *rand.Rand, a *adversary) []*planter {
	var tensors []*planter
	for _, n := range f.lens {
		p := &planter{r: r, dtype: f.source, scale: math.Ldexp(1, -r.IntN(7))}
		p.base = p.store(f.base, normals(r, n, p.scale))
		a.plant(p)
		target := slices.Clone(p.base)
		for e := range target {
			for i, w := range a.weights {
				target[e] += float64(w * (p.rows[i+1][e] - p.base[e]))
			}
			if f.missing > 0 {
				target[e] += float64(f.missing * p.scale * r.NormFloat64())
			}
		}
		p.store(checkpoint.F32, target)
		tensors = append(tensors, p)
	}
	return tensors
}

// measure returns the products as a pass sums them up.
func (p *planter) measure(base checkpoint.DType) []float64 {
	n := len(p.rows)
	w := &worker{pass: &pass{}, gram: vec.NewGram(n), base: make([]float32, vec.GramChunk), x: make([]float32, vec.GramChunk)}
	for i, b := range p.stored {
		d := p.dtype
		switch i {
		case 0:
			d = base
		case n - 1:
			d = checkpoint.F32
		}
		w.pass.rows = append(w.pass.rows, &merge.Model{})
		w.rows = append(w.rows, workerRow{model: i, tensor: checkpoint.Tensor{DType: d}, bytes: b})
		for j := range i + 1 {
			w.pairs = append(w.pairs, workerPair{j, i, at(j, i, n)})
		}
	}
	sums := make([]float64, triangle(n))
	w.products(sums, len(p.base))
	return sums
}

// exact returns the products of the rows in twice the digits of float64: of the
// differences as they are, or rounded to float32 as the pass has them.
func (p *planter) exact(t *testing.T, rounded bool) []double {
	rows := [][]float64{p.base}
	for _, x := range p.rows[1:] {
		d := make([]float64, len(x))
		for i, v := range x {
			if d[i] = v - p.base[i]; v-d[i] != p.base[i] || d[i]+p.base[i] != v {
				t.Fatalf("%v - %v is not exact", v, p.base[i])
			}
			if rounded {
				d[i] = float64(float32(d[i]))
			}
		}
		rows = append(rows, d)
	}
	var out []double
	for i, x := range rows {
		for _, y := range rows[i:] {
			out = append(out, exactDot(x, y))
		}
	}
	return out
}
