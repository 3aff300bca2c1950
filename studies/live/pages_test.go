package live_test

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// row returns a script for what the desk shows of a block: similarity, to the ceiling,
// explained.
func row(block string) string {
	return fmt.Sprintf(`[...[...document.querySelectorAll(".desk tbody tr")].find((r) => r.firstChild.textContent === %q).querySelectorAll("td.n")].map((c) => c.textContent)`, block)
}

// slider returns a script for the slider of a block and a place in the column.
func slider(block string, k int) string {
	return fmt.Sprintf(`[...document.querySelectorAll(".desk tbody tr")].find((r) => r.firstChild.textContent === %q).querySelectorAll("input[type=range]")[%d]`, block, k)
}

const (
	deskReady = `document.querySelector(".desk td.n") && document.querySelector(".desk td.n").textContent.includes("%")`
	said      = `document.querySelector("p[role=status]").textContent`
)

// save puts a recipe beside a study, as the desk does.
func save(t *testing.T, dir, study, name, text string) {
	t.Helper()
	folder := filepath.Join(dir, study, "recipes")
	if err := os.MkdirAll(folder, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, name+".txt"), []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
}

// TestBrowserMouse moves a slider by the mouse, and the numbers with it.
func TestBrowserMouse(t *testing.T) {
	dir := folder(t)
	study(t, dir, "s", 3)
	c := serve(t, dir)
	b := open(t, c)
	b.visit("/desk?s=s", c.server.Token, deskReady)
	if at := eval[string](b, "location.href"); strings.Contains(at, "token") {
		t.Errorf("the address still shows the token: %s", at)
	}
	before := eval[[]string](b, row("IN03"))
	other := eval[[]string](b, row("IN04"))
	at := eval[[]float64](b, `(() => { const r = `+slider("IN03", 0)+`.getBoundingClientRect(); return [r.x + r.width / 3, r.y + r.height / 2, r.width] })()`)
	b.do(chromedp.DragAndDropXY(at[0], at[1], at[0]+at[2]/2, at[1], 10))
	after := eval[[]string](b, row("IN03"))
	for k := range after {
		if after[k] == before[k] {
			t.Errorf("number %d is %s before and after", k, after[k])
		}
	}
	if now := eval[[]string](b, row("IN04")); !slices.Equal(now, other) {
		t.Errorf("IN04 moved from %v to %v", other, now)
	}
	b.do(chromedp.Click(chromedp.Search("//button[text()='Undo']")))
	if now := eval[[]string](b, row("IN03")); !slices.Equal(now, before) {
		t.Errorf("undone it is %v, and was %v", now, before)
	}
	b.clean()
}

// TestBrowserKeys does everything with the keyboard alone, from the list on.
func TestBrowserKeys(t *testing.T) {
	dir := folder(t)
	study(t, dir, "s", 3)
	c := serve(t, dir)
	b := open(t, c)
	b.visit("/", c.server.Token, `document.querySelector("tbody tr a")`)
	// tab goes on until the focus is where it is wanted.
	tab := func(wanted string) {
		t.Helper()
		for range 60 {
			b.keys(kb.Tab)
			if eval[bool](b, "Boolean((() => { const a = document.activeElement; return "+wanted+" })())") {
				return
			}
		}
		t.Fatalf("Tab never comes to %s", wanted)
	}
	tab(`a.matches("tbody a")`)
	b.keys(kb.Enter)
	b.wait(`document.querySelector("a[href^='/desk']")`)
	b.wait(`[...document.querySelectorAll("p[role=status]")].some((p) => p.textContent.startsWith("Finished"))`)
	tab(`a.matches("a[href^='/desk']")`)
	b.keys(kb.Enter)
	b.wait(deskReady)
	tab(`a.matches(".desk input")`)
	value := func() float64 { return eval[float64](b, `Number(document.activeElement.value)`) }
	text := func() string { return eval[string](b, `document.activeElement.getAttribute("aria-valuetext")`) }
	label := func() string { return eval[string](b, `document.activeElement.getAttribute("aria-label")`) }
	begin, first, numbers := value(), label(), eval[[]string](b, row("BASE"))
	if !strings.HasPrefix(first, "BASE, step 1") {
		t.Fatalf("the first slider is %q", first)
	}
	near := func(what string, want float64) {
		t.Helper()
		if v := value(); math.Abs(v-want) > 1e-9 {
			t.Fatalf("%s: %v, want %v", what, v, want)
		}
	}
	b.keys(kb.ArrowRight)
	near("right", begin+0.01)
	b.keys(kb.ArrowLeft, chromedp.KeyModifiers(chromedp.ModifierShift))
	near("left with shift", begin+0.009)
	b.keys(kb.PageUp)
	near("page up", begin+0.109)
	if slices.Equal(eval[[]string](b, row("BASE")), numbers) {
		t.Error("the numbers stood still")
	}
	b.keys("z", chromedp.KeyModifiers(chromedp.ModifierCtrl))
	near("undone", begin)
	if !slices.Equal(eval[[]string](b, row("BASE")), numbers) {
		t.Error("the numbers did not come back")
	}
	b.keys("y", chromedp.KeyModifiers(chromedp.ModifierCtrl))
	near("done again", begin+0.109)
	b.keys("l")
	b.keys(kb.ArrowRight)
	near("locked", begin+0.109)
	if !strings.Contains(text(), "locked") || !strings.Contains(eval[string](b, said), "locked here") {
		t.Errorf("it says %q, and %q", text(), eval[string](b, said))
	}
	b.keys("l")
	b.keys("m")
	if !strings.Contains(text(), "muted") {
		t.Errorf("muted it says %q", text())
	}
	muted := eval[[]string](b, row("BASE"))
	b.keys("m")
	if slices.Equal(muted, eval[[]string](b, row("BASE"))) {
		t.Error("muting changed no number")
	}
	b.keys(kb.Enter)
	b.keys("0.25")
	b.keys(kb.Enter)
	near("typed", 0.25)
	b.keys(kb.ArrowDown)
	if l := label(); !strings.HasPrefix(l, "IN00, step 1") {
		t.Errorf("down leads to %q", l)
	}
	b.keys(kb.Tab)
	if l := label(); !strings.HasPrefix(l, "IN00, step 2") {
		t.Errorf("Tab leads to %q", l)
	}
	b.keys("b")
	b.wait(said + ` === "The free sliders stand where they come closest"`)

	// The dialog, saved and closed.
	for eval[string](b, `document.activeElement.textContent`) != "Save" {
		b.keys(kb.Tab, chromedp.KeyModifiers(chromedp.ModifierShift))
	}
	b.keys(kb.Enter)
	b.wait(`document.querySelector("dialog[open]")`)
	tab(`a.textContent === "Save"`)
	b.keys(kb.Enter)
	b.wait(`document.querySelector("dialog p[role=status]").textContent.startsWith("Saved as s/recipes/tuned.txt")`)
	b.keys(kb.Escape)
	b.wait(`!document.querySelector("dialog")`)
	if _, err := os.Stat(filepath.Join(dir, "s", "recipes", "tuned.txt")); err != nil {
		t.Error(err)
	}
	b.clean()
}

