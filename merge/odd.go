package merge

import (
	"errors"
	"fmt"
)

// ErrNonFinite is wrapped by the error for a model that holds infinities or NaN
// where a merge reads it.
var ErrNonFinite = errors.New("not a finite number")

// An oddCount counts, tensor by tensor, values of the models that are infinite or
// no numbers.
type oddCount struct {
	pool   *Pool
	now    *Output // the tensor under way
	counts Odd     // in it

	totals []oddTotal // by model
}

type oddTotal struct {
	values, tensors int
	first           string
}

func newOddCount(p *Pool) *oddCount {
	return &oddCount{pool: p, totals: make([]oddTotal, len(p.Models))}
}

// add counts those of a piece of out. Pieces of one tensor come one after the
// other; when they are over it tells of them with [oddCount.end].
func (c *oddCount) add(p piece) error {
	var err error
	if p.out != c.now {
		err = c.end()
		c.now = p.out
	}
	for model, n := range p.odd {
		c.counts.Add(model, n)
	}
	return err
}

// end returns the error for the tensor under way, which is over.
func (c *oddCount) end() (err error) {
	for model, n := range c.counts {
		if n == 0 {
			continue
		}
		total := &c.totals[model]
		total.values += n
		if total.tensors++; total.tensors == 1 {
			total.first = c.now.Tensor.Name
		}
		if err == nil {
			err = fmt.Errorf("%w: %s has %d infinities or NaN among the %d values of tensor %s: repair or leave out that model",
				ErrNonFinite, c.pool.Models[model].Name, n, c.now.Tensor.Len(), c.pool.Models[model].Quote(c.now.Tensor.Name))
		}
	}
	c.counts = c.counts[:0]
	return err
}

// notes says what was found in all.
func (c *oddCount) notes() []string {
	var notes []string
	for model, t := range c.totals {
		if t.tensors > 0 {
			notes = append(notes, fmt.Sprintf("%s has %d infinities or NaN, in %d tensors (%s is the first): the result has what comes of them",
				c.pool.Models[model].Name, t.values, t.tensors, c.pool.Models[model].Quote(t.first)))
		}
	}
	return notes
}
