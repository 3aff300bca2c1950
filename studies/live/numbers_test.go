package live_test

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"

	"mixmatch/merge/block"
	"mixmatch/merge/recipe"
	"mixmatch/studies"
)

// TestBrowserNumbers has the page compute random mixes; Go must come to the same.
func TestBrowserNumbers(t *testing.T) {
	dir := folder(t)
	study(t, dir, "s", 3)
	names := append([]string{"v1-5-pruned-emaonly"}, sources...)
	text := fmt.Sprintf("%[2]s + (%[3]s - %[1]s) x 0.1 = A\nA x 0.8 + %[4]s x 0.2 = B\nB x 0.5 + %[5]s x 0.3 + %[6]s x 0.2 = C\n"+
		"(C x 0.7 + %[3]s x 0.3) x 0.9 + %[2]s x 0.1 = D\n", anys(names)...)
	save(t, dir, "s", "all", text)
	c := serve(t, dir)
	b := open(t, c)
	b.visit("/desk?s=s&recipe=all", c.server.Token, deskReady)

	sums, err := studies.ReadSums(t.Context(), filepath.Join(dir, "s"))
	if err != nil {
		t.Fatal(err)
	}
	r, err := recipe.Parse(sums.Blocks.Layout, text, recipe.Options{})
	if err != nil {
		t.Fatal(err)
	}
	program := r.Program()
	if program.Len() != 6 {
		t.Fatalf("%d ratios", program.Len())
	}
	random := rand.New(rand.NewPCG(1, 2))
	var columns [][]float64
	for i, id := range sums.IDs {
		for k := range 4 {
			x := make([]float64, program.Len())
			for j := range x {
				x[j] = random.Float64()*3 - 1
			}
			if k == 0 { // the closest mix, where the loss nearly cancels
				x = r.Column(id)
			}
			columns = append(columns, append([]float64{float64(i)}, x...))
		}
	}
	asked, _ := json.Marshal(columns)
	shown := eval[[][]float64](b, fmt.Sprintf(`(async () => {
		const m = await import("/pages/deskmath.js");
		const desk = await (await fetch("/api/desk?s=s&recipe=all")).json();
		for (const b of desk.blocks) b.full = m.unpack(b.p, desk.names.length + 1);
		return %s.map(([i, ...x]) => {
			const l = m.look(desk.blocks[i], m.weights(desk.steps, x, desk.names.length), desk.models);
			return [l.cosine, l.explained, l.distance, l.loss, l.below];
		});
	})()`, asked))
	for n, x := range columns {
		id := sums.IDs[int(x[0])]
		w := make([]float64, len(sums.Blocks.Names))
		for i, v := range program.Weights(x[1:]) {
			w[slices.Index(sums.Blocks.Names, program.Names()[i])] += v
		}
		cosine, err := sums.Blocks.Score(id, w)
		if err != nil {
			t.Fatal(err)
		}
		loss, err := sums.Blocks.Loss(id, w)
		if err != nil {
			t.Fatal(err)
		}
		distance := sums.Blocks.Distance(id, w)
		fit, err := sums.Blocks.Nearest(id)
		if err != nil {
			t.Fatal(err)
		}
		least, err := sums.Blocks.Loss(id, fit.Weights)
		if err != nil {
			t.Fatal(err)
		}
		want := []float64{cosine, sums.Blocks.Explained(id, distance, sums.Base), distance, loss, max(0, loss-least)}
		for k, v := range want {
			if d := math.Abs(shown[n][k] - v); d > 1e-12*max(1, math.Abs(v)) {
				t.Errorf("%s: number %d is %v in the page, %v here", sums.Blocks.Layout.Name(id), k, shown[n][k], v)
			}
		}
	}

	// LoRAs, which the family has none of.
	l, err := block.Default(block.SD1)
	if err != nil {
		t.Fatal(err)
	}
	lora, err := recipe.Parse(l, "a x 0.7 + b x 0.3 + <lora:c> x 0.45 = out", recipe.Options{})
	if err != nil {
		t.Fatal(err)
	}
	got := eval[[]float64](b, `import("/pages/deskmath.js").then((m) => [...m.weights([{mode: "Weight sum", a: 0, b: 1, c: -1, at: 0}, {mode: "Add LoRA", a: 3, b: 2, c: -1, at: 1}], [0.3, 0.45], 3)])`)
	if want := lora.Program().Weights(lora.Column(3)); !slices.Equal(got, want) {
		t.Errorf("weights with a LoRA are %v in the page, %v here", got, want)
	}
	b.clean()
}

func anys(names []string) (all []any) {
	for _, n := range names {
		all = append(all, n)
	}
	return all
}
