package studies_test

import (
	"math"
	"path/filepath"
	"strings"
	"testing"

	"mixmatch/merge"
	"mixmatch/merge/block"
	"mixmatch/merge/recipe"
	"mixmatch/merge/stepwise"
	"mixmatch/similarity"
	"mixmatch/studies"
	"mixmatch/studies/demo"
)

// A recipe that is not linear is filled by merging: the ratio that made the
// target comes out, whatever the number of threads.
func TestTemplateNotLinear(t *testing.T) {
	dir := t.TempDir()
	p, err := demo.Write(t.Context(), dir, demo.Family{Div: 40, Seed: 3}, nil)
	if err != nil {
		t.Fatal(err)
	}
	text := func(ratio string) string {
		return "OpenBra + (Evt_V4_e04_ema - v1-5-pruned-emaonly) x alpha _trainDifference = D\nalpha = " + ratio +
			"\nD x 0.8 + sxd_10Pruned x 0.2 = E\nelemental = :attn1:0.5\nexclude = VAE\n"
	}
	var models []*merge.Model
	for _, s := range append([]demo.Source{{Name: "v1-5-pruned-emaonly", Path: p.Base}}, p.Sources...) {
		m, err := merge.OpenModel(s.Name, s.Path)
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		models = append(models, m)
	}
	pool, err := merge.NewPool(models)
	if err != nil {
		t.Fatal(err)
	}
	r, err := recipe.Parse(p.Layout(), text("0.4"), recipe.Options{})
	if err != nil {
		t.Fatal(err)
	}
	mix, err := merge.NewMix(pool, r)
	if err != nil {
		t.Fatal(err)
	}
	p.Target = filepath.Join(dir, "made.safetensors")
	outs, err := stepwise.Outputs(t.Context(), pool, mix, p.Layout().Era(), "F16")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := merge.Save(t.Context(), outs, p.Target, merge.SaveOptions{}); err != nil {
		t.Fatal(err)
	}
	plan := settings
	plan.Trials, plan.Groups = 15, []block.Group{block.Outputs}
	plan.Template = text("?")
	plan.Template = strings.Replace(plan.Template, "alpha = ?", "alpha = (?all"+strings.Repeat(",?", 25)+")", 1)
	var journals map[string]string
	for _, threads := range []int{1, 3} {
		folder := filepath.Join(t.TempDir(), "s")
		sum := run(t, create(t, folder, p, plan), studies.Options{Threads: threads})
		if journals == nil {
			journals = files(t, folder)
		}
		same(t, "threads", files(t, folder), journals)
		if sum.Verdict != similarity.Exact || !strings.Contains(strings.Join(sum.Notes, " "), "not linear") {
			t.Errorf("%s, notes %q", sum.Verdict, sum.Notes)
		}
		found, err := sum.Parse()
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range sum.Groups[0].Blocks {
			id, _ := p.Layout().Index(b.Name)
			if x := found.Column(id)[0]; math.Abs(x-0.4) > 0.005 || b.Achieved < 0.999999 || b.Ceiling < b.Achieved {
				t.Errorf("%s: ratio %v, similarity %v, ceiling %v", b.Name, x, b.Achieved, b.Ceiling)
			}
		}
		in := 0
		for _, s := range sum.Sources {
			if s.Evidence == similarity.In {
				in++
			}
		}
		if in != 4 || sum.Steps[1].Similarity[block.Outputs] != sum.Groups[0].Achieved {
			t.Errorf("sources %v, steps %v", sum.Sources, sum.Steps)
		}
	}
}
