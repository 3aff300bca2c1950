package live_test

import (
	"flag"
	"fmt"
	"path/filepath"
	"testing"

	"mixmatch/merge"
	"mixmatch/merge/block"
	"mixmatch/merge/mergetest"
	"mixmatch/studies"
)

// limits has TestBrowserSpeed fail where the desk is too slow. Without it times are only
// told: a machine may have other work.
var limits = flag.Bool("limits", false, "fail where the desk is too slow")

// TestBrowserSpeed measures, in the page, how soon the desk answers to a moved slider:
// with 10 sources it should be 50 ms, with 40 100 ms, also where all blocks are tied.
func TestBrowserSpeed(t *testing.T) {
	for _, x := range []struct{ sources, most int }{{10, 50}, {40, 100}} {
		dir := t.TempDir()
		many(t, dir, x.sources)
		c := serve(t, dir)
		b := open(t, c)
		b.visit("/desk?s=s&recipe=all", c.server.Token, deskReady)
		// From the event to the frame that shows it; once with the row alone, once with
		// all blocks tied. What it takes to be drawn is what follows the next frame.
		times := eval[[][]float64](b, `(async () => {
			const painted = () => new Promise((done) => requestAnimationFrame(() => { const c = new MessageChannel(); c.port1.onmessage = () => done(); c.port2.postMessage(0); }));
			const sliders = [...document.querySelectorAll(".desk input[type=range]")];
			const all = [];
			for (const tie of ["", "all blocks"]) {
				if (tie) { const s = document.getElementById("tie-all"); s.value = tie; s.dispatchEvent(new Event("change")); }
				const took = [], shown = [];
				for (let i = 0; i < 40; i++) {
					const s = sliders[(i * 37) % sliders.length];
					s.focus();
					await painted();
					const begun = performance.now();
					s.value = 0.001 * i + 0.0005;
					s.dispatchEvent(new Event("input", {bubbles: true}));
					document.body.getBoundingClientRect();
					took.push(performance.now() - begun);
					await painted();
					shown.push(performance.now() - begun);
				}
				const median = (a) => a.sort((x, y) => x - y)[a.length >> 1];
				all.push([median(took), Math.max(...took), median(shown), Math.max(...shown)]);
			}
			return [[sliders.length], ...all];
		})()`)
		for i, what := range []string{"one block", "all blocks tied"} {
			m := times[i+1]
			t.Logf("%d sources, %.0f sliders, %s: computed and laid out in %.1f ms (most %.1f), on the screen in %.1f ms (most %.1f); limit %d ms",
				x.sources, times[0][0], what, m[0], m[1], m[2], m[3], x.most)
			if *limits && m[2] > float64(x.most) {
				t.Errorf("%d sources, %s: on the screen in %.1f ms; want under %d", x.sources, what, m[2], x.most)
			}
		}
		b.clean()
	}
}

// many makes a study of n small models, with a recipe of all of them.
func many(t *testing.T, dir string, n int) {
	t.Helper()
	if testing.Short() {
		t.Skip("forty models take seconds")
	}
	var all []*merge.Model
	text, last := "", "m0"
	for i := range n {
		name := fmt.Sprintf("m%d", i)
		all = append(all, mergetest.Sketch{Seed: uint64(i + 1)}.Open(t, name))
		if i > 0 {
			text += fmt.Sprintf("%s x 0.9 + %s x 0.1 = T%d\n", last, name, i)
			last = fmt.Sprintf("T%d", i)
		}
	}
	pool, err := merge.NewPool(all)
	if err != nil {
		t.Fatal(err)
	}
	outs, err := merge.Weighted(pool, mergetest.Mix(t, pool, text, block.SM2025), "")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "target.safetensors")
	if _, err := merge.Save(t.Context(), outs, path, merge.SaveOptions{}); err != nil {
		t.Fatal(err)
	}
	c := studies.Config{Target: studies.FileOf(mergetest.Open(t, "target", path)), Sources: studies.FilesOf(all), Plan: studies.Plan{Sampler: "cmaes", Trials: 1, Seed: 1}}
	s, err := studies.Create(filepath.Join(dir, "s"), c)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := s.Run(t.Context(), studies.Options{NoSimilar: true}); err != nil {
		t.Fatal(err)
	}
	save(t, dir, "s", "all", text)
}
