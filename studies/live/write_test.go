package live_test

import (
	"encoding/json"
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"mixmatch/merge"
	"mixmatch/merge/block"
	"mixmatch/merge/exchange"
	"mixmatch/merge/mergetest"
	"mixmatch/merge/recipe"
)

// TestWrite saves, exports and merges what stands on the desk, and reads it back.
func TestWrite(t *testing.T) {
	dir := folder(t)
	study(t, dir, "s", 5)
	c := serve(t, dir)
	d, q := openDesk(c, "s")
	for i := range q.Columns {
		q.Columns[i][0] = 0.125
	}
	var saved struct {
		Path  string
		Saved []string
	}
	save := struct {
		tuning
		Name    string `json:"name"`
		Replace bool   `json:"replace"`
	}{q, "by hand", false}
	c.post("/api/save", save, &saved)
	if saved.Path != "s/recipes/by hand.txt" || !slices.Equal(saved.Saved, []string{"by hand"}) {
		t.Errorf("saved %+v", saved)
	}
	text, _ := json.Marshal(save)
	c.refused("POST", "/api/save", string(text), 409, "choose another name")
	save.Replace = true
	c.post("/api/save", save, nil)
	var again deskJSON
	c.get("/api/desk?s=s&recipe=by+hand", &again)
	for i, b := range again.Blocks {
		if !slices.Equal(b.Column, q.Columns[i]) {
			t.Errorf("%s: saved %v, want %v", b.Name, b.Column, q.Columns[i])
		}
	}

	// Every format, as package exchange writes it.
	written := 0
	l, err := block.Default(block.SD1)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range d.Formats {
		body, _ := json.Marshal(map[string]any{"study": "s", "recipe": "", "columns": q.Columns, "format": f.Name, "half": false, "hash": true})
		code, text := c.ask("POST", "/api/export", string(body), nil)
		if code != 200 {
			if !strings.Contains(text, "cannot be expressed") {
				t.Errorf("%s: %d %s", f.Name, code, text)
			}
			continue
		}
		written++
		var doc struct{ Name, Text string }
		c.read("/api/export", code, text, &doc)
		if doc.Name != "s"+f.Ext || doc.Text == "" {
			t.Errorf("%s: %q of %d bytes", f.Name, doc.Name, len(doc.Text))
		}
		if f.Name == "text" || f.Name == "json" {
			r, _, err := exchange.Import([]byte(doc.Text), f.Name, l, exchange.Options{})
			if err != nil {
				t.Errorf("%s: %v", f.Name, err)
				continue
			}
			id, _ := l.Index(d.Blocks[3].Name)
			if !slices.Equal(r.Column(id), q.Columns[3]) {
				t.Errorf("%s: %v comes back, want %v", f.Name, r.Column(id), q.Columns[3])
			}
		}
	}
	if written < 5 {
		t.Errorf("only %d of %d formats were written", written, len(d.Formats))
	}
	code, lines := c.ask("GET", "/api/products?s=s", "", nil)
	if code != 200 || strings.Count(lines, "\n") < 100 {
		t.Errorf("products: %d, %d lines", code, strings.Count(lines, "\n"))
	}

	// The model is that of the recipe saved.
	c.post("/api/merge", map[string]any{"study": "s", "recipe": "", "columns": q.Columns, "out": "tuned.safetensors", "dtype": "fp16", "hash": true}, nil)
	if job := waitJob(c, "s"); job.State != "finished" || !strings.Contains(job.Result, "tuned.safetensors: ") {
		t.Fatalf("merge: %+v", job)
	}
	made := mergetest.Open(t, "tuned", filepath.Join(dir, "tuned.safetensors"))
	var sourcesOf []*merge.Model
	for _, n := range d.Names {
		sourcesOf = append(sourcesOf, mergetest.Open(t, n, filepath.Join(dir, n+".safetensors")))
	}
	key := "model.diffusion_model.input_blocks.1.1.proj_in.weight"
	id, _ := l.Of(key)
	at := slices.IndexFunc(d.Blocks, func(b blockJSON) bool { return b.Name == l.Name(id) })
	rec, err := os.ReadFile(filepath.Join(dir, "s", "recipes", "by hand.txt"))
	if err != nil {
		t.Fatal(err)
	}
	r, err := recipe.Parse(l, string(rec), recipe.Options{})
	if err != nil {
		t.Fatal(err)
	}
	want := make([]float64, 0)
	for i, v := range r.Program().Weights(q.Columns[at]) {
		m := sourcesOf[slices.Index(d.Names, r.Program().Names()[i])]
		for k, x := range mergetest.Values(t, m, key) {
			if k == len(want) {
				want = append(want, 0)
			}
			want[k] += v * float64(x)
		}
	}
	for k, x := range mergetest.Values(t, made, key) {
		if math.Abs(float64(x)-want[k]) > 1e-3*math.Abs(want[k])+1e-6 {
			t.Fatalf("element %d of the model is %v, want %v", k, x, want[k])
		}
	}
	body, _ := json.Marshal(map[string]any{"study": "s", "recipe": "", "columns": q.Columns, "out": "tuned.safetensors", "dtype": "", "hash": false})
	c.refused("POST", "/api/merge", string(body), 409, "choose another name")
}

type jobJSON struct{ What, State, Result, Error string }

// waitJob waits for the job of a study.
func waitJob(c *client, name string) jobJSON {
	c.t.Helper()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		var now struct{ State struct{ Job *jobJSON } }
		c.get("/api/events?once&s="+name, &now)
		if j := now.State.Job; j != nil && j.State != "running" {
			return *j
		}
	}
	c.t.Fatal("the job does not end")
	return jobJSON{}
}

// TestStopMerge stops the server in the middle of a merge: the file is whole or not there.
func TestStopMerge(t *testing.T) {
	dir := folder(t)
	study(t, dir, "s", 3)
	c := serve(t, dir)
	_, q := openDesk(c, "s")
	c.post("/api/merge", map[string]any{"study": "s", "recipe": "", "columns": q.Columns, "out": "made.safetensors", "dtype": "", "hash": false}, nil)
	if stopped := c.stop(); len(stopped) != 0 {
		t.Errorf("stopped %q", stopped)
	}
	for name := range files(t, dir) {
		if strings.Contains(name, ".tmp-") {
			t.Errorf("left behind: %s", name)
		}
	}
	m, err := merge.OpenModel("made", filepath.Join(dir, "made.safetensors"))
	if err == nil {
		m.Close()
	} else if !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}
