package live_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"mixmatch/merge"
)

// TestBrowserRun starts a study from the page, sees it grow, stops and resumes it.
func TestBrowserRun(t *testing.T) {
	dir := folder(t)
	study(t, dir, "other", 3)
	c := serve(t, dir)
	b := open(t, c)
	b.visit("/", c.server.Token, `document.querySelector("summary")`)
	b.do(chromedp.Click(chromedp.CSS("summary")))
	b.wait(`document.getElementById("new-name")`)
	b.axe("list")
	eval[int](b, `(() => {
		const set = (id, v) => { document.getElementById(id).value = v };
		set("new-name", "grown"); set("new-target", "BlessingMix_V1.safetensors"); set("new-base", "v1-5-pruned-emaonly.safetensors"); set("new-trials", "60000");
		return 0 })()`)
	b.do(chromedp.Click(chromedp.Search("//button[text()='All but the target']")), chromedp.Click(chromedp.Search("//button[text()='Start']")))
	b.wait(`location.pathname === "/study"`)
	trials := `[...document.querySelectorAll("tbody tr td:nth-child(2)")].reduce((n, c) => n + Number(c.textContent || 0), 0)`
	b.wait(trials + ` > 500`)
	before := eval[float64](b, trials)
	b.wait(trials + fmt.Sprintf(` > %v`, before))
	says := func(text string) string {
		return fmt.Sprintf(`[...document.querySelectorAll("p[role=status]")].some((p) => p.textContent.startsWith(%q))`, text)
	}
	press := func(text string) { // by script: chromedp looks for nodes in vain while a page changes all the time
		b.wait(fmt.Sprintf(`[...document.querySelectorAll("button")].some((b) => b.textContent === %q && !b.hidden && !b.disabled)`, text))
		eval[int](b, fmt.Sprintf(`[...document.querySelectorAll("button")].find((b) => b.textContent === %q).click(); 0`, text))
	}
	press("Stop")
	b.wait(says("Not finished"))
	before = eval[float64](b, trials)
	press("Resume")
	b.wait(trials + fmt.Sprintf(` > %v`, before))
	if ways := eval[int](b, `[...document.querySelectorAll("svg.way polyline")].filter((l) => l.getAttribute("points").length > 10).length`); ways == 0 {
		t.Error("no picture of a search has a line")
	}
	press("Stop")
	b.wait(says("Not finished"))
	b.axe("study stopped")
	b.visit("/study?s=other", c.server.Token, says("Finished"))
	press("Make the result anew")
	b.wait(says("Finished"))
	b.wait(`[...document.querySelectorAll("h3")].some((h) => h.textContent === "Recipe")`)
	b.axe("study finished")

	// Two side by side.
	b.visit("/", c.server.Token, `document.querySelectorAll("tbody input").length === 2`)
	eval[int](b, `document.querySelectorAll("tbody input").forEach((i) => i.click()); 0`)
	b.do(chromedp.Click(chromedp.Search("//button[text()='Show two side by side']")))
	b.wait(`document.querySelectorAll(".sides section").length === 2 && document.querySelector(".sides h3")`)
	b.axe("side by side")

	// On a phone nothing is wider than the screen but what scrolls by itself.
	b.do(chromedp.EmulateViewport(390, 800, chromedp.EmulateMobile))
	for path, ready := range map[string]string{"/": `document.querySelectorAll("tbody input").length === 2`, "/study?s=other": `document.querySelector("h3")`, "/desk?s=other": deskReady} {
		b.visit(path, c.server.Token, ready)
		if w := eval[int](b, "document.documentElement.scrollWidth"); w > 390 {
			t.Errorf("%s is %d wide on a phone", path, w)
		}
	}
	b.do(chromedp.EmulateViewport(1280, 900))

	// Without the token nothing can be done.
	eval[int](b, `sessionStorage.clear(); 0`)
	b.visit("/study?s=other", "", `[...document.querySelectorAll("h3")].some((h) => h.textContent === "Recipe")`)
	if n := eval[int](b, `[...document.querySelectorAll("button")].filter((b) => !b.hidden && ["Resume", "Stop", "Make the result anew"].includes(b.textContent)).length`); n != 0 {
		t.Errorf("without the token there are %d buttons", n)
	}
	b.visit("/desk?s=other", "", deskReady)
	if n := eval[int](b, `[...document.querySelectorAll("button")].filter((b) => !b.disabled && ["Save", "Export", "Merge", "Best for the rest"].includes(b.textContent)).length`); n != 0 {
		t.Errorf("without the token there are %d buttons on the desk", n)
	}
	b.clean()
}

// TestBrowserDialogs exports in every format and merges, from the desk.
func TestBrowserDialogs(t *testing.T) {
	dir := folder(t)
	study(t, dir, "s", 3)
	c := serve(t, dir)
	b := open(t, c)
	b.visit("/desk?s=s", c.server.Token, deskReady)
	press := func(where, text string) {
		b.do(chromedp.Click(chromedp.Search(where + "//button[text()='" + text + "']")))
	}
	press("//main", "Export")
	formats := eval[[]string](b, `[...document.getElementById("export-format").options].map((o) => o.value)`)
	for _, f := range formats {
		eval[int](b, fmt.Sprintf(`(() => { const s = document.getElementById("export-format"); s.value = %q; s.dispatchEvent(new Event("change")); document.getElementById("export-hash").checked = true; return 0 })()`, f))
		press("//dialog", "Export")
		b.wait(`document.querySelector("dialog p[role=status]").textContent !== ""`)
		if out := eval[string](b, `document.querySelector("dialog p[role=status]").textContent`); out != "Ready" && !strings.Contains(out, "cannot be expressed") {
			t.Errorf("%s: %s", f, out)
		}
	}
	b.axe("export")
	press("//dialog", "Close")
	press("//main", "Merge")
	b.axe("merge")
	press("//dialog", "Merge")
	b.wait(`document.querySelector("dialog p[role=status]").textContent.includes("tensors merged")`)
	if m, err := merge.OpenModel("tuned", filepath.Join(dir, "tuned.safetensors")); err != nil {
		t.Error(err)
	} else {
		m.Close()
	}
	for i, m := range b.messages { // refusals are answers, which the console tells of
		if strings.Contains(m, "status of 400") {
			b.messages[i] = ""
		}
	}
	b.messages = slices.DeleteFunc(b.messages, func(m string) bool { return m == "" })
	b.clean()
}
