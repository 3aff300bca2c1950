package merge_test

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"mixmatch/merge"
	"mixmatch/merge/block"
	"mixmatch/merge/checkpoint"
	"mixmatch/merge/mergetest"
)

const convIn = "model.diffusion_model.input_blocks.0.0.weight"

// wide gives a model's first convolution so many input channels.
func wide(channels int) func(key string, shape []int) []int {
	return func(key string, shape []int) []int {
		if key == convIn {
			shape = slices.Clone(shape)
			shape[1] = channels
		}
		return shape
	}
}

func openSketch(t *testing.T, name string, s mergetest.Sketch) *merge.Model {
	t.Helper()
	m, err := merge.OpenModel(name, s.Write(t, name))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

func TestShared(t *testing.T) {
	plain := openSketch(t, "plain", mergetest.Sketch{Seed: 1})
	inpaint := openSketch(t, "inpaint", mergetest.Sketch{Seed: 2, Div: 80, Shape: wide(9)})
	small := openSketch(t, "small", mergetest.Sketch{Seed: 2, Div: 80})
	edits := openSketch(t, "edits", mergetest.Sketch{Seed: 3, Shape: wide(8)})
	depth := openSketch(t, "depth", mergetest.Sketch{Seed: 3, Shape: wide(5)})
	xl := openSketch(t, "xl", mergetest.Sketch{Seed: 3, Arch: block.SDXL})

	for _, tt := range []struct {
		name   string
		target *merge.Model
		models []*merge.Model
		want   string // a part of the error, "same" for the models themselves, or ""
	}{
		{"one kind", plain, []*merge.Model{plain, small}, "same"},
		{"all inpainting", inpaint, []*merge.Model{inpaint}, "same"},
		{"beside", inpaint, []*merge.Model{small, inpaint}, ""},
		{"beside pix2pix", edits, []*merge.Model{plain, edits}, ""},
		{"none to begin with", inpaint, []*merge.Model{small, plain}, "begins with one: none of the sources is"},
		{"into a plain one", plain, []*merge.Model{plain, inpaint}, "inpaint is sd1 inpainting"},
		{"two kinds", edits, []*merge.Model{edits, inpaint}, "same"},
		{"depth", depth, []*merge.Model{depth, plain}, "same"},
		{"another architecture", inpaint, []*merge.Model{inpaint, xl}, "same"},
	} {
		got, err := merge.Shared(tt.target.Kind, tt.models)
		switch {
		case err != nil:
			if tt.want == "" || !errors.Is(err, merge.ErrMismatch) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%s: %v; want %q", tt.name, err, tt.want)
			}
		case slices.Equal(got, tt.models) != (tt.want == "same"):
			t.Errorf("%s: %v of %v; want %q", tt.name, got, tt.models, tt.want)
		case tt.want == "":
			if _, err := merge.NewPool(got[:1]); err != nil {
				t.Errorf("%s: %v", tt.name, err)
			}
			for _, m := range got {
				if m.Kind != (block.Model{Arch: block.SD1}) {
					t.Errorf("%s: %s is %s", tt.name, m.Name, m.Kind)
				}
			}
		}
	}
}

// TestCut reads the first channels of an inpainting model in pieces of all
// lengths.
func TestCut(t *testing.T) {
	s := mergetest.Sketch{Seed: 2, Div: 80, Shape: wide(9)}
	inpaint := openSketch(t, "inpaint", s)
	plain := openSketch(t, "plain", mergetest.Sketch{Seed: 1, Div: 80})
	all, err := merge.Comparable([]*merge.Model{plain, inpaint})
	if err != nil {
		t.Fatal(err)
	}
	whole, _ := inpaint.Tensor(convIn)
	cut, ok := all[1].Tensor(convIn)
	if want := []int{whole.Shape[0], 4, 3, 3}; !ok || !slices.Equal(cut.Shape, want) {
		t.Fatalf("%v of %v; want %v", cut.Shape, whole.Shape, want)
	}
	x := make([]float32, whole.Len())
	if err := inpaint.Read(x, nil, whole, 0); err != nil {
		t.Fatal(err)
	}
	var want []float32
	for i := range whole.Shape[0] {
		want = append(want, x[i*81:i*81+36]...)
	}
	for at := 0; at < len(want); at += 5 {
		for _, n := range []int{1, 35, 36, 37, 90, len(want) - at} {
			got := make([]float32, min(n, len(want)-at))
			if err := all[1].Read(got, nil, cut, at); err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(got, want[at:at+len(got)]) {
				t.Fatalf("elements %d to %d are not those of the file", at, at+len(got))
			}
		}
	}
	other := "model.diffusion_model.out.2.weight"
	a, _ := inpaint.Tensor(other)
	b, _ := all[1].Tensor(other)
	y, z := make([]float32, a.Len()), make([]float32, b.Len())
	if err := errors.Join(inpaint.Read(y, nil, a, 0), all[1].Read(z, nil, b, 0)); err != nil || !slices.Equal(y, z) {
		t.Errorf("another tensor differs: %v", err)
	}
	if all[1].File.Path() != inpaint.File.Path() || all[1].File.Changed() != nil {
		t.Error("it is of another file")
	}
}

// TestCutRounding holds what rounding added to eight-bit weights that are scaled to
// what it is where nothing is cut.
func TestCutRounding(t *testing.T) {
	const scale = "model.diffusion_model.input_blocks.0.0.scale_weight"
	s := mergetest.Sketch{Seed: 2, Div: 80, Shape: func(key string, shape []int) []int {
		if key == scale {
			return nil
		}
		return wide(9)(key, shape)
	}, Keys: map[string]checkpoint.DType{convIn: checkpoint.E4M3, scale: checkpoint.F32}}
	inpaint := openSketch(t, "inpaint", s)
	plain := openSketch(t, "plain", mergetest.Sketch{Seed: 1, Div: 80})
	all, err := merge.Comparable([]*merge.Model{plain, inpaint})
	if err != nil {
		t.Fatal(err)
	}
	rounding := func(m *merge.Model, at, n int) float64 {
		u, _ := m.Tensor(convIn)
		b := make([]byte, 4*n)
		if err := m.ReadBytes(b, u, int64(4*at)); err != nil {
			t.Fatal(err)
		}
		sum, err := m.File.Rounding(b, u, at)
		if err != nil {
			t.Fatal(err)
		}
		return sum
	}
	want := 0.0
	for row := range 4 {
		want += rounding(inpaint, row*81, 36)
	}
	whole, _ := inpaint.Tensor(convIn)
	b := make([]byte, whole.Bytes())
	if err := inpaint.ReadBytes(b, whole, 0); err != nil {
		t.Fatal(err)
	}
	if plainly := whole.DType.Rounding(b); want < 1e6*plainly {
		t.Fatalf("%v is no more than float32's %v", want, plainly)
	}
	if got := rounding(all[1], 0, 4*36); math.Abs(got-want) > 1e-12*want {
		t.Errorf("%v; want %v", got, want)
	}
}
