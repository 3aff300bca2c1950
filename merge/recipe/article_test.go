package recipe

import (
	"encoding/json"
	"math"
	"math/big"
	"os"
	"strings"
	"testing"

	"mixmatch/merge/block"
)

func layout(t testing.TB, arch block.Arch) *block.Layout {
	t.Helper()
	l, err := block.For(arch, block.SM2025)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func readFile(t testing.TB, name string) string {
	t.Helper()
	b, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// article reads the article with its two misspelt names mended.
func article(t testing.TB, result string) *Recipe {
	t.Helper()
	r, err := Parse(layout(t, block.SD1), readFile(t, "article.txt"), Options{
		Lenient: true,
		Aliases: map[string]string{"FINAL_OUTPUT": "FINAL_OUTPUTS", "BlessingEnc": "BlessingEncV0"},
		Result:  result,
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestArticle reads every step of the article and none of its prose.
func TestArticle(t *testing.T) {
	want := []struct {
		line int
		mode Mode
		out  string
	}{
		{33, AddDifference, "TEMP1"},
		{36, AddDifference, "TEMP2"},
		{39, WeightSum, "TEMP3"},
		{42, WeightSum, "TEMP4"},
		{44, AddDifference, "TEMP5"},
		{47, AddDifference, "TEMP6"},
		{50, WeightSum, "TEMP7"},
		{54, AddDifference, "FINAL_OUTPUTS"},
		{65, WeightSum, "OpenBraHalf"},
		{63, AddDifference, "SAVE1"},
		{67, AddDifference, "SAVE2"},
		{70, WeightSum, "SAVE3"},
		{74, WeightSum, "FINAL_INPUTS"},
		{83, WeightSum, "BlessingMixV0"},
		{86, SumTwice, "TRY1"},
		{89, WeightSum, "BASE_FIXED_MODEL"},
		{90, WeightSum, "BlessingEncV0"},
		{94, WeightSum, "BlessingMix V1"},
		{98, WeightSum, "BlessingMix V1-EvoEnc"},
	}
	r := article(t, "")
	if len(r.Steps) != len(want) {
		t.Fatalf("%d steps; want %d:\n%s", len(r.Steps), len(want), r)
	}
	for i, w := range want {
		s := r.Steps[i]
		if s.Line != w.line || s.Mode != w.mode || s.Out != w.out {
			t.Errorf("step %d: line %d, %v, %s; want %v", i, s.Line, s.Mode, s.Out, w)
		}
	}
	if got := r.Result(); got != "BlessingMix V1-EvoEnc" {
		t.Errorf("result %s", got)
	}
}

// TestArticleFlat compares the weight of each source in each block with those
// worked out apart from this program. They must be equal, not near.
func TestArticleFlat(t *testing.T) {
	r := article(t, "BlessingMix V1")
	var want map[string]map[string]string
	if err := json.Unmarshal([]byte(readFile(t, "article_flat.json")), &want); err != nil {
		t.Fatal(err)
	}
	p := r.Program()
	for id := range r.Layout.Blocks().All() {
		name := r.Layout.Name(id)
		flat := r.Flatten(id)
		if len(flat) != len(want[name]) || len(flat) == 0 {
			t.Errorf("%s: %d sources; want %d", name, len(flat), len(want[name]))
		}
		sum := new(big.Rat)
		for source, x := range flat {
			sum.Add(sum, x)
			if got := x.RatString(); got != want[name][source] {
				t.Errorf("%s: %s has weight %s; want %s", name, source, got, want[name][source])
			}
		}
		if sum.Cmp(big.NewRat(1, 1)) != 0 {
			t.Errorf("%s: the weights sum to %v", name, sum)
		}
		for i, w := range p.Weights(r.Column(id)) {
			exact := 0.0
			if x := flat[p.Sources[i]]; x != nil {
				exact, _ = x.Float64()
			}
			if math.Abs(w-exact) > 1e-15 {
				t.Errorf("%s: %s has weight %v; want %v", name, p.Sources[i], w, exact)
			}
		}
	}
}

// TestArticleTypos wants the misspelt names reported, with the right ones.
func TestArticleTypos(t *testing.T) {
	r, err := Parse(layout(t, block.SD1), readFile(t, "article.txt"), Options{Lenient: true, Result: "BlessingMix V1"})
	if err != nil {
		t.Fatal(err)
	}
	all, err := Parse(r.Layout, readFile(t, "article.txt"), Options{Lenient: true})
	if err != nil {
		t.Fatal(err)
	}
	known := []string{
		"OpenBra", "OpenBra1.1", "Evt_V4_e04_ema", "v1-5-pruned-emaonly", "diamondCoalMix_diamondCoalv2", "epicrealism_newAge",
		"epicrealism_newEra", "sxd_10Pruned", "dreamshaper_6NoVae", "dreamshaper_5PrunedNoVaeTrain", "BracingEvoMix_v1",
	}
	err = all.Resolve(known)
	want := []string{
		"line 36: unknown model diamondcoalmix_diamondcoalv2pruned: did you mean diamondCoalMix_diamondCoalv2?",
		"line 83: unknown model FINAL_OUTPUT: did you mean FINAL_OUTPUTS?",
		"line 89: unknown model MODEL",
		"line 89: unknown model FOR_BASE_MODEL",
		"line 94: unknown model BlessingEnc: did you mean BlessingEncV0?",
	}
	if err == nil || err.Error() != strings.Join(want, "\n") {
		t.Errorf("got:\n%v\nwant:\n%s", err, strings.Join(want, "\n"))
	}
	if err := article(t, "BlessingMix V1").Resolve(append(known, "diamondcoalmix_diamondcoalv2pruned")); err != nil {
		t.Error(err)
	}
}

// TestArticleStrict wants the first line of prose refused.
func TestArticleStrict(t *testing.T) {
	_, err := Parse(layout(t, block.SD1), readFile(t, "article.txt"), Options{})
	if err == nil || !strings.HasPrefix(err.Error(), "line 1: ") || !strings.Contains(err.Error(), "is not notation") {
		t.Error(err)
	}
}
