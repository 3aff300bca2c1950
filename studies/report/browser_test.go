package report_test

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"mixmatch/studies/report"
)

// axeVariable names axe.min.js of axe-core, which make browser fetches.
const axeVariable = "MIXMATCH_AXE"

// newBrowser starts Chromium, or skips the test where there is none.
func newBrowser(t *testing.T) context.Context {
	t.Helper()
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if p, err := exec.LookPath(name); err == nil {
			path = p
			break
		}
	}
	switch {
	case testing.Short():
		t.Skip("a browser takes seconds")
	case path == "":
		t.Skip("no chromium: make browser installs it")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.Flag("force-color-profile", "srgb"))
	if os.Geteuid() == 0 {
		options = append(options, chromedp.NoSandbox)
	}
	all, cancel := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(cancel)
	ctx, cancel := chromedp.NewContext(all)
	t.Cleanup(cancel)
	do(t, ctx)
	ctx, cancel = context.WithTimeout(ctx, 5*time.Minute) // a browser that hangs
	t.Cleanup(cancel)
	return ctx
}

// do takes steps that return nothing.
func do(t *testing.T, ctx context.Context, steps ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	if err := chromedp.Do(ctx, steps...); err != nil {
		t.Fatal(err)
	}
}

// eval returns what a script comes to.
func eval[T any](t *testing.T, ctx context.Context, script string) T {
	t.Helper()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](script, chromedp.EvalAwaitPromise))
	if err != nil {
		t.Fatalf("%.200s: %v", script, err)
	}
	return v
}

// call gives the browser a command.
func call[P, R any](t *testing.T, ctx context.Context, command cdp.Command[P, R], params P) R {
	t.Helper()
	r, err := chromedp.Call(ctx, command, params)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// media has the page shown on a medium, in a theme.
func media(t *testing.T, ctx context.Context, medium, theme string) {
	t.Helper()
	call(t, ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Media: medium, Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: theme}},
	})
}

// A watch notes what a page asks for, and what it complains of.
type watch struct {
	mu       sync.Mutex
	requests []string
	messages []string
}

// listen begins to watch.
func listen(t *testing.T, ctx context.Context) *watch {
	t.Helper()
	w := &watch{}
	call(t, ctx, network.Enable, network.EnableParams{})
	note(w, chromedp.Events(ctx, network.RequestWillBeSent), func(e network.EventRequestWillBeSent) {
		w.requests = append(w.requests, e.Request.URL)
	})
	note(w, chromedp.Console(ctx), func(m chromedp.ConsoleMessage) { w.messages = append(w.messages, m.Text) })
	note(w, chromedp.Events(ctx, page.JavascriptDialogOpening), func(e page.EventJavascriptDialogOpening) {
		w.messages = append(w.messages, "dialog: "+e.Message)
	})
	return w
}

func note[E any](w *watch, events iter.Seq2[E, error], each func(E)) {
	go func() {
		for e, err := range events {
			if err != nil {
				return
			}
			w.mu.Lock()
			each(e)
			w.mu.Unlock()
		}
	}()
}

// clean fails if the page asked for anything but itself, or complained.
func (w *watch) clean(t *testing.T, self string) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	if !slices.Contains(w.requests, self) {
		t.Errorf("the page itself was not asked for, but %v", w.requests)
	}
	for _, r := range w.requests {
		if r != self && !strings.HasPrefix(r, "data:") {
			t.Errorf("a request of %s", r)
		}
	}
	for _, m := range w.messages {
		t.Errorf("the console says %s", m)
	}
}

func fileURL(path string) string {
	return (&url.URL{Scheme: "file", Path: filepath.ToSlash(path)}).String()
}

// articlePage writes the page of the article's recipe, once.
func articlePage(t *testing.T) (string, *report.View) {
	t.Helper()
	article.once.Do(func() {
		dir := filepath.Join(folder, "article")
		all := plan
		all.Trials = 150
		run(t, newStudy(t, dir, all))
		article.page = gather(t, dir)
		path := filepath.Join(folder, "article.html")
		if err := os.WriteFile(path, []byte(html(t, article.page)), 0o644); err != nil {
			t.Fatal(err)
		}
		article.path = path
	})
	if article.path == "" {
		t.Fatal("the page could not be made")
	}
	return article.path, article.page
}

var article struct {
	once sync.Once
	path string
	page *report.View
}

