package residual

import (
	"hash/fnv"
	"math"
	"math/rand/v2"
	"path/filepath"
	"testing"

	"mixmatch/merge"
	"mixmatch/merge/block"
	"mixmatch/merge/checkpoint"
	"mixmatch/merge/checkpoint/safetensors"
	"mixmatch/merge/difference"
	"mixmatch/merge/vec"
	"mixmatch/similarity"
)

// A world is a family of small models and a target made of it.
type world struct {
	arch    block.Arch
	div     int
	weights [][]float64 // by block and model
	layout  *block.Layout
	pool    *merge.Pool
	target  *merge.Model
	gram    *similarity.Gram
	lora    map[string]int // key -> rank planted
	ids     bool           // integers are not zero
}

// A plant says what the target has beyond the mix.
type plant struct {
	arch     block.Arch // SD1 if empty
	div      int        // 12 if 0
	seed     uint64
	rank     func(key string, shape []int) int // 0: nothing
	strength float64                           // of the LoRA's numbers, in units of the models' differences
	add      func(key string, x []float32)     // what else is done to a tensor
	ids      bool                              // position ids of its own
}

const models = 3

func rng(key string, seed uint64) *rand.Rand {
	h := fnv.New64a()
	h.Write([]byte(key))
	return rand.New(rand.NewPCG(h.Sum64(), seed))
}

// numbers are those of model i: a base that all share, and differences with a
// direction in common.
func numbers(key string, seed uint64, i, n int) []float32 {
	const spread, drift = 0.05, 0.004
	base, common, own := rng(key, seed), rng(key, seed+1), rng(key, seed+10+uint64(i))
	x := make([]float32, n)
	for k := range x {
		v := spread * base.NormFloat64()
		if i > 0 {
			v += drift * (0.5*common.NormFloat64() + 0.87*own.NormFloat64())
		}
		x[k] = float32(v)
	}
	vec.RoundF16(x)
	return x
}

func grow(t testing.TB, p plant) *world {
	t.Helper()
	if p.arch == "" {
		p.arch = block.SD1
	}
	if p.div == 0 {
		p.div = 12
	}
	w := &world{arch: p.arch, div: p.div, lora: map[string]int{}}
	var err error
	if w.layout, err = block.For(p.arch, block.SM2025); err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(p.seed, 3))
	for range w.layout.Len() {
		a, b := 0.1+0.4*r.Float64(), 0.1+0.4*r.Float64()
		w.weights = append(w.weights, []float64{1 - a - b, a, b})
	}
	var all []*merge.Model
	drawn := map[string][models][]float32{}
	for i := range models {
		all = append(all, w.write(t, string(rune('A'+i)), func(key string, _ []int, n int) []float32 {
			d := drawn[key]
			d[i] = numbers(key, p.seed, i, n)
			drawn[key] = d
			return d[i]
		}))
	}
	if w.pool, err = merge.NewPool(all); err != nil {
		t.Fatal(err)
	}
	w.ids = p.ids
	w.target = w.write(t, "T", func(key string, shape []int, n int) []float32 {
		x := make([]float32, n)
		sum := make([]float64, n)
		id, governed := w.layout.Of(key)
		for i := range models {
			switch {
			case governed:
				vec.Axpy64(sum, w.weights[id][i], drawn[key][i])
			case i == 0:
				vec.Axpy64(sum, 1, drawn[key][i])
			}
		}
		if p.rank != nil {
			if rank := p.rank(key, shape); rank > 0 {
				w.lora[key] = rank
				lora(sum, rng(key, p.seed+99), shape[0], difference.Parts(key), rank, 0.004*p.strength)
			}
		}
		for i, v := range sum {
			x[i] = float32(v)
		}
		if p.add != nil {
			p.add(key, x)
		}
		return x
	})
	if w.gram, err = similarity.Measure(t.Context(), w.pool, w.target, 0, nil); err != nil {
		t.Fatal(err)
	}
	return w
}

// lora adds products of the given rank, of standard deviation std, to the parts
// of a matrix.
func lora(sum []float64, r *rand.Rand, rows, parts, rank int, std float64) {
	cols := len(sum) / rows
	for part := range parts {
		m := rows / parts
		u, v := make([]float64, m*rank), make([]float64, rank*cols)
		for i := range u {
			u[i] = r.NormFloat64()
		}
		for i := range v {
			v[i] = r.NormFloat64()
		}
		for i := range m {
			for k := range rank {
				f := u[i*rank+k] * std / math.Sqrt(float64(rank))
				for j := range cols {
					sum[(part*m+i)*cols+j] += f * v[k*cols+j]
				}
			}
		}
	}
}

// write writes a float16 model.
func (w *world) write(t testing.TB, name string, values func(key string, shape []int, n int) []float32) *merge.Model {
	t.Helper()
	var tensors []checkpoint.Tensor
	shapes := map[string][]int{}
	for _, s := range block.Scaled(w.arch, w.div) {
		d := checkpoint.F16
		if s.Integer {
			d = "I64"
		}
		tensors = append(tensors, checkpoint.Tensor{Name: s.Name, DType: d, Shape: s.Shape})
		shapes[s.Name] = s.Shape
	}
	path := filepath.Join(t.TempDir(), name+".safetensors")
	out, err := safetensors.Create(path, tensors, nil, false)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Abort()
	for _, q := range out.Tensors() {
		b := make([]byte, q.Bytes())
		if q.DType.Float() {
			vec.NarrowF16(b, values(q.Name, shapes[q.Name], q.Len()))
		} else if w.ids {
			b[0] = 1
		}
		if _, err := out.Write(b); err != nil {
			t.Fatal(err)
		}
	}
	if err := out.Commit(); err != nil {
		t.Fatal(err)
	}
	m, err := merge.OpenModel(name, path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

// rest is R with weights, those of least squares if nil.
func (w *world) rest(t testing.TB, weights [][]float64) *Rest {
	t.Helper()
	if weights == nil {
		var err error
		if weights, err = SolveBlocks(w.layout)(w.gram); err != nil {
			t.Fatal(err)
		}
	}
	return &Rest{Pool: w.pool, Target: w.target, Layout: w.layout, Weights: weights, VAE: -1}
}

// worst returns the largest error of any weight.
func (w *world) worst(weights [][]float64) float64 {
	worst := 0.0
	for id, row := range w.weights {
		if weights[id] == nil {
			continue
		}
		for i, v := range row {
			worst = max(worst, math.Abs(v-weights[id][i]))
		}
	}
	return worst
}

// trained tells the tensors that LoRAs are usually trained on.
func trained(key string, shape []int) bool {
	switch KindOf(key, shape) {
	case Query, Key, Value, Output, Forward:
		return true
	}
	return false
}
