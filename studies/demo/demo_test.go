package demo

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/big"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"mixmatch/merge"
	"mixmatch/merge/block"
	"mixmatch/merge/checkpoint"
	"mixmatch/merge/checkpoint/safetensors"
	"mixmatch/merge/vec"
)

var small = Family{Div: 80, Seed: 7, Decoys: true}

func write(t *testing.T, f Family) Planted {
	t.Helper()
	var last, total int64
	p, err := Write(t.Context(), t.TempDir(), f, func(d, n int64) {
		if d < last {
			t.Errorf("progress went back from %d to %d", last, d)
		}
		last, total = d, n
	})
	if err != nil {
		t.Fatal(err)
	}
	if last != total {
		t.Errorf("progress ended at %d of %d", last, total)
	}
	return p
}

func open(t *testing.T, path string) *checkpoint.File {
	t.Helper()
	f, err := safetensors.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// raw returns the bytes of a tensor.
func raw(t *testing.T, f *checkpoint.File, x checkpoint.Tensor) []byte {
	t.Helper()
	b := make([]byte, x.Bytes())
	if err := f.ReadBytes(b, x, 0); err != nil {
		t.Fatal(err)
	}
	return b
}

// paths returns all files of p.
func paths(p Planted) []string {
	all := []string{p.Target, p.Base}
	for _, s := range p.Sources {
		all = append(all, s.Path)
	}
	return all
}

func TestFiles(t *testing.T) {
	p := write(t, small)
	if len(p.Sources) != len(characters) {
		t.Errorf("%d sources", len(p.Sources))
	}
	root := open(t, p.Sources[0].Path)
	for _, path := range paths(p) {
		f := open(t, path)
		m, err := merge.KindOf(f)
		if err != nil || m != (block.Model{Arch: block.SD1}) {
			t.Errorf("%s: %v, %v", path, m, err)
		}
		dtype := checkpoint.DType("F16")
		if path == p.Base {
			dtype = "F32"
		}
		parts := map[block.Part]int{}
		for _, x := range f.Tensors() {
			part := block.PartOf(x.Name)
			parts[part]++
			if want := dtype; x.DType != want && x.DType != "I64" {
				t.Errorf("%s: %s is %s; want %s", path, x.Name, x.DType, want)
			}
			if x.DType == "I64" && !bytes.Equal(raw(t, f, x), positions(77)) {
				t.Errorf("%s: %s is not 0 to 76", path, x.Name)
			}
			if path == p.Target && part == block.VAE {
				y, _ := root.Tensor(x.Name)
				if !bytes.Equal(raw(t, f, x), raw(t, root, y)) {
					t.Errorf("target's %s is not OpenBra's", x.Name)
				}
			}
		}
		want := map[block.Part]int{block.UNet: 686, block.TextEncoder: 197, block.VAE: 248}
		switch filepath.Base(path) {
		case "dreamshaper_5PrunedNoVaeTrain.safetensors", "dreamshaper_6NoVae.safetensors":
			want[block.VAE] = 0
		}
		for _, part := range []block.Part{block.UNet, block.TextEncoder, block.VAE} {
			if parts[part] != want[part] {
				t.Errorf("%s: %d tensors in the %s; want %d", path, parts[part], part, want[part])
			}
		}
	}
}

// digest returns a checksum of all files of p.
func digest(t *testing.T, p Planted) string {
	t.Helper()
	h := sha256.New()
	for _, path := range paths(p) {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		h.Write(b)
	}
	return fmt.Sprintf("%x", h.Sum(nil))
}

// TestSame checks that families are the same on any number of processors, and
// others under another seed.
func TestSame(t *testing.T) {
	f := Family{Div: 25, Seed: 7} // some tensors take several chunks
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	one := digest(t, write(t, f))
	runtime.GOMAXPROCS(4)
	if digest(t, write(t, f)) != one {
		t.Error("other bytes on four processors than on one")
	}
	f.Seed = 8
	if digest(t, write(t, f)) == one {
		t.Error("two seeds, one family")
	}
}

// TestWeights compares the planted recipe with the published one's exact
// weights.
func TestWeights(t *testing.T) {
	b, err := os.ReadFile(filepath.Join("testdata", "blessing_weights.json"))
	if err != nil {
		t.Fatal(err)
	}
	var want map[string]map[string]*big.Rat
	if err := json.Unmarshal(b, &want); err != nil {
		t.Fatal(err)
	}
	p := write(t, small)
	l := p.Layout()
	for id := range l.Blocks().All() {
		exact := want[l.Name(id)]
		if len(exact) == 0 {
			t.Fatalf("no weights of %s", l.Name(id))
		}
		for _, s := range append(p.Sources, Source{Name: baseName}) {
			w := 0.0
			if r, ok := exact[s.Name]; ok {
				w, _ = r.Float64()
			}
			if got := p.Weight(id, s.Name); math.Abs(got-w) > 1e-12 {
				t.Errorf("%s: %s weighs %v; want %v", l.Name(id), s.Name, got, w)
			}
		}
	}
}

// TestTarget checks that the target is the mix with the exact weights, but for
// the rounding after each step.
func TestTarget(t *testing.T) {
	for _, era := range block.ErasOf(block.SD1) {
		f := small
		f.Era = era
		p := write(t, f)
		l := p.Layout()
		target := open(t, p.Target)
		names := []string{baseName}
		models := []*checkpoint.File{open(t, p.Base)}
		for _, s := range p.Sources {
			names = append(names, s.Name)
			models = append(models, open(t, s.Path))
		}
		residual, floor := make([]float64, l.Len()), make([]float64, l.Len())
		for _, x := range target.Tensors() {
			id, ok := l.Of(x.Name)
			if !ok || block.PartOf(x.Name) == block.VAE {
				continue
			}
			mix := make([]float64, x.Len())
			for i, m := range models {
				values := make([]float32, x.Len())
				y, _ := m.Tensor(x.Name)
				if err := m.Read(values, nil, y, 0); err != nil {
					t.Fatal(err)
				}
				vec.Axpy64(mix, p.Weight(id, names[i]), values)
			}
			values := make([]float32, x.Len())
			if err := target.Read(values, nil, x, 0); err != nil {
				t.Fatal(err)
			}
			for i, v := range values {
				d := float64(v) - mix[i]
				residual[id] += d * d
			}
			floor[id] += vec.SumUlp2F16(raw(t, target, x)) / 12
		}
		for id := range l.Blocks().All() {
			// One rounding leaves the floor, each earlier one somewhat less.
			if r := residual[id] / floor[id]; r < 0.8 || r > 12 {
				t.Errorf("%s, %s: residual is %.2f times one rounding", era, l.Name(id), r)
			} else {
				t.Logf("%s, %s: residual is %.2f times one rounding", era, l.Name(id), r)
			}
		}
	}
}

func TestCancel(t *testing.T) {
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	_, err := Write(ctx, dir, small, func(done, _ int64) {
		if done > 1000 {
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("%d files left, such as %s", len(left), left[0].Name())
	}
}

func TestRefusals(t *testing.T) {
	dir := t.TempDir()
	if _, err := Write(t.Context(), dir, Family{}, nil); err == nil {
		t.Error("divisor 0 accepted")
	}
	if _, err := Write(t.Context(), dir, Family{Div: 40, Era: "x"}, nil); err == nil {
		t.Error("era x accepted")
	}
	if _, err := Write(t.Context(), dir, small, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := Write(t.Context(), dir, small, nil); err == nil {
		t.Error("files replaced")
	}
	force := small
	force.Force = true
	if _, err := Write(t.Context(), dir, force, nil); err != nil {
		t.Error(err)
	}
}
