package live_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestRefusals asks for what is never given, and checks that nothing came of it.
func TestRefusals(t *testing.T) {
	dir := folder(t)
	study(t, dir, "s", 5)
	outside := t.TempDir()
	study(t, folderAt(t, outside), "away", 5)
	link := func(to, name string) {
		if err := os.Symlink(to, filepath.Join(dir, name)); err != nil {
			t.Skip("no links: ", err)
		}
	}
	link(filepath.Join(outside, "away"), "link")
	link(filepath.Join(outside, "nothing"), "dangling.safetensors")
	link(filepath.Join(outside, "BlessingMix_V1.safetensors"), "target.safetensors")
	if err := os.MkdirAll(filepath.Join(dir, "plain"), 0o777); err != nil {
		t.Fatal(err)
	}
	link(outside, filepath.Join("plain", "out"))
	c := serve(t, dir)
	before := files(t, dir)
	header := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	host := func(h string) func(*http.Request) { return func(r *http.Request) { r.Host = h } }
	port := c.url[strings.LastIndexByte(c.url, ':'):]
	for _, x := range []struct {
		what   string
		method string
		path   string
		body   string
		change func(*http.Request)
		code   int
		says   string
	}{
		{"a foreign host", "GET", "/", "", host("evil.example"), 403, "127.0.0.1"},
		{"a foreign host with the port", "GET", "/api/studies", "", host("evil.example" + port), 403, "127.0.0.1"},
		{"another port", "GET", "/", "", host("127.0.0.1:1"), 403, "127.0.0.1"},
		{"a name that begins as ours", "GET", "/", "", host("localhost" + port + ".evil.example"), 403, "127.0.0.1"},
		{"a foreign origin", "GET", "/api/studies", "", header("Origin", "http://evil.example"), 403, "origin"},
		{"a foreign origin's post", "POST", "/api/stop", `{"study":"s"}`, header("Origin", "http://evil.example"), 403, "origin"},
		{"an origin of https", "GET", "/", "", header("Origin", "https://127.0.0.1"+port), 403, "origin"},
		{"no origin", "POST", "/api/stop", `{"study":"s"}`, header("Origin", "null"), 403, "origin"},
		{"two origins", "GET", "/", "", func(r *http.Request) { r.Header["Origin"] = []string{c.url, "http://evil.example"} }, 403, "origin"},
		{"a foreign site", "GET", "/api/studies", "", header("Sec-Fetch-Site", "cross-site"), 403, "site"},
		{"no token", "POST", "/api/resume", `{"study":"s"}`, header("X-Mixmatch-Token", ""), 403, "token"},
		{"another token", "POST", "/api/resume", `{"study":"s"}`, header("X-Mixmatch-Token", strings.Repeat("A", 32)), 403, "token"},
		{"a form", "POST", "/api/resume", `{"study":"s"}`, header("Content-Type", "text/plain"), 415, "JSON"},
		{"another method", "DELETE", "/api/study?s=s", "", nil, 405, "GET and POST"},
		{"a write by GET", "GET", "/api/stop", "", nil, 404, "nothing at"},
		{"a page that is none", "GET", "/etc/passwd", "", nil, 404, "nothing at"},
		{"a long body", "POST", "/api/save", `{"study":"` + strings.Repeat("x", 2<<20) + `"}`, nil, 413, "longer"},
		{"no JSON", "POST", "/api/save", `study`, nil, 400, "cannot be read"},
		{"two values", "POST", "/api/resume", `{"study":"s"} {}`, nil, 400, "behind"},
		{"an unknown field", "POST", "/api/resume", `{"study":"s","x":1}`, nil, 400, "unknown field"},
		{"an unknown study", "GET", "/api/study?s=none", "", nil, 404, "no"},
		{"an unknown study's events", "GET", "/api/events?s=none", "", nil, 404, "no"},
		{"an unknown study's desk", "GET", "/api/desk?s=none", "", nil, 404, "no"},
		{"an unknown study resumed", "POST", "/api/resume", `{"study":"none"}`, nil, 404, "no"},
		{"no study", "GET", "/api/study?s=plain", "", nil, 404, "no study"},
		{"the folder above", "GET", "/api/study?s=../" + filepath.Base(outside) + "/away", "", nil, 403, "outside"},
		{"a way out and in", "GET", "/api/study?s=s/../../x", "", nil, 403, "outside"},
		{"an absolute path", "GET", "/api/study?s=/etc", "", nil, 403, "outside"},
		{"a zero", "GET", "/api/study?s=s%00", "", nil, 403, "outside"},
		{"a link out", "GET", "/api/study?s=link", "", nil, 403, "leads outside"},
		{"a link out resumed", "POST", "/api/resume", `{"study":"link"}`, nil, 403, "leads outside"},
		{"products of a link out", "GET", "/api/products?s=link", "", nil, 403, "leads outside"},
		{"a target outside", "POST", "/api/start", `{"study":"n","target":"target.safetensors","sources":["OpenBra.safetensors"]}`, nil, 403, "leads outside"},
		{"a source above", "POST", "/api/start", `{"study":"n","target":"BlessingMix_V1.safetensors","sources":["../x.safetensors"]}`, nil, 403, "outside"},
		{"a study above", "POST", "/api/start", `{"study":"../n","target":"BlessingMix_V1.safetensors","sources":["OpenBra.safetensors"]}`, nil, 400, "name of a file"},
		{"a study in a study", "POST", "/api/start", `{"study":"s","target":"BlessingMix_V1.safetensors","sources":["OpenBra.safetensors"]}`, nil, 409, "study exists"},
		{"no target", "POST", "/api/start", `{"study":"n","sources":["OpenBra.safetensors"]}`, nil, 400, "choose the target"},
		{"no sources", "POST", "/api/start", `{"study":"n","target":"BlessingMix_V1.safetensors"}`, nil, 400, "choose the models"},
		{"an unknown style", "POST", "/api/start", `{"study":"n","target":"BlessingMix_V1.safetensors","sources":["OpenBra.safetensors"],"style":"x"}`, nil, 400, "no style"},
		{"too many trials", "POST", "/api/start", `{"study":"n","target":"BlessingMix_V1.safetensors","sources":["OpenBra.safetensors"],"trials":100000000}`, nil, 400, "trials"},
		{"a file that is no model", "POST", "/api/start", `{"study":"n","target":"s/plan.json","sources":["OpenBra.safetensors"]}`, nil, 400, "plan.json"},
		{"nothing to stop", "POST", "/api/stop", `{"study":"s"}`, nil, 409, "does not run here"},
		{"nothing to cancel", "POST", "/api/cancel", `{"study":"s"}`, nil, 409, "nothing under way"},
		{"a recipe above", "GET", "/api/desk?s=s&recipe=../../x", "", nil, 400, "name of a file"},
		{"a recipe that is none", "GET", "/api/desk?s=s&recipe=none", "", nil, 404, "there is no"},
	} {
		code, text := c.ask(x.method, x.path, x.body, x.change)
		if code != x.code || !strings.Contains(text, x.says) {
			t.Errorf("%s: %d %.300s; want %d and %q", x.what, code, text, x.code, x.says)
		}
		if strings.ContainsAny(strings.TrimSpace(text), "\n\r\t") {
			t.Errorf("%s: more than one line: %q", x.what, text)
		}
	}
	// The desk's own, whose requests carry the sliders.
	columns, free := deskColumns(c, "s")
	for _, x := range []struct {
		path, more string
		code       int
		says       string
	}{
		{"/api/save", `"name":"../plan"`, 400, "name of a file"},
		{"/api/save", `"name":".hidden"`, 400, "name of a file"},
		{"/api/save", `"name":"a\u202eb"`, 400, "name of a file"},
		{"/api/save", `"name":""`, 400, "empty"},
		{"/api/merge", `"out":"../x.safetensors"`, 403, "outside"},
		{"/api/merge", `"out":"plain/out/x.safetensors"`, 403, "leads outside"},
		{"/api/merge", `"out":"dangling.safetensors"`, 403, "leads nowhere"},
		{"/api/merge", `"out":"OpenBra.safetensors"`, 409, "choose another name"},
		{"/api/merge", `"out":"x.ckpt"`, 400, "safetensors"},
		{"/api/merge", `"out":"x.safetensors","dtype":"int8"`, 400, "number format"},
		{"/api/export", `"format":"table"`, 400, "no format"},
		{"/api/best", `"free":[],"ties":[]`, 400, "one for each"},
	} {
		c.refused("POST", x.path, fmt.Sprintf(`{"study":"s","recipe":"","columns":%s,%s}`, columns, x.more), x.code, x.says)
	}
	c.refused("POST", "/api/best", `{"study":"s","recipe":"","columns":[[1]],"free":[],"ties":[]}`, 400, "columns")
	c.refused("POST", "/api/best", fmt.Sprintf(`{"study":"s","recipe":"","columns":%s,"free":%s,"ties":[]}`, strings.Replace(columns, "[[", "[[1,", 1), free), 400, "load the desk again")
	c.refused("POST", "/api/best", fmt.Sprintf(`{"study":"s","recipe":"","columns":%s,"free":%s,"ties":[]}`, `[[1e300]`+columns[strings.IndexByte(columns, ']')+1:], free), 400, "")

	after := files(t, dir)
	for name, text := range after {
		if before[name] != text {
			t.Errorf("%s was written", name)
		}
	}
	if len(after) != len(before) {
		t.Errorf("%d files, %d before", len(after), len(before))
	}
}

