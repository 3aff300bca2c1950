package live_test

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"mixmatch/merge/recipe"
	"mixmatch/studies"
)

// A deskJSON is what the desk's page gets.
type deskJSON struct {
	Names  []string
	Models int
	Base   int
	Of     string
	Steps  []struct {
		Mode        string
		A, B, C, At int
	}
	Ratios  []struct{ Lo, Hi float64 }
	Blocks  []blockJSON
	Formats []struct{ Name, Ext string }
	Saved   []string
}

type blockJSON struct {
	Name, Group string
	P           []float64
	Column      []float64
	Ceiling     struct{ Cosine, Loss float64 }
	From        int
	Lacks       []int
}

type tuning struct {
	Study   string      `json:"study"`
	Recipe  string      `json:"recipe"`
	Columns [][]float64 `json:"columns"`
}

func openDesk(c *client, name string) (d deskJSON, t tuning) {
	c.t.Helper()
	c.get("/api/desk?s="+name, &d)
	t.Study = name
	for _, b := range d.Blocks {
		t.Columns = append(t.Columns, slices.Clone(b.Column))
	}
	return d, t
}

// deskColumns returns the columns of a desk, and that all is free, as JSON.
func deskColumns(c *client, name string) (columns, free string) {
	d, t := openDesk(c, name)
	text, err := json.Marshal(t.Columns)
	if err != nil {
		c.t.Fatal(err)
	}
	all := [][]bool{}
	for range d.Blocks {
		all = append(all, slices.Repeat([]bool{true}, len(d.Ratios)))
	}
	marks, _ := json.Marshal(all)
	return string(text), string(marks)
}

// TestDesk gets what the desk computes from: the study's own products, recipe and
// ceilings.
func TestDesk(t *testing.T) {
	dir := folder(t)
	sum := study(t, dir, "s", 5)
	c := serve(t, dir)
	d, _ := openDesk(c, "s")
	sums, err := studies.ReadSums(t.Context(), filepath.Join(dir, "s"))
	if err != nil {
		t.Fatal(err)
	}
	r, err := sum.Parse()
	if err != nil {
		t.Fatal(err)
	}
	if len(d.Blocks) != len(sums.IDs) || !slices.Equal(d.Names, sums.Blocks.Names) || d.Base != sums.Base || d.Models != len(d.Names) {
		t.Fatalf("%d blocks, names %q, base %d", len(d.Blocks), d.Names, d.Base)
	}
	n := len(d.Names) + 1
	for i, id := range sums.IDs {
		b := d.Blocks[i]
		if b.Name != sums.Blocks.Layout.Name(id) || !slices.Equal(b.Column, r.Column(id)) || len(b.Column) != len(d.Ratios) {
			t.Errorf("%s: column %v, want %v", b.Name, b.Column, r.Column(id))
		}
		k := 0
		for x := range n {
			for y := x; y < n; y++ {
				if got, want := b.P[k], sums.Blocks.Products(id)[x*n+y]; got != want {
					t.Fatalf("%s: product %d, %d is %v, want %v", b.Name, x, y, got, want)
				}
				k++
			}
		}
		fit, err := sums.Blocks.Nearest(id)
		if err != nil || b.Ceiling.Cosine != fit.Cosine {
			t.Errorf("%s: ceiling %v, want %v (%v)", b.Name, b.Ceiling.Cosine, fit.Cosine, err)
		}
	}
	var page struct {
		Ceilings map[string]struct{ Cosine float64 }
		Recipe   string
		Headline string
	}
	c.get("/api/study?s=s", &page)
	if len(page.Ceilings) != len(d.Blocks) || page.Recipe != sum.Annotated() || page.Headline == "" {
		t.Errorf("the study's page has %d ceilings, recipe %.60q, headline %q", len(page.Ceilings), page.Recipe, page.Headline)
	}
}

// TestSoFar begins with the best trials of a study that has no result yet.
func TestSoFar(t *testing.T) {
	dir := folder(t)
	study(t, dir, "s", 20)
	if err := os.Remove(filepath.Join(dir, "s", "summary.json")); err != nil {
		t.Fatal(err)
	}
	c := serve(t, dir)
	d, _ := openDesk(c, "s")
	if !strings.Contains(d.Of, "so far") {
		t.Errorf("begins at %q", d.Of)
	}
	for i, b := range d.Blocks {
		if b.Name == "IN01" && slices.Max(d.Blocks[i].Column) == 0 {
			t.Errorf("IN01 has found nothing: %v", b.Column)
		}
	}
	if err := os.Remove(filepath.Join(dir, "s", "products.bin")); err != nil {
		t.Fatal(err)
	}
	c.refused("GET", "/api/desk?s=s", "", 409, "not finished")
}