func TestBrowser(t *testing.T) {
	ctx := newBrowser(t)
	path, p := articlePage(t)
	self := fileURL(path)
	w := listen(t, ctx)
	do(t, ctx, chromedp.EmulateViewport(1280, 900), chromedp.Navigate(self), chromedp.WaitReady(chromedp.CSS("#notes")))
	t.Run("pictures", func(t *testing.T) { hasPictures(t, ctx, p) })
	t.Run("map", func(t *testing.T) { choosesOnMap(t, ctx, p) })
	t.Run("copy", func(t *testing.T) { copies(t, ctx, p) })
	w.clean(t, self)
}

// hasPictures fails unless every picture is there, has a title, and its numbers beside it.
func hasPictures(t *testing.T, ctx context.Context, p *report.View) {
	type picture struct {
		Name, Title  string
		Shapes, Rows int
		Width        float64
	}
	shown := eval[[]picture](t, ctx, `[...document.querySelectorAll(".figure svg")].map(function (s) {
		const f = s.closest("section");
		return {Name: f.id, Title: s.querySelector("title").textContent, Shapes: s.querySelectorAll("rect,path,circle").length,
			Rows: f.querySelectorAll("tbody tr").length, Width: s.getBoundingClientRect().width};
	})`)
	n := 0
	for _, f := range p.Figures() {
		if f.Picture == nil {
			continue
		}
		if n >= len(shown) || shown[n].Name != f.Name || shown[n].Title == "" || shown[n].Shapes < 10 || shown[n].Rows != len(f.Table.Rows) || shown[n].Width < 200 {
			t.Fatalf("picture %s: %+v", f.Name, shown)
		}
		n++
	}
	if n < 7 {
		t.Errorf("only %d pictures", n)
	}
}

// choosesOnMap fails unless the map shows what is chosen, by keyboard.
func choosesOnMap(t *testing.T, ctx context.Context, p *report.View) {
	const text, title = `document.querySelector('[data-of="text IN05"]').textContent`, `document.querySelector(".picture.map title").textContent`
	before := eval[string](t, ctx, text)
	do(t, ctx, chromedp.Focus(chromedp.CSS("#choice")), chromedp.SendKeys(chromedp.CSS("#choice"), "weight of OpenBra"))
	after := eval[string](t, ctx, text)
	if want := fmt.Sprintf("%.4f", weightOf(p, "IN05", "OpenBra")); before == after || after != want {
		t.Errorf("the map says %q after %q; want %q", after, before, want)
	}
	if s := eval[string](t, ctx, title); !strings.Contains(s, "weight of OpenBra") {
		t.Errorf("the map's title is %q", s)
	}
}

func weightOf(p *report.View, block, source string) float64 {
	for _, b := range p.Blocks {
		for _, w := range b.Weights {
			if b.Name == block && w.Source == source {
				return w.Weight
			}
		}
	}
	return 0
}

// copies fails unless copy buttons copy what is shown, also where the clipboard's own way
// is barred.
func copies(t *testing.T, ctx context.Context, p *report.View) {
	for _, name := range []string{"clipboard-read", "clipboard-write"} {
		if _, err := chromedp.CallBrowser(ctx, browser.SetPermission, browser.SetPermissionParams{
			Permission: &browser.PermissionDescriptor{Name: name}, Setting: browser.PermissionSettingGranted,
		}); err != nil {
			t.Fatal(err)
		}
	}
	n := 0
	for _, barred := range []bool{false, true} {
		if barred {
			eval[int](t, ctx, `window.clipboard = navigator.clipboard; Object.defineProperty(navigator, "clipboard", {value: undefined});
				document.querySelectorAll("[data-copy]").forEach(function (b) { b.nextElementSibling.textContent = "" }); 0`)
		}
		for _, d := range p.Formats {
			if d.Text == "" {
				continue
			}
			button := fmt.Sprintf(`[data-copy="doc-%s"]`, d.Name)
			eval[bool](t, ctx, fmt.Sprintf(`document.querySelector('%s').closest("details").open = true`, button))
			do(t, ctx, chromedp.Click(chromedp.CSS(button), chromedp.NodeVisible))
			status, err := chromedp.Run(ctx, chromedp.Poll[string](fmt.Sprintf(`document.querySelector('%s').nextElementSibling.textContent`, button)))
			if err != nil {
				t.Fatal(err)
			}
			copied := eval[string](t, ctx, `(navigator.clipboard || window.clipboard).readText()`)
			want := d.Text
			if barred { // a selection has no last line end
				want = strings.TrimSuffix(want, "\n")
			}
			if status != "copied" || copied != want {
				t.Errorf("%s: %s; %d bytes copied of %d", d.Name, status, len(copied), len(d.Text))
			}
			n++
		}
	}
	if n < 10 {
		t.Errorf("only %d buttons", n)
	}
}

