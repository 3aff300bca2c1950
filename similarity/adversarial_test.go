package similarity

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"mixmatch/merge/checkpoint"
)

// An adversary plants sources whose weights rest on the last digits of the products.
type adversary struct {
	name    string
	plant   func(p *planter)
	weights []float64 // of the sources; the base has the rest
}

// apart is how far near twins are from each other, as a share of how far they are from
// the base.
const apart = 0.003

var adversaries = []adversary{
	{"sources alike in size", func(p *planter) {
		for range 4 {
			p.from(p.base, 0.1)
		}
	}, []float64{0.3, 0.2, -0.1, 0.4}},
	{"near twins", func(p *planter) {
		p.from(p.from(p.base, 0.1), apart*0.1)
		p.from(p.from(p.base, 0.1), apart*0.1)
	}, []float64{0.3, 0.2, 0.25, 0.1}},
	{"chain of near twins", func(p *planter) {
		x := p.from(p.base, 0.1)
		for range 5 {
			x = p.from(x, apart*0.1)
		}
	}, []float64{0.3, 0.2, -0.1, 0.1, 0.2, 0.1}},
	{"near twins of the base", func(p *planter) {
		p.from(p.base, 0.1)
		p.from(p.from(p.base, apart*0.1), apart*0.1)
	}, []float64{0.3, 0.2, 0.4}},
	{"one 1000 times another", func(p *planter) {
		p.from(p.base, 0.005)
		p.from(p.base, 5)
		p.from(p.base, 0.1)
	}, []float64{0.3, 0.2, 0.4}},
	{"near twins beside 1000 times as much", func(p *planter) {
		p.from(p.from(p.base, 0.05), apart*0.05)
		p.from(p.base, 50)
	}, []float64{0.3, 0.2, 0.4}},
	{"large near twins beside a thousandth", func(p *planter) {
		p.from(p.from(p.base, 5), apart*5)
		p.from(p.base, 0.005)
	}, []float64{0.3, 0.2, 0.4}},
	{"far from the base", func(p *planter) {
		far := p.around(p.base, 5)
		for range 4 {
			p.from(far, 0.02)
		}
	}, []float64{0.3, 0.2, 0.25, 0.1}},
	{"one unit of rounding", func(p *planter) {
		for range 4 {
			p.rounded()
		}
	}, []float64{0.3, 0.2, -0.1, 0.4}},
	{"cancelling", func(p *planter) {
		for range 4 {
			p.from(p.base, 0.1)
		}
	}, []float64{1.5, -1.499, 2, -2.001}},
	{"cancelling near twins", func(p *planter) {
		p.from(p.from(p.base, 0.1), apart*0.1)
		p.from(p.from(p.base, 0.1), apart*0.1)
	}, []float64{5, -4.999, -2, 2.001}},
}

// A finding is the worst of some families.
type finding struct {
	families, alike int     // of which so many have sources that cannot be told apart
	nearest         float64 // how far the nearest two models are apart, as a share of the longest difference
	products        [2]float64
	weights         [2][2]float64 // where all is there, and where something is missing
	errors          float64       // of the last, in standard errors
}

// What is measured is held against the products of the differences as they are rounded
// to float32, which leaves the sums' own error, and of the differences as they are.
const ofSums, ofAll = 0, 1

