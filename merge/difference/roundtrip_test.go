package difference

import (
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"mixmatch/merge/block"
	"mixmatch/merge/checkpoint"
	"mixmatch/merge/checkpoint/safetensors"
)

// TestWrittenIsRead writes random changes of all modules of each architecture, and
// reads the same difference back.
func TestWrittenIsRead(t *testing.T) {
	for _, arch := range []block.Arch{block.SD1, block.SD2, block.SDXL} {
		r := rand.New(rand.NewPCG(1, 2))
		model := map[string][]int{}
		var modules []Module
		want := map[string][]float64{}
		for _, k := range block.Scaled(arch, 160) {
			model[k.Name] = k.Shape
			for part := range Parts(k.Name) {
				name, ok := ModuleName(arch, k.Name, part)
				if !ok {
					continue
				}
				m := Module{Name: name, Out: k.Shape[0] / Parts(k.Name), In: k.Shape[1:]}
				cols := k.Len() / k.Shape[0]
				rank := 1 + r.IntN(3)
				for range rank {
					m.S = append(m.S, r.Float64())
				}
				for range m.Out * rank {
					m.U = append(m.U, float32(r.NormFloat64()))
				}
				for range cols * rank {
					m.V = append(m.V, float32(r.NormFloat64()))
				}
				modules = append(modules, m)
				for i := range m.Out * cols {
					sum := 0.0
					for j, s := range m.S {
						sum += float64(m.U[i/cols*rank+j]) * s * float64(m.V[i%cols*rank+j])
					}
					want[k.Name] = append(want[k.Name], sum)
				}
			}
		}
		path := filepath.Join(t.TempDir(), "lora.safetensors")
		if err := WriteLoRA(t.Context(), path, modules, LoRAOptions{Arch: arch, DType: checkpoint.F32}); err != nil {
			t.Fatal(err)
		}
		f, err := safetensors.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if !Is(f) {
			t.Errorf("%s: what was written is no LoRA", arch)
		}
		l, err := Read(f)
		if err != nil {
			t.Fatal(err)
		}
		if d := l.Describe(); d.Arch != arch {
			t.Errorf("%s: the LoRA is said to be for %q", arch, d.Arch)
		}
		e, err := l.Expand(shapes(model))
		if err != nil {
			t.Fatal(err)
		}
		made, err := checkpoint.New(e)
		if err != nil {
			t.Fatal(err)
		}
		if len(made.Tensors()) != len(want) {
			t.Errorf("%s: %d tensors are changed; want %d", arch, len(made.Tensors()), len(want))
		}
		for _, k := range made.Tensors() {
			x, shape := read(t, made, k.Name)
			if !slices.Equal(shape, model[k.Name]) || len(x) != len(want[k.Name]) {
				t.Fatalf("%s: %s is of shape %v, not %v", arch, k.Name, shape, model[k.Name])
			}
			for i, w := range want[k.Name] {
				if math.Abs(float64(x[i])-w) > 1e-5*max(1, math.Abs(w)) {
					t.Fatalf("%s: element %d of %s is %v; want %v", arch, i, k.Name, x[i], w)
				}
			}
		}
	}
}

// TestReadAtOnce reads parts of many tensors, bytes of them even, side by side.
func TestReadAtOnce(t *testing.T) {
	f := opened(t, "lycoris-adds")
	e := expanded(t, "lycoris", f, "D/")
	whole := make([][]byte, len(e.Tensors()))
	for i, k := range e.Tensors() {
		whole[i] = make([]byte, k.Bytes())
		if err := e.ReadBytes(whole[i], i, 0); err != nil {
			t.Fatal(err)
		}
	}
	var wg sync.WaitGroup
	for worker := range 4 {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(uint64(worker), 3))
			for range 100 {
				i := r.IntN(len(whole))
				at := r.IntN(len(whole[i]) + 1)
				b := make([]byte, r.IntN(len(whole[i])-at+1))
				if err := e.ReadBytes(b, i, int64(at)); err != nil || !slices.Equal(b, whole[i][at:at+len(b)]) {
					t.Errorf("tensor %d, %d bytes at %d: %v", i, len(b), at, err)
				}
			}
		})
	}
	wg.Wait()
	if len(e.kept) > keep {
		t.Errorf("%d tensors are kept", len(e.kept))
	}
}

// TestBakeWays computes each way by hand where it differs from the others.
func TestBakeWays(t *testing.T) {
	// up x down is 1 + 2^-10 (a float16) times 3; ratio and scale are no powers of 2.
	u := float32(1 + 1.0/1024)
	l, err := Read(file(t, map[string]numbers{
		module1 + ".lora_up.weight":   of([]float32{u}, 1, 1),
		module1 + ".lora_down.weight": of([]float32{3}, 1, 1),
		module1 + ".alpha":            of([]float32{0.7}),
	}, nil))
	if err != nil {
		t.Fatal(err)
	}
	e, err := l.Expand(shapes(map[string][]int{key1: {1, 1}}))
	if err != nil {
		t.Fatal(err)
	}
	round := func(v float32) float32 {
		x := []float32{v}
		checkpoint.F16.Round(x)
		return x[0]
	}
	r, s, w := float32(0.3), float32(0.7), float32(0.1)
	for way, want := range map[Way]float32{
		Kohya:       round(w + float32(r*float32(u*3))*s),
		SuperMerger: round(w + round(float32(round(r*u)*3)*s)),
		Diffusers:   round(w + round(float32(u*3)*float32(float64(s)*0.3))),
	} {
		x := []float32{w}
		if err := e.Bake(x, key1, 0, checkpoint.F16, 0.3, way); err != nil || x[0] != want {
			t.Errorf("%s: %v, %v; want %v", way, x[0], err, want)
		}
	}
	x := []float32{w}
	if err := e.Bake(x, convKey, 0, checkpoint.F16, 0.3, Kohya); err != nil || x[0] != w {
		t.Errorf("a tensor that is not changed: %v, %v", x[0], err)
	}
	for _, err := range []error{
		e.Bake(x, key1, 0, "I8", 1, Kohya), e.Bake(x, key1, 0, checkpoint.F16, 1, "other"),
		e.Bake(x, key1, 1, checkpoint.F16, 1, Kohya), e.Bake(x, key1, -1, checkpoint.F16, 1, Kohya),
	} {
		if err == nil {
			t.Error("baked")
		}
	}
	if got := fmt.Sprint(Ways()); got != "[kohya supermerger diffusers]" {
		t.Error(got)
	}
}
