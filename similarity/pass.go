package similarity

import (
	"fmt"
	"slices"
	"sync"

	"mixmatch/merge"
	"mixmatch/merge/block"
)

// A pass is what is to be read and multiplied. Its rows are the models of a pool
// and the targets; products of two targets are of no use.
type pass struct {
	rows    []*merge.Model
	models  int // how many rows are no targets; they come first
	tasks   []task
	known   []knownRows
	grams   []*Gram // of each target
	options Options
	keeping sync.Mutex // held while Options.Keep or Fold is told
	folded  int        // how many of the tasks Options.Fold was told of
}

// A task is to measure one tensor.
type task struct {
	key   string
	len   int
	has   []bool // rows that have it
	read  []bool // rows that take part in a product that is not known
	bytes int64  // of those
	known []int  // which of the pass's known products have it
	place []int  // where it is in each target's products, or -1

	parts []partial
	left  int      // parts that are not done
	done  bool     // its products are put together
	sums  []string // of each row's bytes when all are, or before; "" if not known
}

// newPass lists the tensors to measure.
//
// Weights in numbers that are not computed with are refused: to leave them out would
// be to say that they are like the first model's.
func newPass(pool *merge.Pool, targets []*merge.Model, o Options) (*pass, error) {
	p := &pass{rows: slices.Concat(pool.Models, targets), models: len(pool.Models), options: o}
	l := pool.Kind.Layout()
	for _, m := range p.rows {
		for _, t := range m.File.Tensors() {
			part := l.Part(t.Name)
			_, merged := l.Of(t.Name) // position ids are not
			if !t.DType.Float() && (part == block.UNet || merged && (part == block.TextEncoder || part == block.VAE)) {
				return nil, fmt.Errorf("%w: %s: tensor %s is stored as %s, which cannot be compared: convert it to fp16 first", merge.ErrMismatch, m.Name, m.File.Quote(t), t.DType)
			}
		}
	}
	for _, k := range o.Known {
		p.known = append(p.known, p.rowsKnown(k))
	}
	for range targets {
		p.grams = append(p.grams, &Gram{Arch: pool.Kind.Arch, Names: pool.Names(), Differences: pool.Differences(), Empty: emptyBlocks(pool.Kind.Arch, p.rows)})
	}
	for _, key := range pool.Keys() {
		switch l.Part(key) {
		case block.UNet, block.TextEncoder, block.VAE:
			p.add(key)
		}
	}
	for i, g := range p.grams {
		if len(g.Tensors) == 0 {
			return nil, fmt.Errorf("%w: %s shares no tensors with the sources", merge.ErrMismatch, targets[i].Name)
		}
		known := func(t task) bool { return t.place[i] < 0 || p.knownTarget(&t, i) != nil }
		if slices.ContainsFunc(p.tasks, func(t task) bool { return !known(t) }) {
			if err := g.findGrids(targets[i]); err != nil {
				return nil, err
			}
		}
	}
	return p, nil
}

// add adds the tensor of a key, if a target has it and the first model too: without
// that there is nothing to measure from. Only parts that a file may lack are left
// out so.
func (p *pass) add(key string) {
	t := task{key: key, has: make([]bool, len(p.rows)), read: make([]bool, len(p.rows))}
	var absent []int
	for i, m := range p.rows {
		u, ok := m.Tensor(key)
		t.has[i] = ok && u.DType.Float() && u.Len() > 0
		switch {
		case m.Difference && !ok: // it changes nothing there
		case i < p.models && !t.has[i]:
			absent = append(absent, i)
		case i >= p.models && t.has[i]:
			t.len = u.Len()
		}
	}
	if !t.has[0] || t.len == 0 {
		return
	}
	for i, g := range p.grams {
		if !t.has[p.models+i] {
			t.place = append(t.place, -1)
			continue
		}
		t.place = append(t.place, len(g.Tensors))
		g.Tensors = append(g.Tensors, Products{Key: key, Len: t.len, Absent: absent})
	}
	for i := range p.known {
		if p.known[i].has(&t) {
			t.known = append(t.known, i)
		}
	}
	some := false
	for j := range p.rows {
		for i := range j + 1 {
			if p.measures(&t, i, j) {
				t.read[i], t.read[j], some = true, true, true
			}
		}
	}
	t.read[0] = some // the other models are measured from it
	for i, read := range t.read {
		if read {
			u, _ := p.rows[i].Tensor(key)
			t.bytes += u.Bytes()
		}
	}
	p.tasks = append(p.tasks, t)
}

// measures reports whether the product of rows i <= j is wanted, and not known.
func (p *pass) measures(t *task, i, j int) bool {
	if !t.has[i] || !t.has[j] || i >= p.models && j != i {
		return false
	}
	for _, k := range t.known {
		if p.known[k].place[i] >= 0 && p.known[k].place[j] >= 0 {
			return false
		}
	}
	return true
}

// rowsOf returns the rows of one target's products.
func (p *pass) rowsOf(target int) []*merge.Model {
	return append(slices.Clone(p.rows[:p.models]), p.rows[p.models+target])
}

// at returns where the product of rows i <= j of n is in a triangle.
func at(i, j, n int) int { return i*n - i*(i-1)/2 + j - i }
