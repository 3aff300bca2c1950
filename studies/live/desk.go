package live

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"mixmatch/merge/block"
	"mixmatch/studies"
)

// mostDesks is how many studies' products are kept in memory: those of forty sources
// take some ten megabytes.
const mostDesks = 4

// A desk is a study's products, summed over blocks, and what follows from them alone.
type desk struct {
	*studies.Sums
	dir   string
	stamp string // what the files were like that it was read from
	best  map[block.ID]ceiling
}

// A ceiling is the best that any mix of the sources can reach.
type ceiling struct {
	Cosine float64 `json:"cosine"`
	Loss   float64 `json:"loss"` // 1 - cosine, without what cancels
}

// deskOf returns the desk of the study in dir.
func (s *Server) deskOf(ctx context.Context, dir string) (*desk, error) {
	stamp := ""
	for _, name := range []string{"plan.json", "products.bin", "products.jsonl", "recipe.txt"} {
		if info, err := os.Stat(filepath.Join(dir, name)); err == nil {
			stamp += fmt.Sprintf("%s %d %d\n", name, info.Size(), info.ModTime().UnixNano())
		}
	}
	s.mu.Lock()
	for i, d := range s.desks {
		if d.dir == dir && d.stamp == stamp {
			s.desks = append(slices.Delete(s.desks, i, i+1), d)
			s.mu.Unlock()
			return d, nil
		}
	}
	s.mu.Unlock()
	sums, err := studies.ReadSums(ctx, dir)
	if err != nil {
		return nil, err
	}
	d := &desk{Sums: sums, dir: dir, stamp: stamp, best: map[block.ID]ceiling{}}
	for _, id := range d.IDs {
		fit, err := d.Blocks.Nearest(id)
		if err != nil {
			return nil, err
		}
		loss, err := d.Blocks.Loss(id, fit.Weights)
		if err != nil {
			return nil, err
		}
		d.best[id] = ceiling{fit.Cosine, loss}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.desks = slices.DeleteFunc(s.desks, func(o *desk) bool { return o.dir == dir })
	s.desks = append(s.desks, d)
	if n := len(s.desks) - mostDesks; n > 0 {
		s.desks = slices.Delete(s.desks, 0, n)
	}
	return d, nil
}

// blockNames returns the names of the blocks searched.
func (d *desk) blockNames() []string {
	names := []string{}
	for _, id := range d.IDs {
		names = append(names, d.Blocks.Layout.Name(id))
	}
	return names
}

// ceilings returns the ceilings of the searches, by their names: that of a group is the
// mean over its blocks. There are none for the attention similarity.
func (d *desk) ceilings(metric string) map[string]ceiling {
	all := map[string]ceiling{}
	if metric == studies.Attention {
		return all
	}
	for _, id := range d.IDs {
		all[d.Blocks.Layout.Name(id)] = d.best[id]
		if d.Recipe == nil {
			continue
		}
		for _, pos := range d.Recipe.Holes(id) {
			name := d.SearchOf(id, pos)
			if name == "" || all[name] != (ceiling{}) {
				continue
			}
			var mean ceiling
			of := d.Searched(name)
			for _, o := range of {
				mean.Cosine += d.best[o].Cosine / float64(len(of))
				mean.Loss += d.best[o].Loss / float64(len(of))
			}
			all[name] = mean
		}
	}
	return all
}
