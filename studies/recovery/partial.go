package recovery

import (
	"math"
	"math/rand/v2"
)

// The kinds of family whose changes are not normal numbers in every tensor.

// lowRanks is fifteen models of which every second has nothing but a LoRA on top
// of the base.
func lowRanks(seed uint64) *family {
	const n = 15
	r := source(seed, "low ranks")
	s, rank := strengths(r, n), make([]int, n)
	for i := range rank {
		rank[i] = pick(r, 4, 8, 16, 32)
	}
	return &family{seed: seed, names: numbered(n), deltas: func(t *tensor, r *rand.Rand) [][]float32 {
		return each(n, func(i int) []float32 {
			switch {
			case i%2 == 1:
				return normals(r, t.Len(), s[i])
			case t.inLoRA():
				return lowRank(r, t, rank[i], 1.5*s[i])
			}
			return make([]float32, t.Len())
		})
	}}
}

// heavyTails is fifteen models whose changes are distributed as Student's t with
// three degrees of freedom; in every second they are in one number of twenty.
func heavyTails(seed uint64) *family {
	const n = 15
	r := source(seed, "heavy tails")
	s := strengths(r, n)
	return &family{seed: seed, names: numbered(n), deltas: func(t *tensor, r *rand.Rand) [][]float32 {
		return each(n, func(i int) []float32 {
			d := make([]float32, t.Len())
			for k := range d {
				switch {
				case i%2 == 1:
					d[k] = s[i] * student(r)
				case r.IntN(20) == 0:
					d[k] = 4 * s[i] * student(r)
				}
			}
			return d
		})
	}}
}

// student returns a number of Student's t with three degrees of freedom, scaled
// to variance 1.
func student(r *rand.Rand) float32 {
	a, b, c := r.NormFloat64(), r.NormFloat64(), r.NormFloat64()
	return float32(r.NormFloat64() / math.Sqrt(float64(a*a)+float64(b*b)+float64(c*c)))
}

// frozen is fifteen models of which two in three have the base's text encoder.
func frozen(seed uint64) *family {
	const n = 15
	r := source(seed, "frozen")
	s := strengths(r, n)
	return &family{seed: seed, names: numbered(n), deltas: func(t *tensor, r *rand.Rand) [][]float32 {
		return each(n, func(i int) []float32 {
			if t.inEncoder() && i%3 > 0 {
				return make([]float32, t.Len())
			}
			return normals(r, t.Len(), s[i])
		})
	}}
}

// withOther is f and one model more, called v1-4: the base a little less trained.
func withOther(f *family) *family {
	g := *f
	g.names = append(f.names[:len(f.names):len(f.names)], otherBase)
	g.deltas = func(t *tensor, r *rand.Rand) [][]float32 {
		return append(f.deltas(t, r), normals(r, t.Len(), 0.012))
	}
	return &g
}

// otherBase is the model that is taken for the base by mistake.
const otherBase = "v1-4"
