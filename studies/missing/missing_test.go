package missing_test

import (
	"errors"
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
	"mixmatch/merge/difference"
	"mixmatch/merge/recipe"
	"mixmatch/similarity"
	"mixmatch/studies"
	"mixmatch/studies/demo"
	"mixmatch/studies/missing"
)

// family writes the planted family.
func family(t *testing.T) demo.Planted {
	t.Helper()
	p, err := demo.Write(t.Context(), t.TempDir(), demo.Family{Div: 10, Seed: 3, Era: block.SM2025}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func open(t *testing.T, name, path string) *merge.Model {
	t.Helper()
	m, err := merge.OpenModel(name, path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

// study runs a study of target without some of the sources.
func study(t *testing.T, p demo.Planted, target string, base bool, without ...string) (string, *studies.Summary) {
	t.Helper()
	c := studies.Config{Target: studies.FileOf(open(t, "target", target)), Plan: studies.Plan{Sampler: "cmaes", Trials: 1, Seed: 1}}
	if base {
		c.Base = studies.FileOf(open(t, recipe.NameOf(p.Base), p.Base))
	}
	for _, s := range p.Sources {
		if !slices.Contains(without, s.Name) {
			c.Sources = append(c.Sources, studies.FileOf(open(t, s.Name, s.Path)))
		}
	}
	dir := filepath.Join(t.TempDir(), "s")
	s, err := studies.Create(dir, c)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	sum, err := s.Run(t.Context(), studies.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return dir, sum
}

func files(t *testing.T, dir string) *studies.Files {
	t.Helper()
	f, err := studies.OpenFiles(dir)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// numbers reads a tensor of a file.
func numbers(t *testing.T, f *checkpoint.File, name string) []float32 {
	t.Helper()
	q, ok := f.Tensor(name)
	if !ok {
		t.Fatalf("%s lacks %q", f.Path(), name)
	}
	x := make([]float32, q.Len())
	if err := f.Read(x, nil, q, 0); err != nil {
		t.Fatal(err)
	}
	return x
}

// bake writes a copy of the model at path with a LoRA in its matrices of attention
// and feed forward.
func bake(t *testing.T, path string, rank int, strength float64) string {
	t.Helper()
	m := open(t, "target", path)
	r := rand.New(rand.NewPCG(9, 9))
	var tensors []difference.Tensor
	for _, q := range m.File.Tensors() {
		d := difference.Tensor{Name: q.Name, DType: q.DType, Shape: q.Shape, Bytes: func(dst []byte, at int64) error { return m.File.ReadBytes(dst, q, at) }}
		if baked(q) {
			x := numbers(t, m.File, q.Name)
			rows, cols := q.Shape[0], q.Len()/q.Shape[0]
			size := 0.0
			for _, v := range x {
				size += float64(v) * float64(v) / float64(len(x))
			}
			for range rank {
				a, b := make([]float64, rows), make([]float64, cols)
				for i := range a {
					a[i] = r.NormFloat64()
				}
				for i := range b {
					b[i] = r.NormFloat64() * strength * 0.1 * math.Sqrt(size/float64(rank))
				}
				for i := range rows {
					for j := range cols {
						x[i*cols+j] += float32(a[i] * b[j])
					}
				}
			}
			d.Bytes, d.Read = nil, func(dst []float32, at int) error { copy(dst, x[at:]); return nil }
		}
		tensors = append(tensors, d)
	}
	out := filepath.Join(t.TempDir(), "baked.safetensors")
	if err := difference.Write(t.Context(), out, tensors, difference.Options{}); err != nil {
		t.Fatal(err)
	}
	return out
}

func baked(q checkpoint.Tensor) bool {
	return strings.Contains(q.Name, "diffusion_model") && len(q.Shape) == 2 && min(q.Shape[0], q.Shape[1]) >= 32 &&
		(strings.Contains(q.Name, "attn") || strings.Contains(q.Name, ".ff."))
}

// TestLoRA bakes LoRAs in: the verdict is not exact, the ranks are right, and the
// recipe and the file written make the target, but for rounding.
func TestLoRA(t *testing.T) {
	if testing.Short() {
		t.Skip("takes its time")
	}
	p := family(t)
	for _, c := range []struct {
		rank     int
		strength float64
	}{{4, 1}, {8, 0.3}} {
		target := bake(t, p.Target, c.rank, c.strength)
		dir, sum := study(t, p, target, true)
		if sum.Verdict == similarity.Exact {
			t.Errorf("rank %d: verdict exact", c.rank)
		}
		if sum.LoRA == nil || sum.LoRA.Rank != c.rank {
			t.Errorf("rank %d: the study says %+v", c.rank, sum.LoRA)
		}
		g, err := missing.Open(t.Context(), files(t, dir))
		if err != nil {
			t.Fatal(err)
		}
		defer g.Close()
		a, err := g.FindLoRA(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		found, ok := a.LoRA()
		if !ok || found.Rank != c.rank || found.Same < found.Pieces*19/20 || a.Explained < 1-1e-4 {
			t.Errorf("rank %d: %s, %+v, explained %v", c.rank, a.Result, found, a.Explained)
		}
		r, err := recipe.Parse(p.Layout(), a.Recipe, recipe.Options{})
		if err != nil {
			t.Fatal(err)
		}
		for id := range p.Layout().Blocks().All() {
			w := r.Flatten(id)
			for _, s := range p.Sources {
				v := 0.0
				if q := w[s.Name]; q != nil {
					v, _ = q.Float64()
				}
				if want := p.Weight(id, s.Name); math.Abs(v-want) > 0.005 {
					t.Errorf("rank %d: %s in %s: %v, planted %v", c.rank, s.Name, p.Layout().Name(id), v, want)
				}
			}
		}
		out := filepath.Join(t.TempDir(), "lora.safetensors")
		if err := g.WriteLoRA(t.Context(), out, "lora", a, 0, missing.Options{}); err != nil {
			t.Fatal(err)
		}
		f, err := safetensors.Open(out)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if f.Metadata()["mixmatch.recipe"] != a.Recipe || len(f.Tensors()) == 0 {
			t.Errorf("rank %d: %d tensors, metadata %v", c.rank, len(f.Tensors()), f.Metadata())
		}
		err = g.WriteLoRA(t.Context(), out, "lora", a, 100000, missing.Options{Force: true})
		if !errors.Is(err, missing.ErrNothing) || !strings.Contains(err.Error(), "at most") {
			t.Errorf("a rank beyond the matrix: %v", err)
		}
		if err = g.WriteLoRA(t.Context(), out, "lora", a, 0, missing.Options{}); err == nil {
			t.Error("a file was replaced")
		}
	}
}

// TestModel withholds a source: what is written is like it, and the difference with
// the recipe is the target.
func TestModel(t *testing.T) {
	p := family(t)
	const hidden = "sxd_10Pruned" // in the output blocks only
	dir, sum := study(t, p, p.Target, true, hidden)
	if sum.Missing == nil || sum.LoRA != nil {
		t.Fatalf("missing %+v, LoRA %+v", sum.Missing, sum.LoRA)
	}
	g, err := missing.Open(t.Context(), files(t, dir))
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	out := filepath.Join(t.TempDir(), "unknown.safetensors")
	signals, err := g.WriteModel(t.Context(), out, missing.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range signals {
		if (s.Ratio > 10) != strings.HasPrefix(s.Block, "OUT") {
			t.Errorf("%+v", s)
		}
	}
	at := slices.IndexFunc(p.Sources, func(s demo.Source) bool { return s.Name == hidden })
	made, base, true_ := open(t, "made", out), open(t, "base", p.Base), open(t, "true", p.Sources[at].Path)
	var dot, one, two float64
	for _, q := range true_.File.Tensors() {
		id, ok := p.Layout().Of(q.Name)
		if !ok || block.PartOf(q.Name) != block.UNet || p.Layout().GroupOf(id) != block.Outputs {
			continue
		}
		x, y, b := numbers(t, made.File, q.Name), numbers(t, true_.File, q.Name), numbers(t, base.File, q.Name)
		for i := range x {
			u, v := float64(x[i]-b[i]), float64(y[i]-b[i])
			dot, one, two = dot+u*v, one+u*u, two+v*v
		}
	}
	if cosine := dot / math.Sqrt(one*two); cosine < 0.85 { // its weight differs from block to block
		t.Errorf("the cosine with the true source's difference is %.3f", cosine)
	}
	a, err := g.FindLoRA(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := a.LoRA(); ok {
		t.Errorf("a LoRA in a model that is missing: %s", a.Result)
	}
	if err := g.WriteLoRA(t.Context(), out, "x", a, 0, missing.Options{Force: true}); !errors.Is(err, missing.ErrNothing) {
		t.Errorf("no LoRA written: %v", err)
	}
	left := filepath.Join(t.TempDir(), "left.safetensors")
	if err := g.WriteDifference(t.Context(), left, missing.Options{}); err != nil {
		t.Fatal(err)
	}
	f, err := safetensors.Open(left)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, ok := f.Tensor("model.diffusion_model.out.2.weight"); !ok {
		t.Error("the difference lacks tensors")
	}

	exact, _ := study(t, p, p.Target, true)
	if _, err := missing.Open(t.Context(), files(t, exact)); !errors.Is(err, missing.ErrNothing) || !strings.Contains(err.Error(), "nothing is missing") {
		t.Errorf("an exact study: %v", err)
	}
}

// TestNoBase measures from the nearest source and says so.
func TestNoBase(t *testing.T) {
	p := family(t)
	dir, sum := study(t, p, p.Target, false)
	if sum.Missing == nil {
		t.Fatalf("verdict %s", sum.Verdict)
	}
	g, err := missing.Open(t.Context(), files(t, dir))
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	if len(g.Notes) == 0 || !strings.Contains(g.Notes[0], "no base") {
		t.Errorf("notes %v", g.Notes)
	}
	_, err = g.WriteModel(t.Context(), filepath.Join(t.TempDir(), "x.safetensors"), missing.Options{})
	if sum.Missing.Subtracted != errors.Is(err, missing.ErrNothing) {
		t.Errorf("%+v: %v", sum.Missing, err)
	}
}
