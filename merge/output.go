package merge

import (
	"context"
	"fmt"

	"mixmatch/merge/block"
	"mixmatch/merge/checkpoint"
)

// Outputs are the tensors of a merged model, which [Save] writes. They say how
// each is made, and hold no numbers: [Weighted] makes them of weights, in one
// go, and package stepwise step by step.
type Outputs struct {
	Pool  *Pool // the models that they are made of
	List  []Output
	Notes []string

	// Overflow says what helps where numbers become infinite.
	Overflow string
}

// An Output is one tensor of a model to be written: a sum, or what Make makes, or
// the tensor of the same key of model From, bit for bit where the number format is
// the same.
type Output struct {
	Tensor checkpoint.Tensor // its key, and the numbers as they are to be stored
	From   int

	// Sum lists what it is the sum of; nil is for no sum. It is taken in float64, in
	// this order, and rounded to float32 once before it is stored.
	Sum []Term

	// Make hands elements at to at+n to use, in order and in parts of any length,
	// whose memory is use's until it returns. It may be called concurrently.
	Make func(ctx context.Context, at, n int, use func(Values) error) error

	// Whole says that Make can only make all elements at once.
	Whole bool
}

// A Term is a tensor of a model, some times over.
type Term struct {
	Model  int // of the pool
	Tensor checkpoint.Tensor
	Weight float64
}

// merged reports whether the output is computed, and not copied.
func (o *Output) merged() bool { return o.Sum != nil || o.Make != nil }

// Values are elements of an output, before they are stored.
type Values struct {
	X   []float32
	Odd Odd // among the models' values that they are made of
	Inf int // of X, those that became infinite or no number though all they are made of are finite
}

// An Odd counts values that are infinite or no numbers, by the place of their model
// in the pool.
type Odd []int

// Add counts n more values of a model.
func (o *Odd) Add(model, n int) {
	if n == 0 {
		return
	}
	for len(*o) <= model {
		*o = append(*o, 0)
	}
	(*o)[model] += n
}

// Format returns the number format in which a model of l stores the tensor of key
// that has format own: asked, "" for its own, if it is one of those that a model
// computes with.
func Format(l *block.Layout, key string, own, asked checkpoint.DType) checkpoint.DType {
	if asked != "" && own.Float() && l.Computes(key) {
		return asked
	}
	return own
}

// emaNote says what is left out of every merge: averages of weights over a
// training, which mean nothing after it.
func (p *Pool) emaNote() []string {
	n := 0
	for _, key := range p.keys {
		if block.PartOf(key) == block.EMA {
			n++
		}
	}
	if n == 0 {
		return nil
	}
	return []string{fmt.Sprintf("left out %d EMA tensors: they mean nothing after a merge", n)}
}
