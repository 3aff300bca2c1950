package similarity

// Known rows are products that were measured before, by the rows of a pass.
type knownRows struct {
	pass   *pass
	gram   *Gram
	place  []int // of each row of the pass among theirs, or -1
	target int   // whose target it is, or -1
	keys   map[string]*Products
}

// rowsKnown finds the rows of k in the pass: none if it was measured from another
// model than the pass is.
func (p *pass) rowsKnown(k Known) knownRows {
	all := knownRows{pass: p, gram: k.Gram, target: k.Target, keys: map[string]*Products{}}
	for range p.rows {
		all.place = append(all.place, -1)
	}
	if k.Gram.Names[0] != p.rows[0].Name {
		return all
	}
	for i := range k.Gram.Tensors {
		all.keys[k.Gram.Tensors[i].Key] = &k.Gram.Tensors[i]
	}
	for i, name := range k.Gram.Names {
		for j, m := range p.rows[:p.models] {
			if m.Name == name {
				all.place[j] = i
			}
		}
	}
	if k.Target >= 0 {
		all.place[p.models+k.Target] = len(k.Gram.Names)
	}
	return all
}

// has reports whether the products of a tensor are among those known.
func (k *knownRows) has(t *task) bool {
	q := k.keys[t.key]
	if q == nil || q.Len != t.len {
		return false
	}
	lacks := make([]bool, len(k.gram.Names)+1)
	for _, i := range q.Absent {
		lacks[i] = true
	}
	for i, has := range t.has {
		if at := k.place[i]; at >= 0 && lacks[at] == has && (!k.pass.rows[i].Difference || has) {
			return false // it is of other files
		}
	}
	return true
}

// sum returns the sum of a row's tensor, or "".
func (k *knownRows) sum(key string, row int) string {
	if q := k.keys[key]; q.Sums != nil && k.place[row] >= 0 {
		return q.Sums[k.place[row]]
	}
	return ""
}

// knownWhole returns the products of the tensor with a target, if all are known and
// in the order of the pass, or nil: they need not be copied.
func (p *pass) knownWhole(t *task, target int) *Products {
	for _, n := range t.known {
		k := &p.known[n]
		whole := k.target == target && len(k.gram.Names) == p.models
		for i, at := range k.place[:p.models] {
			whole = whole && at == i
		}
		if whole {
			return k.keys[t.key]
		}
	}
	return nil
}

// knownTarget returns the products of the tensor with a target, if they are known,
// or nil.
func (p *pass) knownTarget(t *task, target int) *Products {
	for _, n := range t.known {
		if p.known[n].target == target {
			return p.known[n].keys[t.key]
		}
	}
	return nil
}

// knownContent returns the digest of a row's file that is known, or "".
func (p *pass) knownContent(row int) string {
	for i := range p.known {
		if k := &p.known[i]; k.gram.Contents != nil && k.place[row] >= 0 {
			return k.gram.Contents[k.place[row]]
		}
	}
	return ""
}
