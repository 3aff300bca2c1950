package recipe

import (
	"iter"

	"mixmatch/merge/block"
)

// rows returns the recipe's rows in the order of a column: for each step alpha,
// then beta where the mode has one.
func (r *Recipe) rows() iter.Seq[Row] {
	return func(yield func(Row) bool) {
		for i := range r.Steps {
			s := &r.Steps[i]
			if !yield(s.Alpha) || s.HasBeta() && !yield(s.Beta) {
				return
			}
		}
	}
}

// Column returns the recipe's ratios in block id: for each step alpha, then
// beta where the mode has one. For a hole it is the hole's stand-in value.
func (r *Recipe) Column(id block.ID) []float64 {
	x := make([]float64, 0, len(r.Steps))
	for row := range r.rows() {
		x = append(x, row[id].Value)
	}
	return x
}

// SetColumn sets the recipe's ratios in block id to x, in the order of
// [Recipe.Column]. They are numbers from then on: the block has no holes left.
// The numbers must be finite for [Recipe.String] to be readable again.
func (r *Recipe) SetColumn(id block.ID, x []float64) {
	i := 0
	for row := range r.rows() {
		row[id] = Ratio{Value: x[i]}
		i++
	}
}

// SetRatio sets the ratio at position pos in the column of block id, a number
// or a hole. Without such a position it does nothing.
func (r *Recipe) SetRatio(id block.ID, pos int, q Ratio) {
	i := 0
	for row := range r.rows() {
		if i == pos {
			row[id] = q
		}
		i++
	}
}

// Holes returns the positions in the column of block id that are open.
func (r *Recipe) Holes(id block.ID) []int {
	var holes []int
	i := 0
	for row := range r.rows() {
		if row[id].Hole != Fixed {
			holes = append(holes, i)
		}
		i++
	}
	return holes
}

// Ratio returns the ratio at position pos in the column of block id, and the
// zero Ratio if there is no such position.
func (r *Recipe) Ratio(id block.ID, pos int) Ratio {
	i := 0
	for row := range r.rows() {
		if i == pos {
			return row[id]
		}
		i++
	}
	return Ratio{}
}