// TestBrowserThemes has the page light and dark, as the system has it and by the switch.
func TestBrowserThemes(t *testing.T) {
	ctx := newBrowser(t)
	path, _ := articlePage(t)
	const light, dark = "rgb(255, 255, 255)", "rgb(20, 24, 29)"
	do(t, ctx, chromedp.Navigate(fileURL(path)))
	for _, test := range []struct{ medium, system, chosen, want string }{
		{"screen", "light", "", light},
		{"screen", "dark", "", dark},
		{"screen", "dark", "light", light},
		{"screen", "light", "dark", dark},
		{"print", "dark", "", light},
		{"print", "light", "dark", light},
	} {
		media(t, ctx, test.medium, test.system)
		eval[bool](t, ctx, fmt.Sprintf(`(function (s) { s.value = %q; return s.dispatchEvent(new Event("change")) })(document.getElementById("theme"))`, test.chosen))
		for what, script := range map[string]string{
			"the ground": `getComputedStyle(document.documentElement).backgroundColor`,
			"a shape":    `getComputedStyle(document.querySelector(".reach .f-paper")).fill`,
		} {
			if got := eval[string](t, ctx, script); got != test.want {
				t.Errorf("%+v: %s is %s", test, what, got)
			}
		}
	}
}

// TestBrowserPhone has the page on a phone: nothing is wider than the screen but what
// scrolls by itself.
func TestBrowserPhone(t *testing.T) {
	ctx := newBrowser(t)
	path, _ := articlePage(t)
	for _, width := range []int64{320, 390} {
		do(t, ctx, chromedp.EmulateViewport(width, 800, chromedp.EmulateMobile, chromedp.EmulateScale(2)), chromedp.Navigate(fileURL(path)))
		wide := eval[[]float64](t, ctx, `document.querySelectorAll("details").forEach(function (d) { d.open = true });
			[document.documentElement.scrollWidth, document.body.scrollWidth, document.querySelector(".picture.map svg").getBoundingClientRect().width]`)
		if wide[0] > float64(width) || wide[1] > float64(width) || wide[2] > float64(width) {
			t.Errorf("at %d the page is %v wide", width, wide)
		}
	}
}

// TestBrowserHostile has a page of which every text is hostile: nothing happens.
func TestBrowserHostile(t *testing.T) {
	ctx := newBrowser(t)
	path := filepath.Join(folder, "hostile.html")
	if err := report.WriteHostile(path); err != nil {
		t.Fatal(err)
	}
	w := listen(t, ctx)
	do(t, ctx, chromedp.Navigate(fileURL(path)), chromedp.WaitReady(chromedp.CSS("#notes")))
	got := eval[string](t, ctx, `(function () {
		const c = document.getElementById("choice");
		[...c.options].forEach(function (o) { c.value = o.value; c.dispatchEvent(new Event("change")) });
		return [typeof window.hacked, document.scripts.length, document.images.length, c.options.length].join(" ");
	})()`)
	if got != "undefined 2 0 6" {
		t.Errorf("the page has %s; want nothing hacked, 2 scripts, no images, 6 choices", got)
	}
	w.clean(t, fileURL(path))
}

// TestBrowserAxe looks for what keeps people from reading the page, with axe-core.
func TestBrowserAxe(t *testing.T) {
	ctx := newBrowser(t)
	axe, err := os.ReadFile(os.Getenv(axeVariable))
	if err != nil {
		t.Skip("no axe-core: make browser fetches it")
	}
	path, _ := articlePage(t)
	hostile := filepath.Join(folder, "hostile-axe.html")
	if err := report.WriteHostile(hostile); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{path, hostile} {
		for _, theme := range []string{"light", "dark"} {
			media(t, ctx, "screen", theme)
			do(t, ctx, chromedp.Navigate(fileURL(path)))
			eval[int](t, ctx, `document.querySelectorAll("details").forEach(function (d) { d.open = true }); 0`)
			eval[int](t, ctx, string(axe)+"; 0")
			text := eval[string](t, ctx, `axe.run().then(function (r) { return JSON.stringify(r.violations.map(function (v) {
				return {id: v.id, impact: v.impact, nodes: v.nodes.slice(0, 3).map(function (n) { return n.html.slice(0, 200) + " " + n.failureSummary }) }; })) })`)
			var found []struct {
				ID, Impact string
				Nodes      []string
			}
			if err := json.Unmarshal([]byte(text), &found); err != nil {
				t.Fatal(err)
			}
			for _, v := range found {
				say := t.Logf
				if v.Impact == "serious" || v.Impact == "critical" {
					say = t.Errorf
				}
				say("%s, %s: %s (%s): %s", filepath.Base(path), theme, v.ID, v.Impact, strings.Join(v.Nodes, "\n"))
			}
		}
	}
}