// TestBest solves for what is free: all of it comes to the ceiling, and with weights
// held to what Fit says is best then. What is held does not move, and what is tied
// moves together.
func TestBest(t *testing.T) {
	dir := folder(t)
	study(t, dir, "s", 5)
	// Add differences against the base: each ratio is a weight.
	text := ""
	last := "OpenBra"
	for i, n := range sources[1:] {
		out := fmt.Sprintf("T%d", i+1)
		text += fmt.Sprintf("%s + (%s - v1-5-pruned-emaonly) x 0.1 = %s\n", last, n, out)
		last = out
	}
	if err := os.MkdirAll(filepath.Join(dir, "s", "recipes"), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "s", "recipes", "adds.txt"), []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	c := serve(t, dir)
	sums, err := studies.ReadSums(t.Context(), filepath.Join(dir, "s"))
	if err != nil {
		t.Fatal(err)
	}
	r, err := recipe.Parse(sums.Blocks.Layout, text, recipe.Options{})
	if err != nil {
		t.Fatal(err)
	}
	weigh := func(column []float64) []float64 {
		w := make([]float64, len(sums.Blocks.Names))
		p := r.Program()
		for i, v := range p.Weights(column) {
			w[slices.Index(sums.Blocks.Names, p.Names()[i])] += v
		}
		return w
	}
	var d deskJSON
	c.get("/api/desk?s=s&recipe=adds", &d)
	q := struct {
		tuning
		Free [][]bool `json:"free"`
		Ties []int    `json:"ties"`
	}{tuning: tuning{Study: "s", Recipe: "adds"}}
	for range d.Blocks {
		q.Columns = append(q.Columns, []float64{0.1, 0.2, 0.3, 0.05})
		q.Free = append(q.Free, []bool{true, false, true, true})
		q.Ties = append(q.Ties, 0)
	}
	var got struct{ Columns [][]float64 }
	c.post("/api/best", q, &got)
	place := func(n string) int { return slices.Index(sums.Blocks.Names, n) }
	for i, id := range sums.IDs {
		x := got.Columns[i]
		if x[1] != 0.2 {
			t.Fatalf("%s: what was held is at %v", d.Blocks[i].Name, x[1])
		}
		// OpenBra has weight 1, and the held one 0.2; the base gets the rest.
		fit, err := sums.Blocks.Mix(id, []int{place("v1-5-pruned-emaonly"), place(sources[1]), place(sources[3]), place(sources[4])}, map[int]float64{place("OpenBra"): 1, place(sources[2]): 0.2})
		if err != nil {
			t.Fatal(err)
		}
		v, err := sums.Blocks.Score(id, weigh(x))
		if err != nil {
			t.Fatal(err)
		}
		if v < fit.Cosine-1e-12 {
			t.Errorf("%s: best for the rest is %.15f, and %.15f can be had", d.Blocks[i].Name, v, fit.Cosine)
		}
		// Where all that is left is rounding, Fit gives the likeliest mix, not the closest.
		if w := weigh(x); !sums.Blocks.AtNoise(id) && math.Abs(w[place(sources[1])]-fit.Weights[place(sources[1])]) > 1e-3 {
			t.Errorf("%s: weights %v, want %v", d.Blocks[i].Name, w, fit.Weights)
		}
	}
	// All of the study's own recipe is free, and one set of blocks is tied.
	own, tuned := openDesk(c, "s")
	q.tuning, q.Free = tuned, nil
	for i := range own.Blocks {
		for k := range tuned.Columns[i] {
			tuned.Columns[i][k] = 0.3
		}
		q.Free = append(q.Free, slices.Repeat([]bool{true}, len(own.Ratios)))
		if own.Blocks[i].Group == "outputs" {
			q.Ties[i] = 1
		}
	}
	c.post("/api/best", q, &got)
	var first []float64
	for i, b := range own.Blocks {
		if b.Group == "outputs" {
			if first == nil {
				first = got.Columns[i]
			}
			if !slices.Equal(got.Columns[i], first) {
				t.Errorf("%s is tied and stands elsewhere", b.Name)
			}
		}
	}
}
