// Package similarity measures how close mixes of models come to a target.
//
// One pass over the files keeps, for every tensor, the inner products of the
// models with each other and with the target ([Measure]). They are all that
// the cosine of a linear mix depends on: everything after the pass costs
// microseconds and needs no file. [Gram.Blocks] sums the products over the
// blocks of a layout, and [Blocks] answers the questions: how close a mix comes
// ([Blocks.Score]), how close any mix could come, with what weights and how
// certainly ([Blocks.Fit]), and what that says of the recipe ([Blocks.Judge]).
package similarity

import (
	"errors"
	"fmt"
	"slices"

	"mixmatch/merge/block"
)

// ErrDamaged is wrapped when stored products cannot be read back.
var ErrDamaged = errors.New("damaged products")

// A Gram holds the inner products of n models and a target.
//
// They are kept in delta form. The rows of a tensor are B, D_1 .. D_n-1 and E:
// B the first model, D_i = S_i - B the others', E = T - B the target's.
// Fine-tunes are nearly parallel, and from plain products in float32 the solved
// weights would be wrong by 1e-2 to 1e-5.
type Gram struct {
	Arch    block.Arch // of the models; "" in products stored before it was
	Names   []string   // the models, the first of them the one the others are measured from
	Tensors []Products

	// Differences is how many of the last Names are no models but differences, such
	// as LoRAs. The row D_i of one is the difference itself. A mix adds it with any
	// weight, which stands outside the sum of 1 that the weights of models have.
	Differences int

	// Empty are the blocks of which neither the models nor the target hold a tensor:
	// those of text encoders, in files without any.
	Empty EmptyBlocks

	// Contents are digests of what is in the models' files, and the target's last;
	// see [checkpoint.File.Content]. None where they were not asked for, "" for
	// differences, whose tensors are made.
	Contents []string
}

// WithTensors returns g with other products.
func (g *Gram) WithTensors(list []Products) *Gram {
	out := *g
	out.Tensors = list
	return &out
}

// models returns how many of the names are models.
func (g *Gram) models() int { return len(g.Names) - g.Differences }

// Products are the inner products of one tensor's rows.
type Products struct {
	Key    string
	Len    int
	P      Triangle // of the n+1 rows
	Absent []int    // models that lack the tensor; their rows are zero

	// Floor is what rounding the target once to the numbers it is stored in adds
	// to |T-M|^2 on average: the sum of ulp^2/12 over its elements. Half is the
	// same for float16, which the steps on the way may have been saved in.
	Floor float64
	Half  float64

	// Grid is the format that the target's values were rounded to before they were
	// stored in a finer one, "" if they were not. Floor is that of the grid.
	Grid string

	// Sums are checksums of the tensor's bytes in the models' files, and the target's
	// last, "" for those that lack it; see [checkpoint.Sum]. None where they were not
	// asked for.
	Sums []string
}

// Part reports which part of a model the tensor is of.
func (p *Products) Part() block.Part { return partOfKey(p.Key) }

// partOfKey is the part of a tensor that is measured: what has no prefix is the
// network's, since nothing else is.
func partOfKey(key string) block.Part {
	if part := block.PartOf(key); part != block.Other {
		return part
	}
	return block.UNet
}

// Check returns an error if p cannot be products of so many rows.
func (p *Products) Check(rows int) error {
	outside := func(i int) bool { return i < 0 || i >= rows-1 }
	switch {
	case p.Len <= 0:
		return fmt.Errorf("%w: tensor %q has %d elements", ErrDamaged, p.Key, p.Len)
	case p.P.rows != rows:
		return fmt.Errorf("%w: tensor %q has %d products, not %d", ErrDamaged, p.Key, triangle(p.P.rows), triangle(rows))
	case len(p.Sums) != 0 && len(p.Sums) != rows:
		return fmt.Errorf("%w: tensor %q has %d sums, not %d", ErrDamaged, p.Key, len(p.Sums), rows)
	case slices.ContainsFunc(p.Absent, outside) || !slices.IsSorted(p.Absent):
		return fmt.Errorf("%w: tensor %q is absent from %v of %d models", ErrDamaged, p.Key, p.Absent, rows-1)
	}
	return nil
}

// triangle returns how many pairs i <= j there are of n things.
func triangle(n int) int { return n * (n + 1) / 2 }
