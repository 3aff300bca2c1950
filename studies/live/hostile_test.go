package live_test

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"mixmatch/merge"
	"mixmatch/studies"
)

// TestBrowserHostile has a study and models whose names are markup and script: they are
// shown as they are, and do nothing.
func TestBrowserHostile(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no file has such a name there")
	}
	dir := folder(t)
	const bad = `<img src=x onerror="window.hacked=1"><script>window.hacked=1<` + "\u202e" + `script>`
	model := func(name string) *studies.Given {
		m, err := merge.OpenModel(name+bad, filepath.Join(dir, name+".safetensors"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { m.Close() })
		return studies.FileOf(m)
	}
	c := studies.Config{Target: model("BlessingMix_V1"), Base: model("v1-5-pruned-emaonly"), Plan: studies.Plan{Sampler: "cmaes", Trials: 3, Polish: 10, Seed: 1}}
	for _, n := range sources {
		c.Sources = append(c.Sources, model(n))
	}
	name := `study'"` + bad
	s, err := studies.Create(filepath.Join(dir, name), c)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Run(t.Context(), studies.Options{}); err != nil {
		t.Fatal(err)
	}
	s.Close()
	if err := os.Rename(filepath.Join(dir, "OpenBra1.1.safetensors"), filepath.Join(dir, "javascript:alert(1)"+bad+".safetensors")); err != nil {
		t.Fatal(err)
	}
	server := serve(t, dir)
	b := open(t, server)
	harmless := func(where string) {
		t.Helper()
		got := eval[string](b, `[typeof window.hacked, document.images.length, document.scripts.length, document.querySelectorAll("[onerror]").length].join(" ")`)
		if got != "undefined 0 1 0" {
			t.Errorf("%s: %s; want nothing hacked, no images, one script", where, got)
		}
		if shown := eval[string](b, "document.body.textContent"); !strings.Contains(shown, "<img src=x") || !strings.Contains(shown, `\u202e`) || strings.ContainsRune(shown, '\u202e') {
			t.Errorf("%s: the name is not shown as it is", where)
		}
	}
	b.visit("/", server.server.Token, `document.querySelector("tbody tr a")`)
	eval[int](b, `document.querySelector("details").open = true; 0`)
	b.wait(`document.getElementById("new-target")`)
	harmless("list")
	eval[int](b, `document.querySelector("tbody tr a").click(); 0`)
	b.wait(`[...document.querySelectorAll("h3")].some((h) => h.textContent === "Recipe")`)
	harmless("study")
	eval[int](b, `document.querySelector("a[href^='/desk']").click(); 0`)
	b.wait(deskReady)
	harmless("desk")
	eval[int](b, `[...document.querySelectorAll("button")].find((b) => b.textContent === "Export").click(); 0`)
	eval[int](b, `[...document.querySelectorAll("dialog button")].find((b) => b.textContent === "Export").click(); 0`)
	b.wait(`document.querySelector("dialog p[role=status]").textContent !== ""`)
	harmless("export")
	b.axe("hostile names")
	b.clean()
}
