package recovery

import (
	"math"
	"math/rand/v2"
	"slices"

	"mixmatch/merge/block"
	"mixmatch/merge/calc"
)

// A finish is what is done to a mix after its recipe. It may change x, a tensor
// of the mix, and draw numbers from r.
type finish func(r *rand.Rand, t *tensor, x []float32, models map[string][]float32) error

// usual is the root mean square of what a LoRA at strength 1 adds to a matrix, in
// standard deviations of the base's numbers. Fine-tunes move by 0.02 to 0.08.
const usual = 0.05

// lora bakes in a LoRA.
func lora(rank int, strength float32) finish {
	return func(r *rand.Rand, t *tensor, x []float32, _ map[string][]float32) error {
		if t.inLoRA() {
			add(x, 1, lowRank(r, t, rank, usual*strength*t.dev))
		}
		return nil
	}
}

// trainDifference adds the model called name by SuperMerger's mode of that name,
// which scales each number by how much of it the mix has already.
func trainDifference(name string, ratio float64) finish {
	return func(_ *rand.Rand, t *tensor, x []float32, models map[string][]float32) error {
		wrap := func(x []float32) calc.Tensor { return calc.Tensor{DType: calc.F32, Shape: t.Shape, Data: x} }
		s := calc.Step{Mode: calc.AddDifference, Calc: calc.TrainDifference, Era: block.SM2025, Alpha: ratio}
		y, err := s.Merge(nil, t.Name, wrap(slices.Clone(x)), wrap(models[name]), wrap(models[baseName]))
		copy(x, y.Data)
		return err
	}
}

// dare adds the difference of the model called name from the base, of which a
// random half is dropped and the rest doubled.
func dare(name string, ratio float32) finish {
	return func(r *rand.Rand, _ *tensor, x []float32, models map[string][]float32) error {
		m, base := models[name], models[baseName]
		for i := range x {
			if r.Uint64()&1 == 0 {
				x[i] += float32(2 * ratio * (m[i] - base[i]))
			}
		}
		return nil
	}
}

// ties adds the difference of the model called name from the base where it is
// among the larger half and has the sign of what the mix has there: trimming and
// election, as TIES has them.
func ties(name string, ratio float32) finish {
	return func(_ *rand.Rand, _ *tensor, x []float32, models map[string][]float32) error {
		m, base := models[name], models[baseName]
		sizes := make([]float64, len(x))
		for i := range x {
			sizes[i] = math.Abs(float64(m[i] - base[i]))
		}
		slices.Sort(sizes)
		least := sizes[len(sizes)/2]
		for i := range x {
			d := m[i] - base[i]
			if math.Abs(float64(d)) >= least && d > 0 == (x[i] > base[i]) {
				x[i] += float32(ratio * d)
			}
		}
		return nil
	}
}
