package studies_test

import (
	"context"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/jsonschema-go/jsonschema"

	"mixmatch/merge"
	"mixmatch/merge/block"
	"mixmatch/merge/recipe"
	"mixmatch/similarity"
	"mixmatch/similarity/fingerprint"
	"mixmatch/studies"
	"mixmatch/studies/demo"
)

// printed returns the fingerprint of a model of the family, in a file of its own.
func printed(t *testing.T, dir, name, path string) *studies.Given {
	t.Helper()
	m, err := merge.OpenModel(name, path)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	f, err := fingerprint.Of(context.Background(), m, fingerprint.Options{})
	if err != nil {
		t.Fatal(err)
	}
	b, err := f.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	to := filepath.Join(dir, name+fingerprint.Extension)
	if err := os.WriteFile(to, b, 0o644); err != nil {
		t.Fatal(err)
	}
	return studies.FingerprintOf(name, to, f)
}

// sketched begins a study of p's fingerprints without the sources withheld.
func sketched(t *testing.T, prints map[string]*studies.Given, p demo.Planted, withhold ...string) *studies.Study {
	t.Helper()
	c := studies.Config{Target: prints["target"], Base: prints[recipe.NameOf(p.Base)], Plan: settings}
	for _, s := range p.Sources {
		if !slices.Contains(withhold, s.Name) {
			c.Sources = append(c.Sources, prints[s.Name])
		}
	}
	s, err := studies.Create(filepath.Join(t.TempDir(), "s"), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// TestFingerprints holds what studies find from fingerprints alone to what they find from
// files: verdicts and who is in it are the same, and weights within the errors told.
func TestFingerprints(t *testing.T) {
	text, err := os.ReadFile("../docs/summary.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	var described jsonschema.Schema
	if err := json.Unmarshal(text, &described); err != nil {
		t.Fatal(err)
	}
	schema, err := described.Resolve(nil)
	if err != nil {
		t.Fatal(err)
	}
	p := family(t, block.SM2025)
	dir := t.TempDir()
	prints := map[string]*studies.Given{"target": printed(t, dir, "target", p.Target)}
	name := recipe.NameOf(p.Base)
	prints[name] = printed(t, dir, name, p.Base)
	for _, s := range p.Sources {
		prints[s.Name] = printed(t, dir, s.Name, s.Path)
	}
	for _, withhold := range [][]string{nil, {"sxd_10Pruned"}, {"dreamshaper_6NoVae"}} {
		want := run(t, create(t, filepath.Join(t.TempDir(), "f"), p, settings, withhold...), studies.Options{NoSimilar: true})
		s := sketched(t, prints, p, withhold...)
		got := run(t, s, studies.Options{})
		if got.Verdict != want.Verdict {
			t.Errorf("without %v: %s, not %s", withhold, got.Verdict, want.Verdict)
		}
		for _, w := range want.Sources {
			i := slices.IndexFunc(got.Sources, func(g studies.Source) bool { return g.Name == w.Name })
			// What stands in for what is missing may be in doubt in one and not in the other.
			if is := got.Sources[i].Evidence; (is == similarity.In) != (w.Evidence == similarity.In) {
				t.Errorf("without %v: %s is %s, from files %s", withhold, w.Name, is, w.Evidence)
			}
		}
		within, all := 0, 0
		for i, group := range want.Groups {
			for k, b := range group.Blocks {
				if v := got.Groups[i].Blocks[k].Verdict; v != b.Verdict {
					t.Errorf("without %v: %s: %s, not %s", withhold, b.Name, v, b.Verdict)
				}
				for _, w := range b.Weights {
					at := slices.IndexFunc(got.Groups[i].Blocks[k].Weights, func(g studies.Weight) bool { return g.Source == w.Source })
					var g studies.Weight
					if at >= 0 {
						g = got.Groups[i].Blocks[k].Weights[at]
					}
					all++
					if math.Abs(g.Weight-w.Weight) <= g.Error+w.Error {
						within++
					}
				}
			}
		}
		if 100*within < 95*all {
			t.Errorf("without %v: %d of %d weights within the errors", withhold, within, all)
		}
		summary, err := os.ReadFile(filepath.Join(s.Dir, "summary.json"))
		if err != nil {
			t.Fatal(err)
		}
		var v any
		if err := json.Unmarshal(summary, &v); err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(v); err != nil {
			t.Error(err)
		}
	}
}
