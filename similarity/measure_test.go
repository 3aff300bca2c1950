package similarity_test

import (
	"context"
	"errors"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"mixmatch/merge"
	"mixmatch/merge/block"
	"mixmatch/merge/checkpoint"
	"mixmatch/merge/checkpoint/safetensors"
	"mixmatch/merge/vec"
	"mixmatch/similarity"
)

// write writes a small model of the shape of Stable Diffusion 1.x whose numbers
// are drawn from seed, as dtype, without the tensors that skip tells.
func write(t *testing.T, name string, seed uint64, dtype checkpoint.DType, skip func(key string) bool, alter func(key string, x []float32)) *merge.Model {
	t.Helper()
	var tensors []checkpoint.Tensor
	for _, s := range block.Scaled(block.SD1, 40) {
		if skip != nil && skip(s.Name) {
			continue
		}
		d := dtype
		if s.Integer {
			d = "I64"
		}
		tensors = append(tensors, checkpoint.Tensor{Name: s.Name, DType: d, Shape: s.Shape})
	}
	path := filepath.Join(t.TempDir(), name+".safetensors")
	w, err := safetensors.Create(path, tensors, nil, false)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Abort()
	for _, q := range w.Tensors() {
		b := make([]byte, q.Bytes())
		if q.DType.Float() {
			x := numbers(q.Name, seed, q.Len())
			if alter != nil {
				alter(q.Name, x)
			}
			switch q.DType {
			case "F16":
				vec.NarrowF16(b, x)
			case "BF16":
				vec.NarrowBF16(b, x)
			case "F64":
				vec.NarrowF64(b, x)
			default:
				vec.NarrowF32(b, x)
			}
		}
		if _, err := w.Write(b); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Commit(); err != nil {
		t.Fatal(err)
	}
	m, err := merge.OpenModel(name, path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

// numbers draws a tensor: the same base for every seed, and a tenth of its own.
func numbers(key string, seed uint64, n int) []float32 {
	h := fnv.New64a()
	h.Write([]byte(key))
	base, own := rand.New(rand.NewPCG(h.Sum64(), 0)), rand.New(rand.NewPCG(h.Sum64(), seed))
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(base.NormFloat64() + 0.1*own.NormFloat64())
	}
	return x
}

func noText(key string) bool { return block.PartOf(key) == block.TextEncoder }
func noVAE(key string) bool  { return block.PartOf(key) == block.VAE }

// TestMeasure checks every product of a pass over files of four number formats
// against float64 sums of the files' numbers.
func TestMeasure(t *testing.T) {
	models := []*merge.Model{
		write(t, "base", 1, "F32", nil, nil),
		write(t, "half", 2, "F16", noVAE, nil),
		write(t, "bfloat", 3, "BF16", noText, nil),
		write(t, "double", 4, "F64", nil, nil),
	}
	target := write(t, "target", 5, "F16", nil, nil)
	pool, err := merge.NewPool(models)
	if err != nil {
		t.Fatal(err)
	}
	var last, total int64
	g, err := similarity.Measure(t.Context(), pool, target, 1, func(d, n int64) { last, total = d, n })
	if err != nil {
		t.Fatal(err)
	}
	if last != total || total == 0 {
		t.Errorf("progress ended at %d of %d", last, total)
	}
	again, err := similarity.Measure(t.Context(), pool, target, 3, nil)
	if err != nil {
		t.Fatal(err)
	}
	if want := len(block.Scaled(block.SD1, 40)) - 1; len(g.Tensors) != want { // all but position_ids
		t.Errorf("%d tensors measured; want %d", len(g.Tensors), want)
	}
	all := append(slices.Clone(models), target)
	for i, q := range g.Tensors {
		products := q.P.Unpack(nil)
		if !slices.Equal(products, again.Tensors[i].P.Unpack(nil)) || q.Floor != again.Tensors[i].Floor {
			t.Fatalf("%s: other sums with three threads", q.Key)
		}
		var absent []int
		rows := make([][]float64, len(all))
		for k, m := range all {
			rows[k] = make([]float64, q.Len)
			u, ok := m.Tensor(q.Key)
			if !ok {
				absent = append(absent, k)
				continue
			}
			x := make([]float32, q.Len)
			if err := m.File.Read(x, nil, u, 0); err != nil {
				t.Fatal(err)
			}
			for e, v := range x {
				rows[k][e] = float64(v)
				if k > 0 {
					rows[k][e] -= rows[0][e]
				}
			}
		}
		if !slices.Equal(absent, q.Absent) {
			t.Errorf("%s: absent %v; want %v", q.Key, q.Absent, absent)
		}
		k := 0
		for a := range rows {
			for b := a; b < len(rows); b++ {
				want, size := 0.0, 0.0
				for e := range rows[a] {
					want += rows[a][e] * rows[b][e]
					size += math.Abs(rows[a][e] * rows[b][e])
				}
				if math.Abs(products[k]-want) > 1e-6*size {
					t.Errorf("%s: product of rows %d and %d is %v; want %v", q.Key, a, b, products[k], want)
				}
				k++
			}
		}
		x := make([]float32, q.Len)
		u, _ := target.Tensor(q.Key)
		if err := target.File.Read(x, nil, u, 0); err != nil {
			t.Fatal(err)
		}
		floor := 0.0
		for _, v := range x {
			_, e := math.Frexp(float64(v))
			ulp := math.Ldexp(1, max(e-11, -24)) // float16 has 11 digits, down to 2^-24
			floor += ulp * ulp / 12
		}
		if math.Abs(floor-q.Floor) > 1e-9*floor || q.Half != q.Floor {
			t.Errorf("%s: rounding floor %v, as float16 %v; want %v", q.Key, q.Floor, q.Half, floor)
		}
	}
}

func TestMeasureRefuses(t *testing.T) {
	base, target := write(t, "base", 1, "F32", nil, nil), write(t, "target", 2, "F16", nil, nil)
	const key = "model.diffusion_model.middle_block.0.in_layers.2.weight"
	sick := write(t, "sick", 3, "F16", nil, func(k string, x []float32) {
		if k == key {
			x[3], x[5] = float32(math.NaN()), float32(math.Inf(-1))
		}
	})
	pool, err := merge.NewPool([]*merge.Model{base, sick})
	if err != nil {
		t.Fatal(err)
	}
	_, err = similarity.Measure(t.Context(), pool, target, 0, nil)
	if !errors.Is(err, merge.ErrNonFinite) || !strings.Contains(err.Error(), sick.File.Path()+" has 2 of") || !strings.Contains(err.Error(), key) {
		t.Errorf("NaN and infinity: %v", err)
	}
	if unsound := new(similarity.UnsoundError); !errors.As(err, &unsound) || !slices.Equal(unsound.Models, []string{"sick"}) {
		t.Errorf("unsound: %v", unsound.Models)
	}
	pool, err = merge.NewPool([]*merge.Model{base})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := similarity.Measure(ctx, pool, target, 0, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
}