// judge plants a family and adds what it shows.
func (f *finding) judge(t *testing.T, a *adversary, fam planting, r *rand.Rand) {
	n := len(a.weights) + 1
	g := &Gram{Names: strings.Split("ABCDEFGH"[:n], "")}
	var truths [2][][]double
	for i, p := range fam.tensors(r, a) {
		target, half := p.stored[n], make([]byte, 2*len(p.base))
		x := make([]float32, len(p.base))
		checkpoint.F32.Widen(x, target)
		checkpoint.F16.Narrow(half, x)
		q := Products{Key: fmt.Sprint(keyOut, i), Len: len(x), P: NewTriangle(p.measure(fam.base), n+1)}
		q.Floor, q.Half = checkpoint.F32.Rounding(target), checkpoint.F16.Rounding(half)
		g.Tensors = append(g.Tensors, q)
		// Four sums of every fourth product of a stretch, and the stretches'; by Cauchy and
		// Schwarz the products add up to no more than |a||b|. A difference rounds once.
		limit := float64(min(q.Len, stretchLen)/4+q.Len/stretchLen+4) * 0x1p-53
		for k, more := range []float64{0, 0x1p-23} {
			truth := p.exact(t, k == ofSums)
			truths[k] = append(truths[k], truth)
			off := worst(q.P.Unpack(nil), truth, n+1)
			if !(off <= min(limit, 1e-12)+more) {
				t.Errorf("%s, %+v: a product of %d numbers is off by %.2g", a.name, fam, q.Len, off)
			}
			f.products[k] = max(f.products[k], off)
		}
	}
	f.families++
	b := g.Blocks(layout(t))
	fit, err := b.Fit(idOUT03, b.all(idOUT03), nil)
	if err != nil {
		t.Fatal(err)
	}
	if math.IsInf(slices.Max(fit.SE), 1) {
		f.alike++
		return
	}
	plain, on := b.sums[idOUT03].plain(), b.sums[idOUT03].basis()
	least, most := math.Inf(1), 0.
	for j := range n {
		for i := range j {
			least, most = min(least, plain.apart(i, j)), max(most, plain.apart(0, j))
		}
	}
	f.nearest = min(f.nearest, math.Sqrt(least/most))
	for k := range truths {
		for i, w := range bestMix(total(truths[k], g.Tensors, on.weight)) {
			off, kind, limit := math.Abs(fit.Weights[i]-w), 0, 1e-6
			switch {
			case fam.missing > 0: // the error is that of what is missing
				kind, limit = 1, max(limit, []float64{1e-5, 1e-3}[k]*fit.SE[i])
			case k == ofAll: // the error is that of a rounding or two
				limit = max(limit, 8*fit.SE[i])
			}
			if !(off <= limit) {
				t.Errorf("%s, %+v: weight %d is off by %.2g; its error is %.2g", a.name, fam, i, off, fit.SE[i])
			}
			f.weights[kind][k] = max(f.weights[kind][k], off)
			if kind == 1 && k == ofAll {
				f.errors = max(f.errors, off/fit.SE[i])
			}
		}
	}
}

// worst returns by how much a product is off at the most, as a share of the rows' norms.
func worst(p []float64, truth []double, rows int) float64 {
	most := 0.
	for i := range rows {
		for j := i; j < rows; j++ {
			e := at(i, j, rows)
			if off := math.Abs(p[e] - truth[e].hi - truth[e].lo); off > 0 {
				most = max(most, off/math.Sqrt(truth[at(i, i, rows)].hi*truth[at(j, j, rows)].hi))
			}
		}
	}
	return most
}

// TestAdversarial holds products and weights against those of exact sums, and says with
// -v how far off they are, as docs/performance.md shows it.
func TestAdversarial(t *testing.T) {
	formats := []checkpoint.DType{checkpoint.F32, checkpoint.F16, checkpoint.BF16}
	if testing.Short() {
		formats = formats[:2]
	}
	tiny := finding{nearest: 1}
	row := func(name string, f *finding) {
		t.Logf("| %s | %d, %d | %.2g | %.1e | %.1e | %.1e | %.1e | %.1e | %.1e | %.1e |", name, f.families, f.alike, f.nearest,
			f.products[ofSums], f.products[ofAll], f.weights[0][ofSums], f.weights[0][ofAll], f.weights[1][ofSums], f.weights[1][ofAll], f.errors)
	}
	for i := range adversaries {
		a, r, f := &adversaries[i], newRand(uint64(i)), finding{nearest: 1}
		for _, missing := range []float64{0, 0.05} {
			for _, base := range formats {
				for _, source := range formats {
					for range 4 {
						tiny.judge(t, a, planting{base, source, []int{1, 2, 3, 7, 9, 15}, missing}, r)
					}
					for range 2 {
						f.judge(t, a, planting{base, source, []int{1, 7, 8, 9, 511, 512, 513, 1283}, missing}, r)
					}
					f.judge(t, a, planting{base, source, []int{77, 4095, 4097, 40001}, missing}, r)
				}
			}
			if !testing.Short() {
				f.judge(t, a, planting{checkpoint.F32, checkpoint.F16, []int{1, 3, 300007}, missing}, r)
			}
		}
		row(a.name, &f)
	}
	row("all these, in blocks of 37 numbers", &tiny)
}