// folderAt links the family's models into dir.
func folderAt(t *testing.T, dir string) string {
	t.Helper()
	from := folder(t)
	all, _ := filepath.Glob(filepath.Join(from, "*.safetensors"))
	for _, f := range all {
		if err := os.Rename(f, filepath.Join(dir, filepath.Base(f))); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestAdmitted asks under both names, and as a browser does.
func TestAdmitted(t *testing.T) {
	c := serve(t, folder(t))
	port := c.url[strings.LastIndexByte(c.url, ':'):]
	for _, h := range []string{"127.0.0.1" + port, "localhost" + port, "LocalHost" + port} {
		code, text := c.ask("GET", "/", "", func(r *http.Request) {
			r.Host = h
			r.Header.Set("Origin", "http://"+h)
			r.Header.Set("Sec-Fetch-Site", "same-origin")
		})
		if code != 200 || !strings.Contains(text, "<main") {
			t.Errorf("%s: %d %s", h, code, text)
		}
	}
	for _, p := range []string{"/", "/study?s=x", "/desk?s=x", "/pages/style.css", "/pages/common.js"} {
		if code, text := c.ask("GET", p, "", nil); code != 200 || text == "" {
			t.Errorf("%s: %d", p, code)
		}
	}
	long, err := http.NewRequestWithContext(t.Context(), http.MethodGet, c.url, nil)
	if err != nil {
		t.Fatal(err)
	}
	long.Header.Set("X-Long", strings.Repeat("x", 64<<10))
	if answer, err := http.DefaultTransport.RoundTrip(long); err == nil { // else it hung up before all was sent
		answer.Body.Close()
		if answer.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
			t.Errorf("headers of 64 kB: %d, want 431", answer.StatusCode)
		}
	}
}

// TestListen answers to this machine alone.
func TestListen(t *testing.T) {
	c := serve(t, t.TempDir())
	if !strings.HasPrefix(c.url, "http://127.0.0.1:") {
		t.Errorf("serves at %s", c.url)
	}
	if len(c.server.Token) < 32 {
		t.Errorf("a token of %d signs", len(c.server.Token))
	}
	begun := time.Now()
	if stopped := c.stop(); len(stopped) != 0 {
		t.Errorf("stopped %q", stopped)
	}
	if took := time.Since(begun); took > 20*time.Second {
		t.Errorf("it took %v to stop", took)
	}
}
