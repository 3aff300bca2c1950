package similarity

// A finisher puts the products of tensors together, measured and known, and packs
// them. It keeps its room, and is for one goroutine.
type finisher struct {
	pass   *pass
	p      []float64
	known  [][]float64 // products of the tensor under way, as far as they are looked at, one for each of the pass's known
	packed []byte
}

func newFinisher(p *pass) *finisher {
	return &finisher{pass: p, p: make([]float64, triangle(p.models+1)), known: make([][]float64, len(p.known))}
}

// finish puts the products of a tensor together.
func (f *finisher) finish(t *task) error {
	p := f.pass
	n := p.models + 1
	if p.options.Contents {
		if err := p.sum(t); err != nil {
			return err
		}
	}
	for k := range f.known {
		f.known[k] = f.known[k][:0]
	}
	for target, place := range t.place {
		if place < 0 {
			continue
		}
		q := &p.grams[target].Tensors[place]
		if t.sums != nil {
			q.Sums = append(append(q.Sums, t.sums[:p.models]...), t.sums[p.models+target])
		}
		fresh := false
		if before := p.knownWhole(t, target); before != nil {
			q.P = before.P
		} else {
			fresh = f.together(t, target)
			q.P, f.packed = packed(f.p, n, f.packed)
		}
		p.finishRounding(t, target, q)
		if fresh && p.options.Keep != nil && q.P.finite() {
			p.keeping.Lock()
			err := p.options.Keep(target, q)
			p.keeping.Unlock()
			if err != nil {
				return err
			}
		}
	}
	t.parts = nil
	p.fold(t)
	return nil
}

// together sets f.p to the products of a tensor with a target, and reports whether
// any was measured.
func (f *finisher) together(t *task, target int) (fresh bool) {
	p := f.pass
	n := p.models + 1
	row := func(i int) int { // of all
		if i == n-1 {
			return p.models + target
		}
		return i
	}
	to := f.p[:0]
	for i := range n {
		for j := i; j < n; j++ {
			if !p.measures(t, row(i), row(j)) {
				to = append(to, f.knownProduct(t, row(i), row(j)))
				continue
			}
			fresh = true
			sum := 0.0
			for k := range t.parts {
				sum += t.parts[k].p[at(row(i), row(j), len(p.rows))]
			}
			to = append(to, sum)
		}
	}
	return fresh
}

// knownProduct returns the product of rows i <= j if it is known, else 0: that of a
// row that lacks the tensor.
func (f *finisher) knownProduct(t *task, i, j int) float64 {
	for _, n := range t.known {
		k := &f.pass.known[n]
		a, b := k.place[i], k.place[j]
		if a < 0 || b < 0 {
			continue
		}
		if len(f.known[n]) == 0 {
			f.known[n] = k.keys[t.key].P.Unpack(f.known[n])
		}
		return f.known[n][at(min(a, b), max(a, b), len(k.gram.Names)+1)]
	}
	return 0
}

// finishRounding sets what rounding a target adds.
func (p *pass) finishRounding(t *task, target int, q *Products) {
	if before := p.knownTarget(t, target); before != nil {
		q.Grid, q.Floor, q.Half = before.Grid, before.Floor, before.Half
		return
	}
	for k := range t.parts {
		q.Floor += t.parts[k].floor[target]
		q.Half += t.parts[k].half[target]
	}
}

// fold tells Options.Fold of a task that is done, if those before it are, and of those
// behind it that waited. What is not finite stays, for the error to tell of.
func (p *pass) fold(t *task) {
	if p.options.Fold == nil {
		return
	}
	p.keeping.Lock()
	defer p.keeping.Unlock()
	t.done = true
	for ; p.folded < len(p.tasks) && p.tasks[p.folded].done; p.folded++ {
		for target, place := range p.tasks[p.folded].place {
			if place < 0 {
				continue
			}
			if q := &p.grams[target].Tensors[place]; q.P.finite() {
				p.options.Fold(target, q)
				q.P = Triangle{}
			}
		}
	}
}
