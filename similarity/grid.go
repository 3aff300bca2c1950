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

// findGrids sets, for each tensor of g, the grid that the target's values lie on if
// it is coarser than the format they are stored in: if all values looked at do, and
// nine in ten of those of that part of the model, since a tensor may hold only round
// numbers.
func (g *Gram) findGrids(target *merge.Model) error {
	type count struct{ on, of int }
	x, buffer := make([]float32, sampled), make([]byte, 8*sampled)
	grids := vec.Grids()
	each := make([][]count, len(g.Tensors))
	parts := map[block.Part][]count{}
	for i := range g.Tensors {
		u, _ := target.Tensor(g.Tensors[i].Key)
		y := x[:min(sampled, u.Len())]
		if err := target.File.Read(y, buffer, u, 0); err != nil {
			return fmt.Errorf("%s: %w", target.Name, err)
		}
		part := g.Tensors[i].Part()
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
	for i := range g.Tensors {
		t := &g.Tensors[i]
		u, _ := target.Tensor(t.Key)
		for k, grid := range grids {
			p := parts[t.Part()][k]
			if grid.Name != string(u.DType) && grid.Bits < mantissa(string(u.DType)) && each[i][k].on == each[i][k].of && p.on*10 >= p.of*9 && p.on > 0 {
				t.Grid = grid.Name
				break
			}
		}
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
