package recovery

import (
	"math/rand/v2"
	"slices"
)

// The kinds of family. All but the first differ from it in what fine-tunes of
// real life differ in: they resemble each other, are versions or merges of each
// other, leave parts of the network alone, or change few numbers by much.

// loose is n models that share little.
func loose(seed uint64, n int) *family {
	r := source(seed, "loose")
	s := strengths(r, n)
	return &family{seed: seed, names: numbered(n), deltas: func(t *tensor, r *rand.Rand) [][]float32 {
		common := normals(r, t.Len(), 1)
		return each(n, func(i int) []float32 {
			d := normals(r, t.Len(), 0.95*s[i]*uneven(r))
			add(d, 0.3*s[i], common)
			return d
		})
	}}
}

// oneDirection is n models of which a part of each points the same way, as that
// of all models does that were trained on the same leaked one.
func oneDirection(seed uint64, n int) *family {
	r := source(seed, "one direction")
	load := make([]float32, n)
	for i := range load {
		load[i] = between(r, 0.25, 0.75)
	}
	return &family{seed: seed, names: numbered(n), deltas: func(t *tensor, r *rand.Rand) [][]float32 {
		common := normals(r, t.Len(), 0.12)
		return each(n, func(i int) []float32 {
			d := normals(r, t.Len(), 0.12*uneven(r))
			add(d, load[i], common)
			return d
		})
	}}
}

// loads says how much of three shared directions the models of clusters have.
var loads = [][3]float32{
	{0.5, 0, 0},
	{0.6, 0.3, 0},
	{0.3, 0.8, 0},
	{0.2, 0.9, 0},
	{0.7, 0, 0.4},
	{0.4, 0, 0.8},
	{0.5, 0.5, 0},
	{0.3, 0.2, 0.6},
	{0.8, 0.1, 0.1},
	{0.2, 0.6, 0.3},
	{0.4, 0.4, 0.4}, // a stranger, of which m10 is a merge
	{0.3, 0.7, 0.2}, // the last model
}

// clusters is thirteen models that share three directions. m10 is a merge of m00,
// m05 and a stranger, m11 a later version of m02. The last, m12, is one to
// withhold.
func clusters(seed uint64) *family {
	return &family{seed: seed, names: numbered(13), deltas: func(t *tensor, r *rand.Rand) [][]float32 {
		shared := each(3, func(int) []float32 { return normals(r, t.Len(), 0.12) })
		d := each(len(loads), func(i int) []float32 {
			x := normals(r, t.Len(), 0.12*uneven(r))
			for k, a := range loads[i] {
				if a != 0 {
					add(x, a*between(r, 0.6, 1.4), shared[k])
				}
			}
			return x
		})
		stranger, last := d[10], d[11]
		merged := sum(t.Len(), []float32{0.4, 0.3, 0.3}, d[0], d[5], stranger)
		version := normals(r, t.Len(), 0.25*0.12)
		add(version, 1, d[2])
		return append(d[:10:10], merged, version, last)
	}}
}

// kin is fifteen models that share a direction; the first eight are pairs, each
// of which shares another one: one is a version of the other.
func kin(seed uint64) *family {
	const n, paired = 15, 8
	r := source(seed, "kin")
	s := make([]float32, n)
	for i := range s {
		s[i] = pick[float32](r, 0.03, 0.05, 0.08)
	}
	return &family{seed: seed, names: numbered(n), deltas: func(t *tensor, r *rand.Rand) [][]float32 {
		all := normals(r, t.Len(), 1)
		pairs := each(paired/2, func(int) []float32 { return normals(r, t.Len(), 1) })
		return each(n, func(i int) []float32 {
			own := float32(0.866)
			if i < paired {
				own = 0.51
			}
			d := normals(r, t.Len(), own*s[i])
			add(d, 0.5*s[i], all)
			if i < paired {
				add(d, 0.7*s[i], pairs[i/2])
			}
			return d
		})
	}}
}

// other returns the model of kin that is a version of the one called name.
func other(name string) string {
	all := numbered(15)
	return all[slices.Index(all, name)^1]
}

// merges is fifteen models of which nine are merges of three of those before
// them and of one that is nowhere; or, if pure, five are merges of three of the
// other ten and of nothing else.
func merges(seed uint64, pure bool) *family {
	const n = 15
	trained, others := 6, 4
	if pure {
		trained, others = 10, 0
	}
	type blend struct {
		of     []int
		weight []float32
		hidden int
		own    float32
	}
	r := source(seed, "merges")
	s := strengths(r, n)
	var blends []blend
	for i := trained; i < n; i++ {
		from := i
		if pure {
			from = trained
		}
		b := blend{of: r.Perm(from)[:3], weight: shares(r, 3+min(others, 1)), hidden: r.IntN(4)}
		if !pure && r.IntN(2) == 0 {
			b.own = 0.005
		}
		blends = append(blends, b)
	}
	return &family{seed: seed, names: numbered(n), deltas: func(t *tensor, r *rand.Rand) [][]float32 {
		hidden := each(others, func(int) []float32 { return normals(r, t.Len(), 0.06) })
		d := each(trained, func(i int) []float32 { return normals(r, t.Len(), s[i]) })
		for _, b := range blends {
			x := sum(t.Len(), b.weight[:3], d[b.of[0]], d[b.of[1]], d[b.of[2]])
			if !pure {
				add(x, b.weight[3], hidden[b.hidden])
			}
			if b.own > 0 {
				add(x, b.own, normals(r, t.Len(), 1))
			}
			d = append(d, x)
		}
		return d
	}}
}

// each returns f of 0 to n-1.
func each[T any](n int, f func(i int) T) []T {
	x := make([]T, n)
	for i := range x {
		x[i] = f(i)
	}
	return x
}

// sum returns the sum of w_i times row i, n numbers.
func sum(n int, w []float32, rows ...[]float32) []float32 {
	x := make([]float32, n)
	for i, row := range rows {
		add(x, w[i], row)
	}
	return x
}

// shares returns n numbers that sum to 1, all such sets being equally likely.
func shares(r *rand.Rand, n int) []float32 {
	x, total := make([]float32, n), float32(0)
	for i := range x {
		x[i] = float32(r.ExpFloat64())
		total += x[i]
	}
	for i := range x {
		x[i] /= total
	}
	return x
}
