package similarity

import (
	"fmt"

	"mixmatch/merge"
	"mixmatch/merge/block"
	"mixmatch/merge/vec"
)

// A target may have been saved as bfloat16 or in eight bits once, and then in a
// finer format: its values lie on the coarser grid, and that is what it was rounded
// to. One value in eight lies on bfloat16's by chance.

// sampled is how many elements of a tensor are looked at.
const sampled = 4096

// GridsOf returns, for each of the keys, the grid that the values of a model lie on if
// it is coarser than the format they are stored in, and "" if it is not: if all values
// looked at do, and nine in ten of those of that part of the model, since a tensor may
// hold only round numbers.
func GridsOf(m *merge.Model, keys []string) ([]string, error) {
	type count struct{ on, of int }
	x, buffer := make([]float32, sampled), make([]byte, 8*sampled)
	grids := vec.Grids()
	each := make([][]count, len(keys))
	parts := map[block.Part][]count{}
	for i, key := range keys {
		u, _ := m.Tensor(key)
		y := x[:min(sampled, u.Len())]
		if err := m.File.Read(y, buffer, u, 0); err != nil {
			return nil, fmt.Errorf("%s: %w", m.Name, err)
		}
		part := partOfKey(key)
		if parts[part] == nil {
			parts[part] = make([]count, len(grids))
		}
		for k, grid := range grids {
			on, of := grid.Has(y)
			each[i] = append(each[i], count{on, of})
			parts[part][k].on += on
			parts[part][k].of += of
		}
	}
	found := make([]string, len(keys))
	for i, key := range keys {
		u, _ := m.Tensor(key)
		for k, grid := range grids {
			p := parts[partOfKey(key)][k]
			if grid.Name != string(u.DType) && grid.Bits < mantissa(string(u.DType)) && each[i][k].on == each[i][k].of && p.on*10 >= p.of*9 && p.on > 0 {
				found[i] = grid.Name
				break
			}
		}
	}
	return found, nil
}

// findGrids sets the grid of each tensor of g.
func (g *Gram) findGrids(target *merge.Model) error {
	keys := make([]string, len(g.Tensors))
	for i := range g.Tensors {
		keys[i] = g.Tensors[i].Key
	}
	found, err := GridsOf(target, keys)
	if err != nil {
		return err
	}
	for i, grid := range found {
		g.Tensors[i].Grid = grid
	}
	return nil
}

// mantissa returns how many bits of it a format has.
func mantissa(dtype string) int {
	if g, ok := vec.GridOf(dtype); ok {
		return g.Bits
	}
	return 23
}

// Grids returns the grids of the tensors that have one, by key.
func (g *Gram) Grids() map[string]string {
	grids := map[string]string{}
	for i := range g.Tensors {
		if name := g.Tensors[i].Grid; name != "" {
			grids[g.Tensors[i].Key] = name
		}
	}
	return grids
}
