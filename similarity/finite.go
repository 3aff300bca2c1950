package similarity

import (
	"fmt"
	"strings"

	"mixmatch/merge"
	"mixmatch/merge/checkpoint"
	"mixmatch/merge/vec"
)

// An UnsoundError is about models that turned out, on reading them, to be damaged.
type UnsoundError struct {
	Models []string
	err    error
}

func (e *UnsoundError) Error() string { return e.err.Error() }
func (e *UnsoundError) Unwrap() error { return e.err }

// finite returns an [UnsoundError] if there is NaN or infinity in a model. It names a
// tensor of each that [Gram.unsound] returns. A single one makes its row's product with
// itself NaN or infinite.
func (g *Gram) finite(models []*merge.Model) error {
	var where []string
	told := make([]bool, len(models))
	odd := false
	for _, t := range g.Tensors {
		if t.P.finite() {
			continue
		}
		odd = true
		own := t.P.Own()
		for i, m := range models {
			u, ok := m.Tensor(t.Key)
			if v := own[i]; told[i] || v-v == 0 || !ok || !u.DType.Float() {
				continue
			}
			n, err := count(m.File, u)
			if err != nil {
				return err
			}
			if n > 0 {
				told[i] = true
				where = append(where, fmt.Sprintf("%s has %d of %d in %s", m.File.Path(), n, t.Len, m.File.Quote(u)))
			}
		}
		if told[0] { // with it all are odd from here on, whatever they hold
			break
		}
	}
	if !odd {
		return nil
	}
	err := fmt.Errorf("%w: %s; repair or leave out that model", merge.ErrNonFinite, strings.Join(where, "; "))
	return &UnsoundError{g.unsound(models), err}
}

// unsound returns the names of the models with such tensors. Where the first has one,
// nothing is known of the others.
func (g *Gram) unsound(models []*merge.Model) []string {
	bad := make([]bool, len(models))
	for _, t := range g.Tensors {
		for i, v := range t.P.Own() { // none of what was folded
			if v-v != 0 {
				bad[i] = true
				if i == 0 {
					break
				}
			}
		}
	}
	var names []string
	for i, m := range models {
		if bad[i] {
			names = append(names, m.Name)
		}
	}
	return names
}

// count returns how many elements of a tensor are not finite.
func count(f *checkpoint.File, t checkpoint.Tensor) (int, error) {
	bad := 0
	x := make([]float32, min(partLen, t.Len()))
	for at := 0; at < t.Len(); at += len(x) {
		y := x[:min(len(x), t.Len()-at)]
		if err := f.Read(y, nil, t, at); err != nil {
			return 0, err
		}
		bad += vec.Finite(y)
	}
	return bad, nil
}
