package relatives_test

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"mixmatch/merge"
	"mixmatch/merge/block"
	"mixmatch/merge/checkpoint"
	"mixmatch/merge/mergetest"
	"mixmatch/similarity"
	"mixmatch/similarity/fingerprint"
	"mixmatch/similarity/library"
	"mixmatch/similarity/relatives"
)

// draw adds numbers of a seed to those of a tensor.
func draw(key string, seed uint64, size float64, x []float32) {
	h := fnv.New64a()
	h.Write([]byte(key))
	r := rand.New(rand.NewPCG(seed, h.Sum64()))
	for i := range x {
		x[i] += float32(size * r.NormFloat64())
	}
}

// model makes one of a family: the base, what the family has in common, and what the
// model has for itself. Family 0 is the base's.
func model(t testing.TB, name string, family, own uint64, s mergetest.Sketch) *merge.Model {
	s.Seed, s.DType = 1, checkpoint.F32
	edit := s.Edit
	s.Edit = func(key string, x []float32) {
		if family > 0 {
			draw(key, 100+family, 0.01, x)
			draw(key, 1000+own, 0.007, x)
		}
		if edit != nil {
			edit(key, x)
		}
	}
	return s.Open(t, name)
}

// families are models of three families, in a mixed order.
func families(t testing.TB, div int) (base *merge.Model, models []*merge.Model, family []uint64) {
	family = []uint64{2, 1, 3, 1, 2, 3, 1, 2}
	s := mergetest.Sketch{Div: div}
	for i, f := range family {
		models = append(models, model(t, fmt.Sprintf("f%d-%d", f, i), f, uint64(i), s))
	}
	return model(t, "base", 0, 0, s), models, family
}