// TestBrowserTies locks, mutes, ties and solves, by the numbers that come of it.
func TestBrowserTies(t *testing.T) {
	dir := folder(t)
	study(t, dir, "s", 3)
	c := serve(t, dir)
	b := open(t, c)
	b.visit("/desk?s=s", c.server.Token, deskReady)
	get := func(block string, k int) float64 { return eval[float64](b, "Number("+slider(block, k)+".value)") }
	set := func(block string, k int, v float64) {
		eval[int](b, fmt.Sprintf(`(() => { const s = %s; s.focus(); s.value = %v; s.dispatchEvent(new Event("input", {bubbles: true})); s.dispatchEvent(new Event("change", {bubbles: true})); return 0 })()`, slider(block, k), v))
	}
	press := func(text string) { b.do(chromedp.Click(chromedp.Search("//button[text()='" + text + "']"))) }
	choose := func(id, value string) {
		eval[int](b, fmt.Sprintf(`(() => { const s = document.getElementById(%q); s.value = %q; s.dispatchEvent(new Event("change", {bubbles: true})); return 0 })()`, id, value))
	}
	choose("tie-all", "the blocks of each group")
	eval[int](b, slider("OUT02", 0)+`.focus(); 0`)
	press("Lock")
	locked, elsewhere := get("OUT02", 0), get("IN05", 0)
	set("OUT01", 0, 0.377)
	for _, o := range []string{"OUT00", "OUT01", "OUT11"} {
		if v := get(o, 0); v != 0.377 {
			t.Errorf("%s is tied and at %v", o, v)
		}
	}
	if v := get("OUT02", 0); v != locked {
		t.Errorf("OUT02 is locked and went from %v to %v", locked, v)
	}
	if v := get("IN05", 0); v != elsewhere {
		t.Errorf("IN05 is of another group and went from %v to %v", elsewhere, v)
	}
	press("Undo")
	if v := get("OUT00", 0); v == 0.377 {
		t.Error("undone, OUT00 is where it was")
	}
	choose("tie-all", "no blocks")

	// The step muted everywhere has no part, whatever it stands at.
	eval[int](b, slider("IN05", 0)+`.focus(); 0`)
	press("Mute the step")
	without := eval[[]string](b, row("IN06"))
	set("IN06", 0, 0.9)
	if now := eval[[]string](b, row("IN06")); !slices.Equal(now, without) {
		t.Errorf("muted, it moved the numbers from %v to %v", without, now)
	}
	press("Mute the step")
	if now := eval[[]string](b, row("IN06")); slices.Equal(now, without) {
		t.Error("heard again, it moved no number")
	}

	// Best for the rest: a slider far off, locked, stays; the others make up for it.
	set("IN07", 0, 0.6)
	eval[int](b, slider("IN07", 0)+`.focus(); 0`)
	press("Lock")
	off := eval[float64](b, `Number(`+row("IN07")+`[1])`)
	press("Best for the rest")
	b.wait(said + ` === "The free sliders stand where they come closest"`)
	if v := get("IN07", 0); v != 0.6 {
		t.Errorf("IN07 is locked and stands at %v", v)
	}
	if now := eval[float64](b, `Number(`+row("IN07")+`[1])`); !(now < off) {
		t.Errorf("IN07 is %v from the ceiling, and was %v", now, off)
	}
	if now := eval[float64](b, `Number(`+row("IN06")+`[1])`); !(now < 1e-9) {
		t.Errorf("IN06, all free, is %v from the ceiling", now)
	}
	b.axe("desk")
	b.clean()
}
