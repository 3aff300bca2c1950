package exchange

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"mixmatch/merge/block"
	"mixmatch/merge/recipe"
)

// alpha reads a ratio: a number for all blocks, or a dict.
func (r *mechaReader) alpha(s string) (recipe.Row, error) {
	uniform := func(v float64) (recipe.Row, error) {
		return r.numbers(slices.Repeat([]float64{v}, r.layout().Len()))
	}
	if !strings.HasPrefix(s, "&") {
		v, ok := numberIn(strings.TrimPrefix(s, `"`))
		if !ok {
			return nil, fmt.Errorf("the ratio %.60q is no number", s)
		}
		return uniform(v)
	}
	n, err := r.ref([]string{s}, 0)
	switch {
	case err != nil:
		return nil, err
	case n.number != nil:
		return uniform(*n.number)
	case n.dict == nil:
		return nil, errors.New("a ratio that is no literal")
	}
	if n.row == nil {
		if n.row, err = r.dictRow(n.dict); err != nil {
			return nil, err
		}
	}
	return slices.Clone(n.row), nil
}

// dictRow makes a row of a dict by block or by key.
func (r *mechaReader) dictRow(dict map[string]float64) (recipe.Row, error) {
	l := r.layout()
	if len(dict) == 0 {
		return nil, errors.New("a dict of nothing")
	}
	v := make([]float64, l.Len())
	var found block.Set
	for _, k := range slices.Sorted(maps.Keys(dict)) {
		x := dict[k]
		id, ok := l.Index(k)
		if ok {
			if time := map[bool]string{true: "OUT11", false: "IN00"}[l.Era() == block.SM2025]; l.Era() != block.Mecha && l.EraMark() == "time_embed" {
				r.note("sd-mecha has time_embed in BASE where it is told ratios by block; this recipe has it in %s", time)
			}
		} else if id, ok = l.Of(k); !ok {
			if !strings.Contains(k, ".") {
				return nil, fmt.Errorf("%.60q is no block of %v and no key", k, l)
			}
			if x != 0 {
				r.note("%.80q is never merged here, and has the ratio %v there", k, x)
			}
			continue
		}
		if found.Has(id) && v[id] != x {
			return nil, cannot("the keys of %s have several ratios as %v counts them", l.Name(id), l)
		}
		v[id], found = x, found.With(id)
	}
	for id := range l.Blocks().All() {
		if !found.Has(id) {
			return nil, fmt.Errorf("no ratio for %s", l.Name(id))
		}
	}
	return r.numbers(v)
}

// steps returns the steps by name. The two merges that stand for one step of
// three models become that again where only the second has a name.
func (r *mechaReader) steps() ([]recipe.Step, error) {
	for _, n := range r.nodes {
		if n.step == nil || !n.named {
			continue
		}
		at, _ := strconv.Atoi(n.step.A)
		inner := r.nodes[at]
		if inner.step == nil || inner.named || inner.uses != 1 {
			continue
		}
		s, in := n.step, inner.step
		switch {
		case s.Mode == recipe.WeightSum && in.Mode == recipe.WeightSum:
			*s = recipe.Step{Mode: recipe.SumTwice, A: in.A, B: in.B, C: s.B, Alpha: in.Alpha, Beta: s.Alpha, Out: s.Out}
		case s.Mode == recipe.AddDifference && in.Mode == recipe.AddDifference && in.C == in.A && s.C == in.A:
			*s = recipe.Step{Mode: recipe.TripleSum, A: in.A, B: in.B, C: s.B, Alpha: in.Alpha, Beta: s.Alpha, Out: s.Out}
		default:
			continue
		}
		inner.step = nil
	}
	var steps []recipe.Step
	for _, n := range r.nodes {
		if n.step == nil {
			continue
		}
		if n.step.Out == "" {
			n.step.Out = unused(r.used)
		}
		n.name = n.step.Out
		steps = append(steps, *n.step)
	}
	for i := range steps {
		s := &steps[i]
		for _, name := range []*string{&s.A, &s.B, &s.C} {
			if *name != "" {
				at, _ := strconv.Atoi(*name)
				*name = r.nodes[at].name
			}
		}
	}
	if len(steps) == 0 {
		return nil, errors.New("no merge in it")
	}
	return steps, nil
}