func files(t testing.TB, models []*merge.Model, base *merge.Model, threads int) *relatives.Products {
	t.Helper()
	p, err := relatives.Files(t.Context(), models, base, nil, similarity.Options{Threads: threads})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func printOf(t testing.TB, m *merge.Model) *fingerprint.Fingerprint {
	t.Helper()
	f, err := fingerprint.Of(context.Background(), m, fingerprint.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func prints(t testing.TB, models []*merge.Model) (all []*fingerprint.Fingerprint) {
	for _, m := range models {
		all = append(all, printOf(t, m))
	}
	return all
}

func cosines(t testing.TB, p *relatives.Products, from relatives.Reference, ids ...block.ID) *relatives.Matrix {
	t.Helper()
	m, err := p.Cosines(from, ids)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestCosines holds tables to what the words say, computed from the numbers.
func TestCosines(t *testing.T) {
	base, models, _ := families(t, 320)
	l, _ := block.Default(block.SD1)
	in04, _ := l.Index("IN04")
	text, _ := l.Index("BASE")
	p, alone := files(t, models, base, 0), files(t, models, nil, 0)
	for _, c := range []struct {
		name string
		p    *relatives.Products
		from relatives.Reference
		ids  []block.ID
	}{
		{"base", p, relatives.Base, nil},
		{"base, IN04", p, relatives.Base, []block.ID{in04}},
		{"base, IN04 and BASE", p, relatives.Base, []block.ID{text, in04}},
		{"mean", alone, relatives.Mean, nil},
		{"mean, with a base", p, relatives.Mean, nil},
		{"plain", alone, relatives.Plain, nil},
		{"plain, BASE", p, relatives.Plain, []block.ID{text}},
	} {
		got := cosines(t, c.p, c.from, c.ids...)
		for i := range models {
			for j := range i + 1 {
				want := slow(t, models, base, c.from, i, j, func(key string) bool {
					id, ok := l.Of(key)
					if c.ids == nil {
						return ok && l.Part(key) == block.UNet
					}
					return ok && l.Part(key) != block.VAE && slices.Contains(c.ids, id)
				})
				if v := got.Values[i][j]; math.Abs(v-want) > 1e-6 || v != got.Values[j][i] {
					t.Errorf("%s: %d, %d: %v, not %v", c.name, i, j, v, want)
				}
			}
		}
	}
	if _, err := alone.Cosines(relatives.Base, nil); !errors.Is(err, merge.ErrMismatch) {
		t.Errorf("no base: %v", err)
	}
}

// slow computes a cosine from all numbers.
func slow(t testing.TB, models []*merge.Model, base *merge.Model, from relatives.Reference, i, j int, in func(string) bool) float64 {
	var xx, xy, yy float64
	for _, key := range models[0].Keys() {
		if u, _ := models[0].Tensor(key); !u.DType.Float() || !in(key) {
			continue
		}
		x, y := mergetest.Values(t, models[i], key), mergetest.Values(t, models[j], key)
		ref := make([]float64, len(x))
		switch from {
		case relatives.Base:
			for k, v := range mergetest.Values(t, base, key) {
				ref[k] = float64(v)
			}
		case relatives.Mean:
			for _, m := range models {
				for k, v := range mergetest.Values(t, m, key) {
					ref[k] += float64(v) / float64(len(models))
				}
			}
		}
		for k := range x {
			a, b := float64(x[k])-ref[k], float64(y[k])-ref[k]
			xx += float64(a * a)
			xy += float64(a * b)
			yy += float64(b * b)
		}
	}
	return xy / math.Sqrt(xx*yy)
}

// TestFamilies finds planted families, from files and from fingerprints alike.
func TestFamilies(t *testing.T) {
	base, models, family := families(t, 40)
	exact := files(t, models, base, 0)
	sketched, err := relatives.Prints(prints(t, models), printOf(t, base), nil)
	if err != nil {
		t.Fatal(err)
	}
	a, b := cosines(t, exact, relatives.Base), cosines(t, sketched, relatives.Base)
	for i := range models {
		for j := range models {
			if math.Abs(a.Values[i][j]-b.Values[i][j]) > 0.022 {
				t.Errorf("%d, %d: %v by fingerprints, %v", i, j, b.Values[i][j], a.Values[i][j])
			}
		}
	}
	for name, m := range map[string]*relatives.Matrix{"files": a, "fingerprints": b, "mean": cosines(t, files(t, models, nil, 0), relatives.Mean)} {
		tree := relatives.Cluster(m)
		var order []uint64
		for _, i := range tree.Order {
			if f := family[i]; len(order) == 0 || order[len(order)-1] != f {
				order = append(order, f)
			}
		}
		if len(order) != 3 {
			t.Errorf("%s: families stand as %v", name, order)
		}
		// The joins within families come first.
		for k, j := range tree.Joins {
			if within := j.Cosine > 0.5; within != (k < 5) {
				t.Errorf("%s: join %d is %+v", name, k, j)
			}
		}
	}
}

// TestThreads holds tables to the same bits, whoever computes them.
func TestThreads(t *testing.T) {
	base, models, _ := families(t, 40)
	one, two := files(t, models, base, 1), files(t, models, base, 2)
	if !reflect.DeepEqual(one, two) {
		t.Error("two threads find others than one")
	}
}

// TestOrderOfModels gives models in another order.
func TestOrderOfModels(t *testing.T) {
	_, models, _ := families(t, 320)
	a := cosines(t, files(t, models, nil, 0), relatives.Mean)
	slices.Reverse(models)
	b := cosines(t, files(t, models, nil, 0), relatives.Mean)
	n := len(models) - 1
	for i := range models {
		for j := range models {
			if math.Abs(a.Values[i][j]-b.Values[n-i][n-j]) > 1e-7 {
				t.Errorf("%d, %d: %v and %v", i, j, a.Values[i][j], b.Values[n-i][n-j])
			}
		}
	}
}

// TestLacking compares models some of which have no text encoder.
func TestLacking(t *testing.T) {
	var models []*merge.Model
	for i := range uint64(4) {
		s := mergetest.Sketch{}
		if i == 0 || i == 3 {
			s.Drop = "cond_stage_model"
		}
		models = append(models, model(t, fmt.Sprint(i), 1, i, s))
	}
	base := model(t, "base", 0, 0, mergetest.Sketch{})
	for name, p := range map[string]*relatives.Products{"files": files(t, models, base, 0), "prints": func() *relatives.Products {
		p, err := relatives.Prints(prints(t, models), printOf(t, base), nil)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}()} {
		text, _ := p.Layout.Index("BASE")
		m := cosines(t, p, relatives.Base, text)
		for i := range models {
			for j := range models {
				if has := m.Values[i][j] == m.Values[i][j]; has != (i%3 != 0 && j%3 != 0) {
					t.Errorf("%s: text encoder, %d, %d: %v", name, i, j, m.Values[i][j])
				}
			}
		}
		all := cosines(t, p, relatives.Base)
		if v := all.Values[0][3]; !(v > 0.5) {
			t.Errorf("%s: network, 0, 3: %v", name, v)
		}
	}
}

// TestMisuse gives models that cannot be compared, or hardly.
func TestMisuse(t *testing.T) {
	a, b := model(t, "a", 1, 1, mergetest.Sketch{}), model(t, "b", 1, 2, mergetest.Sketch{})
	xl := mergetest.Sketch{Arch: block.SDXL}.Open(t, "xl")
	nan := model(t, "nan", 1, 3, mergetest.Sketch{Edit: func(key string, x []float32) {
		if strings.Contains(key, "out.2.bias") {
			x[0] = float32(math.NaN())
		}
	}})
	for _, c := range []struct {
		name   string
		models []*merge.Model
		base   *merge.Model
		want   error
	}{
		{"one", []*merge.Model{a}, b, merge.ErrMismatch},
		{"none", nil, nil, merge.ErrMismatch},
		{"another architecture", []*merge.Model{a, xl}, nil, merge.ErrMismatch},
		{"a base of another", []*merge.Model{a, b}, xl, merge.ErrMismatch},
		{"NaN", []*merge.Model{a, nan, b}, nil, merge.ErrNonFinite},
	} {
		if _, err := relatives.Files(t.Context(), c.models, c.base, nil, similarity.Options{}); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
		if c.name == "NaN" {
			continue // it has no fingerprint
		}
		var base *fingerprint.Fingerprint
		if c.base != nil {
			base = printOf(t, c.base)
		}
		if _, err := relatives.Prints(prints(t, c.models), base, nil); !errors.Is(err, c.want) {
			t.Errorf("%s, prints: %v", c.name, err)
		}
	}

	copied := *a
	p := files(t, []*merge.Model{a, b, &copied}, a, 0)
	if got := p.Same(); len(got) != 1 || got[0] != [2]int{0, 2} {
		t.Errorf("a model twice: %v", got)
	}
	m := cosines(t, p, relatives.Base)
	if m.Values[0][1] == m.Values[0][1] || m.Values[1][1] != 1 {
		t.Errorf("the base itself has cosines: %v", m.Values)
	}
	if tree := relatives.Cluster(m); len(tree.Order) != 3 || len(tree.Joins) != 2 {
		t.Errorf("%+v", tree)
	}
	m = cosines(t, files(t, []*merge.Model{a, &copied, a}, nil, 0), relatives.Mean)
	if v := m.Values[0][1]; v == v {
		t.Errorf("copies have a cosine of deltas from their mean: %v", v)
	}
}

// TestOrder holds the order of leaves to the best of all that the tree allows.
func TestOrder(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for n := 1; n <= 9; n++ {
		for range 20 {
			m := &relatives.Matrix{Names: make([]string, n)}
			for range n {
				m.Values = append(m.Values, make([]float64, n))
			}
			for i := range n {
				for j := range i {
					v := math.Round(10*r.Float64()) / 10 // many are equal
					m.Values[i][j], m.Values[j][i] = v, v
				}
			}
			tree := relatives.Cluster(m)
			got, best := sum(m, tree.Order), math.Inf(-1)
			for _, order := range turned(n, tree.Joins) {
				best = max(best, sum(m, order))
			}
			if len(tree.Order) != n || math.Abs(got-best) > 1e-12 {
				t.Fatalf("%d models: %v has %v, the best %v", n, tree.Order, got, best)
			}
		}
	}
}

func sum(m *relatives.Matrix, order []int) (s float64) {
	for k := 1; k < len(order); k++ {
		s += m.Values[order[k-1]][order[k]]
	}
	return s
}

// turned returns all orders that a tree allows.
func turned(n int, joins []relatives.Join) [][]int {
	all := make([][][]int, n)
	for i := range n {
		all[i] = [][]int{{i}}
	}
	for _, j := range joins {
		var orders [][]int
		for _, a := range all[j.A] {
			for _, b := range all[j.B] {
				orders = append(orders, slices.Concat(a, b), slices.Concat(b, a))
			}
		}
		all = append(all, orders)
	}
	return all[len(all)-1]
}

// A shelf is a library in memory.
type shelf []*fingerprint.Fingerprint

func (s shelf) Entries(_ context.Context, use func(*library.Entry) error) error {
	for _, f := range s {
		if err := use(library.EntryOf(f)); err != nil {
			return err
		}
	}
	return nil
}

func (s shelf) Load(_ context.Context, contents []string, use func(*fingerprint.Fingerprint) error) error {
	for _, f := range slices.Backward(s) {
		if slices.Contains(contents, f.Content) {
			if err := use(f); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s shelf) Add(context.Context, *fingerprint.Fingerprint) (bool, error) { return false, nil }
func (s shelf) Has(context.Context, string) (bool, error)                   { return false, nil }
func (s shelf) Check(context.Context, func(string)) (int, error)            { return 0, nil }
func (s shelf) Close() error                                                { return nil }

func TestNear(t *testing.T) {
	base, models, family := families(t, 40)
	lib := shelf(prints(t, models))
	lib = append(lib, printOf(t, base), printOf(t, mergetest.Sketch{Arch: block.SDXL}.Open(t, "xl")))
	// One of family 1 with the text encoder of the model looked for, and half its blocks.
	text := mergetest.Sketch{Div: 40, Edit: func(key string, x []float32) {
		if strings.Contains(key, "cond_stage") || strings.Contains(key, "output_blocks") {
			if u, _ := models[1].Tensor(key); u.DType.Float() {
				copy(x, mergetest.Values(t, models[1], key))
			}
		}
	}}
	lib = append(lib, printOf(t, model(t, "relative", 1, 77, text)))
	for _, c := range []struct {
		name string
		base *fingerprint.Fingerprint
		of   int
	}{{"base", printOf(t, base), 0}, {"mean", nil, len(models) + 2}} {
		f, err := relatives.Near(t.Context(), lib, relatives.Search{Model: printOf(t, models[1]), Base: c.base, Most: 5})
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if len(f.Relatives) != 5 || f.MeanOf != c.of || f.Sure != 0 || len(f.Notes) != 1 {
			t.Errorf("%s: %+v", c.name, f)
		}
		first := f.Relatives[0]
		if first.Name != "relative" || !first.Parts["text encoder"] || first.Parts["VAE"] || first.Same < 10 || first.Same == first.Blocks {
			t.Errorf("%s: the first is %+v", c.name, first)
		}
		for k, r := range f.Relatives[1:3] {
			i := slices.IndexFunc(models, func(m *merge.Model) bool { return m.Name == r.Name })
			if i < 0 || family[i] != 1 || r.Parts["text encoder"] || r.Same != 0 {
				t.Errorf("%s: relative %d is %+v", c.name, k+1, r)
			}
			if c.base == nil {
				continue
			}
			want := slow(t, models, base, relatives.Base, 1, i, func(key string) bool { return strings.HasPrefix(key, "model.diffusion_model.") })
			if math.Abs(r.Cosine-want) > 4*r.Error || r.Error > 0.01 {
				t.Errorf("%s: %s has %v ± %v, not %v", c.name, r.Name, r.Cosine, r.Error, want)
			}
		}
	}
	for name, s := range map[string]relatives.Search{
		"the base itself":          {Model: printOf(t, base), Base: printOf(t, base), Most: 1},
		"a base of another":        {Model: lib[0], Base: lib[len(models)+1], Most: 1},
		"no other of it":           {Model: lib[len(models)+1], Most: 1},
		"no other of it, and base": {Model: lib[len(models)+1], Base: lib[len(models)+1], Most: 1},
	} {
		if _, err := relatives.Near(t.Context(), lib, s); !errors.Is(err, merge.ErrMismatch) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestNearAmongMany screens more models than are compared.
func TestNearAmongMany(t *testing.T) {
	base := model(t, "base", 0, 0, mergetest.Sketch{})
	first := printOf(t, base)
	var lib shelf
	made := func(name string, family, own uint64) *fingerprint.Fingerprint {
		f := *first
		f.Name, f.Content, f.Sections = name, name, slices.Clone(first.Sections)
		for i := range f.Sections {
			s := &f.Sections[i]
			s.Sums = slices.Clone(s.Sums)
			draw(s.Name, 100+family, 0.01, s.Sums)
			draw(s.Name, 1000+own, 0.01, s.Sums)
		}
		return &f
	}
	for i := range uint64(400) {
		lib = append(lib, made(fmt.Sprint("other", i), 10+i, i))
	}
	lib = append(lib, made("sister", 1, 998), made("brother", 1, 999))
	f, err := relatives.Near(t.Context(), lib, relatives.Search{Model: made("model", 1, 997), Base: first, Most: 3})
	if err != nil {
		t.Fatal(err)
	}
	names := []string{f.Relatives[0].Name, f.Relatives[1].Name}
	slices.Sort(names)
	if !slices.Equal(names, []string{"brother", "sister"}) || f.Models != 402 || f.Compared != 300 || !(f.Sure > 0.1 && f.Sure < 0.3) {
		t.Errorf("%v of %d, %d, %v", names, f.Models, f.Compared, f.Sure)
	}
}
