package studies_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"mixmatch/merge"
	"mixmatch/merge/block"
	"mixmatch/merge/recipe"
	"mixmatch/optimize"
	"mixmatch/similarity"
	"mixmatch/studies"
	"mixmatch/studies/demo"
)

// family writes a small family once for each era.
var family = func() func(t *testing.T, era block.Era) demo.Planted {
	var mu sync.Mutex
	made := map[block.Era]demo.Planted{}
	return func(t *testing.T, era block.Era) demo.Planted {
		t.Helper()
		mu.Lock()
		defer mu.Unlock()
		if p, ok := made[era]; ok {
			return p
		}
		p, err := demo.Write(context.Background(), filepath.Join(folder, string(era)), demo.Family{Div: 20, Seed: 1, Era: era, Decoys: true}, nil)
		if err != nil {
			t.Fatal(err)
		}
		made[era] = p
		return p
	}
}()

var folder string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "mixmatch-studies-")
	if err != nil {
		panic(err)
	}
	folder = dir
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

var settings = studies.Plan{Sampler: "cmaes", Trials: 60, Polish: 200, Seed: 1}

// create starts a study of p without the sources withheld.
func create(t *testing.T, dir string, p demo.Planted, plan studies.Plan, withhold ...string) *studies.Study {
	t.Helper()
	open := func(name, path string) *studies.Given {
		m, err := merge.OpenModel(name, path)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { m.Close() })
		return studies.FileOf(m)
	}
	c := studies.Config{Target: open("target", p.Target), Base: open(recipe.NameOf(p.Base), p.Base), Plan: plan}
	for _, s := range p.Sources {
		if !slices.Contains(withhold, s.Name) {
			c.Sources = append(c.Sources, open(s.Name, s.Path))
		}
	}
	s, err := studies.Create(dir, c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func run(t *testing.T, s *studies.Study, o studies.Options) *studies.Summary {
	t.Helper()
	sum, err := s.Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return sum
}

// files returns what is in the journals, the recipes and the products of dir.
func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || slices.Contains([]string{"lock", "plan.json", "summary.json"}, d.Name()) {
			return err
		}
		text, err := os.ReadFile(path)
		rel, _ := filepath.Rel(dir, path)
		all[rel] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func same(t *testing.T, what string, got, want map[string]string) {
	t.Helper()
	for name, text := range want {
		if got[name] != text {
			t.Errorf("%s: %s differs", what, name)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%s: %d files; want %d", what, len(got), len(want))
	}
}

// TestPlanted finds the planted recipe, whichever block map it was made with.
func TestPlanted(t *testing.T) {
	eras := block.ErasOf(block.SD1)
	if testing.Short() {
		eras = eras[:1]
	}
	for _, era := range eras {
		p := family(t, era)
		sum := run(t, create(t, filepath.Join(t.TempDir(), "s"), p, settings), studies.Options{})
		if sum.Verdict != similarity.Exact {
			t.Errorf("%s: verdict %q; want exact", era, sum.Verdict)
		}
		if sum.Era != era || sum.EraBy != "recognised" {
			t.Errorf("era %s %s; want %s recognised", sum.Era, sum.EraBy, era)
		}
		for _, s := range sum.Sources {
			want := similarity.In
			if s.Name == "anylora_v1" || s.Name == "ghostmix_v12" {
				want = similarity.Out
			}
			if s.Evidence != want {
				t.Errorf("%s: %s is %s; want %s", era, s.Name, s.Evidence, want)
			}
		}
		if sum.VAE.Source != "OpenBra" || !sum.VAE.Same {
			t.Errorf("%s: VAE %+v; want that of OpenBra", era, sum.VAE)
		}
		for i, st := range sum.Steps {
			a, ok := st.Published[block.Outputs]
			if _, text := st.Published[block.Base]; !ok || text || a < .5 || i == len(sum.Steps)-1 && a < .999 {
				t.Errorf("%s: step %d: attention similarities %v", era, i+1, st.Published)
			}
		}
		// The article's author took 19 steps, with these among them.
		typed := 0
		for _, ratio := range []string{"x 0.08 =", "x 0.1 =", "x 0.05 =", "x 0.2 =", ",0.06,", ",0.14,", ",0.28,", ",0.24,", ",0.45,"} {
			if strings.Contains(sum.Recipe, ratio) {
				typed++
			}
		}
		if len(sum.Steps) > 19 || typed < 7 {
			t.Errorf("%s: %d steps, %d of 9 ratios as the author typed them:\n%s", era, len(sum.Steps), typed, sum.Recipe)
		}
		weights, honest := 0, 0
		for _, g := range sum.Groups {
			for _, b := range g.Blocks {
				id, _ := p.Layout().Index(b.Name)
				found := map[string]studies.Weight{}
				for _, w := range b.Weights {
					found[w.Source] = w
				}
				for _, s := range append(slices.Clone(p.Sources), demo.Source{Name: sum.Base}) {
					got, want := found[s.Name], p.Weight(id, s.Name)
					if math.Abs(got.Weight-want) > 0.002 {
						t.Errorf("%s: %s in %s is %.4f; planted %.4f", era, s.Name, b.Name, got.Weight, want)
					}
					if got.Weight != 0 || want != 0 {
						weights++
						if math.Abs(got.Weight-want) <= got.Error+1e-9 {
							honest++
						}
					}
				}
				if b.Achieved > b.Ceiling || b.Searched == nil || *b.Searched < b.Achieved-1e-9 {
					t.Errorf("%s: %s: achieved %v, searched %v, ceiling %v", era, b.Name, b.Achieved, b.Searched, b.Ceiling)
				}
			}
		}
		if float64(honest) < 0.95*float64(weights) {
			t.Errorf("%s: truth within the error in %d of %d weights", era, honest, weights)
		}
		text := sum.Annotated()
		if back, err := recipe.Parse(p.Layout(), text, recipe.Options{}); err != nil || back.String() != sum.Recipe || !strings.Contains(text, "similar.py") {
			t.Errorf("%s: exported with its similarities the recipe reads back as %v, %v", era, back, err)
		}
		// The printed recipe comes down to the weights that were scored.
		r, err := sum.Parse()
		if err != nil {
			t.Fatal(err)
		}
		for _, g := range sum.Groups {
			for _, b := range g.Blocks {
				id, _ := r.Layout.Index(b.Name)
				flat := r.Flatten(id)
				for _, w := range b.Weights {
					if v, _ := flat[w.Source].Float64(); math.Abs(v-w.Weight) > 1e-12 {
						t.Errorf("%s: %s in %s: the recipe gives %v, the table %v", era, w.Source, b.Name, v, w.Weight)
					}
				}
			}
		}
	}
}

// TestWithheld leaves one source out: the verdict says so, and where.
func TestWithheld(t *testing.T) {
	p := family(t, block.SM2025)
	sum := run(t, create(t, filepath.Join(t.TempDir(), "s"), p, settings, "sxd_10Pruned"), studies.Options{})
	if sum.Verdict != similarity.Missing {
		t.Errorf("verdict %q; want a source missing", sum.Verdict)
	}
	if m := sum.Missing; m == nil || m.Weight < .05 || m.Weight > .3 {
		t.Errorf("missing %+v", m)
	}
	for _, s := range sum.Sources {
		if (s.Name == "anylora_v1" || s.Name == "ghostmix_v12") && s.Evidence == similarity.In {
			t.Errorf("%s is said to be in it", s.Name)
		}
	}
	for _, g := range sum.Groups {
		want := similarity.Exact
		if g.Name == block.Outputs { // the only group it is in
			want = similarity.Missing
		}
		if g.Verdict != want {
			t.Errorf("%s: verdict %q; want %q", g.Name, g.Verdict, want)
		}
	}
}

// TestThreads runs a study on one thread and on five, with every sampler.
func TestThreads(t *testing.T) {
	p := family(t, block.SM2025)
	samplers := optimize.Samplers()
	if testing.Short() {
		samplers = samplers[:1]
	}
	for _, sampler := range samplers {
		plan := settings
		plan.Sampler, plan.Trials = sampler, 20
		var first map[string]string
		for _, threads := range []int{1, 5} {
			dir := filepath.Join(t.TempDir(), "s")
			run(t, create(t, dir, p, plan), studies.Options{Threads: threads})
			got := files(t, dir)
			if first == nil {
				first = got
			}
			same(t, sampler, got, first)
		}
	}
}

// TestResume stops a study again and again, sometimes with half a line left
// behind, and gets what an undisturbed run gets.
func TestResume(t *testing.T) {
	p := family(t, block.SM2025)
	whole := filepath.Join(t.TempDir(), "s")
	run(t, create(t, whole, p, settings), studies.Options{})
	want := files(t, whole)

	dir := filepath.Join(t.TempDir(), "s")
	create(t, dir, p, settings).Close()
	finished := false
	for stop := int64(0); !finished; stop += 400 {
		s, err := studies.Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		_, err = s.Run(ctx, studies.Options{Threads: 2, Progress: func(q studies.Progress) {
			if q.Stage == "searching" && q.Done >= stop {
				cancel()
			}
		}})
		cancel()
		s.Close()
		finished = err == nil
		if err != nil && !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		if !finished && stop%800 == 0 {
			f, err := os.OpenFile(filepath.Join(dir, "journal", "OUT03.jsonl"), os.O_APPEND|os.O_WRONLY|os.O_CREATE, 0o644)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := f.WriteString(`{"trial":7,"by":"cm`); err != nil {
				t.Fatal(err)
			}
			f.Close()
		}
	}
	same(t, "resumed", files(t, dir), want)
}

// TestTemplate fills the holes of a recipe: one shared by each group, and one
// of a block's own.
func TestTemplate(t *testing.T) {
	p := family(t, block.SM2025)
	plan := settings
	plan.Trials, plan.Polish = 150, 1000
	plan.Groups = []block.Group{block.Outputs, block.Inputs}
	// In IN09 to IN11 the target is .5 OpenBra + dreamshaper_6NoVae - .5 base.
	plan.Template = `OpenBra x (1-alpha) + v1-5-pruned-emaonly x alpha = HALF
alpha = ?
HALF + (dreamshaper_6NoVae - v1-5-pruned-emaonly) x alpha = FINAL
alpha = (0,?,?,?,?,?,?,?,?,?,?[0,2],?[0,2],?[0,2],?,0,0,0,0,0,0,0,0,0,0,0,0)
`
	sum := run(t, create(t, filepath.Join(t.TempDir(), "s"), p, plan), studies.Options{})
	r, err := sum.Parse()
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Steps) != 2 || !sum.Template {
		t.Fatalf("the steps given were changed:\n%s", sum.Recipe)
	}
	shared := map[block.Group]float64{}
	for _, g := range sum.Groups {
		for _, b := range g.Blocks {
			id, _ := r.Layout.Index(b.Name)
			x := r.Column(id)
			if v, ok := shared[g.Name]; ok && v != x[0] {
				t.Errorf("%s: shared ratio %v in %s; %v elsewhere", g.Name, x[0], b.Name, v)
			}
			shared[g.Name] = x[0]
			if g.Name == block.Outputs && x[1] != 0 {
				t.Errorf("%s: a ratio that was given became %v", b.Name, x[1])
			}
			if b.Name == "IN10" && (math.Abs(x[1]-1) > 0.15 || b.Achieved < 0.99) {
				t.Errorf("IN10: ratios %v, similarity %v", x, b.Achieved)
			}
			if b.Achieved > b.Ceiling {
				t.Errorf("%s: %v is above the ceiling %v", b.Name, b.Achieved, b.Ceiling)
			}
		}
	}
	if shared[block.Outputs] == shared[block.Inputs] {
		t.Errorf("the groups share a ratio: %v", shared)
	}
}

// TestTemplateHoles has holes shared by some blocks of a group, ratios beside
// them that are given, and bounds that keep the search from where it would go.
func TestTemplateHoles(t *testing.T) {
	p := family(t, block.SM2025)
	plan := settings
	plan.Groups = []block.Group{block.Inputs}
	// In IN09 to IN11 the truth is .5 and 1, in IN02 to IN04 .5 and .55.
	plan.Template = `OpenBra x (1-alpha) + v1-5-pruned-emaonly x alpha = HALF
alpha = (0,0.5,0.5,?all,?all,?all,0.1,0.1,0.1,0.1,?all,?all,?all,0.1,0,0,0,0,0,0,0,0,0,0,0,0)
HALF + (dreamshaper_6NoVae - v1-5-pruned-emaonly) x alpha = FINAL
alpha = (0,0.95,0.95,0.55,0.55,0.55,0,0,0,0,?[0,0.38],1,?[-1,0.77],0,0,0,0,0,0,0,0,0,0,0,0,0)
`
	sum := run(t, create(t, filepath.Join(t.TempDir(), "s"), p, plan), studies.Options{})
	r, err := sum.Parse()
	if err != nil {
		t.Fatal(err)
	}
	column := func(name string) []float64 {
		id, _ := r.Layout.Index(name)
		return r.Column(id)
	}
	shared := column("IN03")[0]
	for name, want := range map[string]float64{"IN00": .5, "IN02": shared, "IN04": shared, "IN05": .1, "IN09": shared, "IN10": shared, "M00": .1} {
		if got := column(name)[0]; got != want {
			t.Errorf("%s: first ratio %v; want %v", name, got, want)
		}
	}
	if math.Abs(shared-.5) > .15 {
		t.Errorf("shared ratio %v; want about .5", shared)
	}
	if a, b := column("IN09")[1], column("IN11")[1]; a > .38 || a < .3 || b > .77 || b < .7 {
		t.Errorf("ratios %v and %v; want them at their bounds .38 and .77", a, b)
	}
	if sum.Verdict == similarity.Exact {
		t.Error("a recipe that is held back was called exact")
	}
}

// TestForeignProducts puts the products of other models into a study.
func TestForeignProducts(t *testing.T) {
	p := family(t, block.SM2025)
	plan := settings
	plan.Trials = 2
	one, two := filepath.Join(t.TempDir(), "1"), filepath.Join(t.TempDir(), "2")
	s := create(t, one, p, plan)
	run(t, s, studies.Options{})
	s.Close()
	s = create(t, two, p, plan, "sxd_10Pruned")
	s.Close()
	text, err := os.ReadFile(filepath.Join(one, "products.bin"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(two, "products.bin"), text, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := reopen(t, two); !errors.Is(err, studies.ErrDamaged) {
		t.Errorf("products of other models: %v", err)
	}
}

func TestRefusals(t *testing.T) {
	p := family(t, block.SM2025)
	dir := filepath.Join(t.TempDir(), "s")
	plan := settings
	plan.Trials = 3
	s := create(t, dir, p, plan)
	if _, err := studies.Open(dir); !errors.Is(err, studies.ErrLocked) {
		t.Errorf("a study in use: %v", err)
	}
	if _, err := studies.ReadSummary(dir); !errors.Is(err, studies.ErrPending) {
		t.Errorf("no result yet: %v", err)
	}
	run(t, s, studies.Options{})
	s.Close()
	if _, err := studies.Open(filepath.Join(t.TempDir(), "none")); !errors.Is(err, studies.ErrMissing) {
		t.Errorf("no study: %v", err)
	}

	// Each file of the study, damaged in the middle.
	for name, want := range map[string]error{
		"plan.json": studies.ErrDamaged, "products.bin": studies.ErrDamaged, "summary.json": nil, // made anew
		"recipe.txt": studies.ErrDamaged, "journal/OUT03.jsonl": studies.ErrDamaged,
	} {
		path := filepath.Join(dir, name)
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		bad := bytes.Clone(text)
		bad[len(bad)/3] ^= 4
		if err := os.WriteFile(path, bad, 0o644); err != nil {
			t.Fatal(err)
		}
		err = reopen(t, dir)
		if !errors.Is(err, want) || (err != nil && !strings.Contains(err.Error(), filepath.FromSlash(name))) {
			t.Errorf("%s damaged: %v; want %v", name, err, want)
		}
		if err := os.WriteFile(path, text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := reopen(t, dir); err != nil {
		t.Errorf("mended: %v", err)
	}

	// A model that has changed since.
	path := p.Sources[0].Path
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	edit := func(at time.Time) {
		t.Helper()
		text[len(text)/2] ^= 1
		if err := os.WriteFile(path, text, 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(err)
		}
	}
	edit(time.Now().Add(time.Hour))
	if err := reopen(t, dir); !errors.Is(err, studies.ErrChanged) || !strings.Contains(err.Error(), path) {
		t.Errorf("a source changed: %v", err)
	}
	edit(info.ModTime())
}

func reopen(t *testing.T, dir string) error {
	t.Helper()
	s, err := studies.Open(dir)
	if err != nil {
		return err
	}
	defer s.Close()
	_, err = s.Run(t.Context(), studies.Options{})
	return err
}
