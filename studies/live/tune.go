package live

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"runtime"
	"slices"

	"golang.org/x/sync/errgroup"

	"mixmatch/merge/block"
	"mixmatch/merge/recipe"
)

// A tuning is the state of a desk: whose, and where its sliders stand.
type tuning struct {
	Study   string      `json:"study"`
	Of      string      `json:"recipe"`  // the saved recipe that the steps are of; "" for the study's
	Columns [][]float64 `json:"columns"` // of each block, in the order of the desk
}

// recipe returns the recipe of the tuning and its desk.
func (s *Server) recipe(ctx context.Context, t *tuning) (*recipe.Recipe, *desk, error) {
	dir, err := s.folderOf(t.Study)
	if err != nil {
		return nil, nil, err
	}
	d, err := s.deskOf(ctx, dir)
	if err != nil {
		return nil, nil, err
	}
	r, _, _, err := s.tuned(ctx, d, t.Of)
	if err != nil {
		return nil, nil, err
	}
	r = r.Clone()
	if len(t.Columns) != len(d.IDs) {
		return nil, nil, wrong("%d columns for %d blocks", len(t.Columns), len(d.IDs))
	}
	n := r.Program().Len()
	for i, id := range d.IDs {
		x := t.Columns[i]
		if len(x) != n {
			return nil, nil, wrong("%s: %d ratios for %d sliders: the study has another recipe by now; load the desk again", d.Blocks.Layout.Name(id), len(x), n)
		}
		for _, v := range x {
			if math.Abs(v) > recipe.MaxRatio {
				return nil, nil, wrong("%s: the ratio %g is out of range", d.Blocks.Layout.Name(id), v)
			}
		}
		r.SetColumn(id, x)
	}
	return r, d, nil
}

// A wish is what is to be solved: the best of the free ratios, the others held.
type wish struct {
	tuning
	Free [][]bool `json:"free"` // of each block, which of its ratios may move
	Ties []int    `json:"ties"` // blocks of one number above 0 have one ratio each for what is free in them
}

// mostSliders bounds what is solved at a time.
const mostSliders = 20_000

// best answers with the columns that come closest.
//
// In each block, or in each set of blocks that are tied, it minimises 1 - cosine, or
// its mean over the set, within the bounds of the sliders: it goes down from where they
// stand and from a few other places. Where all that leads to the closest mix is
// free that is the ceiling.
func (s *Server) best(_ http.ResponseWriter, r *http.Request) (any, error) {
	var q wish
	if err := read(r, &q); err != nil {
		return nil, err
	}
	rec, d, err := s.recipe(r.Context(), &q.tuning)
	if err != nil {
		return nil, err
	}
	n := rec.Program().Len()
	if len(q.Free) != len(d.IDs) || len(q.Ties) != len(d.IDs) {
		return nil, wrong("free and ties are one for each of %d blocks", len(d.IDs))
	}
	for i := range q.Free {
		if len(q.Free[i]) != n {
			return nil, wrong("%d marks of what is free for %d sliders", len(q.Free[i]), n)
		}
	}
	if n*len(d.IDs) > mostSliders {
		return nil, wrong("more than %d sliders", mostSliders)
	}
	var group errgroup.Group
	group.SetLimit(s.threads())
	for _, set := range tied(q.Ties) {
		v := &variation{desk: d, recipe: rec, set: set, columns: q.Columns, free: q.Free}
		group.Go(func() error { return v.solve(r.Context()) })
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return struct {
		Columns [][]float64 `json:"columns"`
	}{q.Columns}, nil
}

// tied returns the sets of blocks that move together, by their places.
func tied(ties []int) (sets [][]int) {
	at := map[int]int{}
	for i, t := range ties {
		if k, ok := at[t]; ok && t > 0 {
			sets[k] = append(sets[k], i)
			continue
		}
		at[t] = len(sets)
		sets = append(sets, []int{i})
	}
	return sets
}

// threads returns how many things are solved side by side.
func (s *Server) threads() int {
	if s.options.Threads > 0 {
		return s.options.Threads
	}
	return runtime.GOMAXPROCS(0)
}

// told returns the similarity of a recipe, in words for a remark.
func (d *desk) told(r *recipe.Recipe) (string, error) {
	program := r.Program()
	type mean struct{ cosine, ceiling, n float64 }
	means := map[block.Group]*mean{}
	var order []block.Group
	for _, id := range d.IDs {
		w := make([]float64, len(d.Blocks.Names))
		names := program.Names()
		for i, x := range program.Weights(r.Column(id)) {
			w[slices.Index(d.Blocks.Names, names[i])] += x
		}
		if err := d.check(id, w); err != nil {
			return "", err
		}
		v, err := d.Blocks.Score(id, w)
		if err != nil {
			return "", err
		}
		g := d.Blocks.Layout.GroupOf(id)
		if means[g] == nil {
			means[g] = &mean{}
			order = append(order, g)
		}
		m := means[g]
		m.cosine, m.ceiling, m.n = m.cosine+v, m.ceiling+d.best[id].Cosine, m.n+1
	}
	text := ""
	for _, g := range order {
		m := means[g]
		text += fmt.Sprintf("# %s %.4f%% (ceiling %.4f%%)\n", g, 100*m.cosine/m.n, 100*m.ceiling/m.n)
	}
	return text, nil
}
