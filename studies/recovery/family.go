package recovery

import (
	"fmt"
	"math/rand/v2"

	"mixmatch/merge/vec"
)

// A family is a set of models that come from one base.
type family struct {
	seed  uint64
	names []string

	// deltas returns what training changed in a tensor, for each model, in
	// standard deviations of the base. It may draw any numbers from r.
	deltas func(t *tensor, r *rand.Rand) [][]float32

	// trained is where the models lie that are not made up; nil for others.
	trained *trained
}

// baseName is the model that a family comes from.
const baseName = "v1-5"

// values returns a tensor of the base, as float32, and of the models, as they
// are after a store as float16.
func (f *family) values(t *tensor) (map[string][]float32, error) {
	if f.trained != nil {
		return f.trained.values(t)
	}
	base := normals(source(f.seed, "base", t.Name), t.Len(), t.dev)
	for i := range base {
		base[i] += t.mean
	}
	all := map[string][]float32{baseName: base}
	for i, d := range f.deltas(t, source(f.seed, "deltas", t.Name)) {
		x := make([]float32, len(base))
		copy(x, base)
		add(x, t.dev, d)
		vec.RoundF16(x)
		all[f.names[i]] = x
	}
	return all, nil
}

// numbered returns the names of n models.
func numbered(n int) []string {
	var names []string
	for i := range n {
		names = append(names, fmt.Sprintf("m%02d", i))
	}
	return names
}

// strengths returns how far training moved each of n models, in standard
// deviations of the base's numbers.
func strengths(r *rand.Rand, n int) []float32 {
	s := make([]float32, n)
	for i := range s {
		s[i] = pick[float32](r, 0.02, 0.03, 0.05, 0.08)
	}
	return s
}

// pick returns one of x.
func pick[T any](r *rand.Rand, x ...T) T { return x[r.IntN(len(x))] }

// between returns a number from lo to hi.
func between(r *rand.Rand, lo, hi float64) float32 { return float32(lo + float64((hi-lo)*r.Float64())) }

// uneven returns a factor for how far one tensor of a model moved.
func uneven(r *rand.Rand) float32 { return between(r, 0.3, 1.7) }
