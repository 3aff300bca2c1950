package live_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"mixmatch/merge"
	"mixmatch/merge/recipe"
	"mixmatch/studies"
	"mixmatch/studies/demo"
	"mixmatch/studies/live"
)

// models holds a family of small models, made once.
var models string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "mixmatch-live-")
	if err != nil {
		panic(err)
	}
	models = dir
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

var family = sync.OnceValues(func() (demo.Planted, error) {
	return demo.Write(context.Background(), models, demo.Family{Div: 40, Seed: 1}, nil)
})

// folder returns a folder with the family's models in it, linked.
func folder(t testing.TB) string {
	t.Helper()
	if _, err := family(); err != nil {
		t.Fatal(err)
	}
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	files, _ := filepath.Glob(filepath.Join(models, "*.safetensors"))
	for _, f := range files {
		if err := os.Link(f, filepath.Join(dir, filepath.Base(f))); err != nil {
			text, err := os.ReadFile(f)
			if err == nil {
				err = os.WriteFile(filepath.Join(dir, filepath.Base(f)), text, 0o666)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	return dir
}

var sources = []string{"OpenBra", "Evt_V4_e04_ema", "sxd_10Pruned", "dreamshaper_6NoVae", "epicrealism_newEra"}

// study makes the study dir/name of some of the family, and runs it.
func study(t testing.TB, dir, name string, trials int) *studies.Summary {
	t.Helper()
	s := begin(t, dir, name, trials)
	sum, err := s.Run(t.Context(), studies.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return sum
}

// begin makes the study dir/name.
func begin(t testing.TB, dir, name string, trials int) *studies.Study {
	t.Helper()
	open := func(name string) *studies.Given {
		m, err := merge.OpenModel(recipe.NameOf(name), filepath.Join(dir, name+".safetensors"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { m.Close() })
		return studies.FileOf(m)
	}
	c := studies.Config{Target: open("BlessingMix_V1"), Base: open("v1-5-pruned-emaonly"), Plan: studies.Plan{Sampler: "cmaes", Trials: trials, Polish: 2000, Seed: 1}}
	for _, n := range sources {
		c.Sources = append(c.Sources, open(n))
	}
	s, err := studies.Create(filepath.Join(dir, name), c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// A client asks a server as its pages do.
type client struct {
	t      testing.TB
	server *live.Server
	url    string
	end    context.CancelFunc
	over   chan []string // the studies that were stopped
}

// serve serves dir until the test ends.
func serve(t testing.TB, dir string) *client {
	t.Helper()
	s, err := live.New(live.Options{Dir: dir, Threads: 2})
	if err != nil {
		t.Fatal(err)
	}
	l, err := live.Listen(0)
	if err != nil {
		t.Fatal(err)
	}
	ctx, end := context.WithCancel(context.Background())
	c := &client{t: t, server: s, url: fmt.Sprintf("http://127.0.0.1:%d", l.Addr().(*net.TCPAddr).Port), end: end, over: make(chan []string, 1)}
	go func() {
		stopped, err := s.Serve(ctx, l)
		if err != nil {
			t.Errorf("serve: %v", err)
		}
		c.over <- stopped
	}()
	t.Cleanup(func() { c.stop() })
	return c
}

// stop stops the server as Ctrl-C does, and returns the studies that it stopped.
func (c *client) stop() []string {
	c.end()
	stopped := <-c.over
	c.over <- stopped
	return stopped
}

// ask sends a request and returns the status and the answer.
func (c *client) ask(method, path, body string, change func(*http.Request)) (int, string) {
	c.t.Helper()
	r, err := http.NewRequestWithContext(c.t.Context(), method, c.url+path, strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("X-Mixmatch-Token", c.server.Token)
	}
	if change != nil {
		change(r)
	}
	answer, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		c.t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	if p := answer.Header.Get("Content-Security-Policy"); !strings.HasPrefix(p, "default-src 'none'") && answer.StatusCode != http.StatusRequestHeaderFieldsTooLarge && answer.StatusCode != http.StatusBadRequest {
		c.t.Errorf("%s %s: policy %q", method, path, p)
	}
	return answer.StatusCode, string(text)
}

// get asks for v, which must be there.
func (c *client) get(path string, v any) {
	c.t.Helper()
	code, text := c.ask(http.MethodGet, path, "", nil)
	c.read(path, code, text, v)
}

// post asks for something to be done, which must work.
func (c *client) post(path string, q, v any) {
	c.t.Helper()
	body, err := json.Marshal(q)
	if err != nil {
		c.t.Fatal(err)
	}
	code, text := c.ask(http.MethodPost, path, string(body), nil)
	c.read(path, code, text, v)
}

func (c *client) read(path string, code int, text string, v any) {
	c.t.Helper()
	if code != http.StatusOK {
		c.t.Fatalf("%s: %d %s", path, code, text)
	}
	if v == nil {
		return
	}
	if err := json.Unmarshal([]byte(text), v); err != nil {
		c.t.Fatalf("%s: %v in %.200s", path, err, text)
	}
}

// refused sends a request that must be refused.
func (c *client) refused(method, path, body string, code int, says string) {
	c.t.Helper()
	got, text := c.ask(method, path, body, nil)
	if got != code || !strings.Contains(text, says) {
		c.t.Errorf("%s %s %.80q: %d %.300s; want %d and %q", method, path, body, got, text, code, says)
	}
}

// files returns what is in a folder, the folder's own name left out.
func files(t testing.TB, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		text, err := os.ReadFile(path)
		name, _ := filepath.Rel(dir, path)
		all[name] = string(bytes.ReplaceAll(text, []byte(filepath.ToSlash(dir)), []byte("STUDY")))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}
