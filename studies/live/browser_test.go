package live_test

import (
	"context"
	"encoding/json"
	"iter"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// axeVariable names axe.min.js of axe-core, which make browser fetches.
const axeVariable = "MIXMATCH_AXE"

// A browser is Chromium with one page, and what that asked for and complained of.
type browser struct {
	t    *testing.T
	ctx  context.Context
	site string

	mu       sync.Mutex
	requests []string
	messages []string
}

// open starts Chromium for the pages of c, or skips the test where there is none.
func open(t *testing.T, c *client) *browser {
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
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path))
	if os.Geteuid() == 0 {
		options = append(options, chromedp.NoSandbox)
	}
	all, cancel := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(cancel)
	ctx, cancel := chromedp.NewContext(all)
	t.Cleanup(cancel)
	b := &browser{t: t, site: c.url}
	b.ctx = ctx
	b.do()
	b.ctx, cancel = context.WithTimeout(ctx, 5*time.Minute) // a browser that hangs
	t.Cleanup(cancel)
	call(b, network.Enable, network.EnableParams{})
	note(b, chromedp.Events(b.ctx, network.RequestWillBeSent), func(e network.EventRequestWillBeSent) {
		b.requests = append(b.requests, e.Request.URL)
	})
	note(b, chromedp.Console(b.ctx), func(m chromedp.ConsoleMessage) { b.messages = append(b.messages, m.Text) })
	note(b, chromedp.Events(b.ctx, runtime.ExceptionThrown), func(e runtime.EventExceptionThrown) {
		b.messages = append(b.messages, "exception: "+e.ExceptionDetails.Text)
	})
	note(b, chromedp.Events(b.ctx, page.JavascriptDialogOpening), func(e page.EventJavascriptDialogOpening) {
		b.messages = append(b.messages, "dialog: "+e.Message)
	})
	b.do(chromedp.EmulateViewport(1280, 900))
	return b
}

// call gives the browser a command.
func call[P, R any](b *browser, command cdp.Command[P, R], params P) R {
	b.t.Helper()
	r, err := chromedp.Call(b.ctx, command, params)
	if err != nil {
		b.t.Fatal(err)
	}
	return r
}

func note[E any](b *browser, events iter.Seq2[E, error], each func(E)) {
	go func() {
		for e, err := range events {
			if err != nil {
				return
			}
			b.mu.Lock()
			each(e)
			b.mu.Unlock()
		}
	}()
}

// do takes steps.
func (b *browser) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, steps...); err != nil {
		b.t.Fatal(err)
	}
}

// eval returns what a script comes to.
func eval[T any](b *browser, script string) T {
	b.t.Helper()
	v, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](script, chromedp.EvalAwaitPromise))
	if err != nil {
		b.t.Fatalf("%.300s: %v", script, err)
	}
	return v
}

// visit opens one of the pages, with the token or without, and waits until what is
// asked for is there.
func (b *browser) visit(path, token, wanted string) {
	b.t.Helper()
	if token != "" {
		path += "#token=" + url.QueryEscape(token)
	}
	b.do(chromedp.Navigate("about:blank"), chromedp.Navigate(b.site+path))
	b.wait(wanted)
}

// wait waits until a script comes to true.
func (b *browser) wait(script string) {
	b.t.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		if v, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool]("Boolean("+script+")")); err == nil && v {
			return
		} else if time.Now().After(deadline) || b.ctx.Err() != nil {
			b.t.Fatalf("it never holds that %s (%v); the page says %.2000s\n%v", script, err, eval[string](b, "document.body.innerText"), b.messages)
		}
	}
}

// keys presses keys.
func (b *browser) keys(keys string, with ...chromedp.KeyOption) {
	b.t.Helper()
	b.do(chromedp.KeyEvent(keys, with...))
}

// clean fails if a page asked for anything but this server's, or complained.
func (b *browser) clean() {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.requests) == 0 {
		b.t.Error("no request was seen")
	}
	for _, r := range b.requests {
		if !strings.HasPrefix(r, b.site+"/") && !strings.HasPrefix(r, "data:") && !strings.HasPrefix(r, "blob:"+b.site) && r != "about:blank" {
			b.t.Errorf("a request of %s", r)
		}
		if strings.Contains(r, "token") {
			b.t.Errorf("a request tells the token: %s", r)
		}
	}
	for _, m := range b.messages {
		b.t.Errorf("the console says %s", m)
	}
}

// axe looks for what keeps people from using the page, with axe-core.
func (b *browser) axe(what string) {
	b.t.Helper()
	script, err := os.ReadFile(os.Getenv(axeVariable))
	if err != nil {
		b.t.Logf("%s: no axe-core, so that nothing is looked for: make browser fetches it", what)
		return
	}
	for _, theme := range []string{"light", "dark"} {
		call(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: theme}},
		})
		eval[int](b, string(script)+"; 0")
		text := eval[string](b, `axe.run().then((r) => JSON.stringify(r.violations.map((v) => (
			{id: v.id, impact: v.impact, nodes: v.nodes.slice(0, 3).map((n) => n.html.slice(0, 200) + " " + n.failureSummary)}))))`)
		var found []struct {
			ID, Impact string
			Nodes      []string
		}
		if err := json.Unmarshal([]byte(text), &found); err != nil {
			b.t.Fatal(err)
		}
		for _, v := range found {
			say := b.t.Logf
			if v.Impact == "serious" || v.Impact == "critical" {
				say = b.t.Errorf
			}
			say("%s, %s: %s (%s): %s", what, theme, v.ID, v.Impact, strings.Join(v.Nodes, "\n"))
		}
	}
}
