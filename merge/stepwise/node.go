package stepwise

import (
	"mixmatch/merge/calc"
	"mixmatch/merge/checkpoint"
)

// A node is one tensor on its way through a recipe: one of a file's, or what a
// step makes of others.
type node struct {
	dtype checkpoint.DType
	shape []int
	whole bool // cannot be computed a chunk at a time

	// Of a file's tensor.
	model int
	file  checkpoint.Tensor

	// Of what a step makes, by key.
	key     string
	step    *calc.Step // nil for a file's, and for what adds a LoRA
	a, b, c *node      // c is nil unless the step uses it
	baking  *baking    // of what adds a LoRA to a
}

// format is the number format that the arithmetic takes the tensor for.
func (n *node) format() string {
	if n.dtype == "F64" {
		return calc.F32
	}
	return string(n.dtype)
}

// operands returns what the node is made of.
func (n *node) operands() []*node {
	switch {
	case n.baking != nil:
		return []*node{n.a}
	case n.step == nil:
		return nil
	case n.c == nil:
		return []*node{n.a, n.b}
	}
	return []*node{n.a, n.b, n.c}
}

// leaf returns the node of a file's tensor.
func leaf(model int, t checkpoint.Tensor) *node {
	return &node{dtype: t.DType, shape: t.Shape, model: model, file: t}
}
