package merge

import (
	"cmp"
	"fmt"
	"slices"

	"mixmatch/merge/block"
	"mixmatch/merge/checkpoint"
)

// A gap is a tensor that a model lacks though the recipe merges it.
type gap struct {
	model int
	part  block.Part
	from  int  // the model whose tensor stands there instead; -1 for none
	taken bool // since this is the model that should have had it
}

// become says what becomes of the tensor.
func (x gap) become(p *Pool) string {
	switch {
	case x.from < 0:
		return "left out, since the others take part in differences only"
	case x.taken:
		return "taken from " + p.Models[x.from].Name
	}
	return "kept from " + p.Models[x.from].Name
}

// gaps counts gaps of a kind.
type gaps map[gap]int

func (g *gaps) add(x gap) {
	if *g == nil {
		*g = gaps{}
	}
	(*g)[x]++
}

// notes says what is lacking, in the order of the models.
func (g gaps) notes(p *Pool) []string {
	var list []gap
	for x := range g {
		list = append(list, x)
	}
	slices.SortFunc(list, func(x, y gap) int {
		return cmp.Or(cmp.Compare(x.model, y.model), cmp.Compare(x.part, y.part), cmp.Compare(x.from, y.from))
	})
	var notes []string
	for _, x := range list {
		m := p.Models[x.model]
		notes = append(notes, Lacking(m.Name, x.part, g[x], !m.Has(x.part), x.become(p)))
	}
	return notes
}

// Lacking says that the model name lacks n tensors of part that a recipe merges,
// or has nothing of it, and what becomes of them: "kept from A".
func Lacking(name string, part block.Part, n int, all bool, become string) string {
	if all {
		return fmt.Sprintf("%s has no %s: %d tensors that the recipe merges are %s", name, part, n, become)
	}
	return fmt.Sprintf("%s lacks %d tensors of the %s that the recipe merges: %s", name, n, part, become)
}

// Loose counts what the LoRAs of a mix change that is in no block, by LoRA and part.
type loose map[looseIn]int

type looseIn struct {
	model int
	part  block.Part
}

// count counts key, which is in no block, for each LoRA that changes it and is in
// the mix at all.
func (l *loose) count(mix *Mix, p *Pool, key string) {
	for i, m := range p.Models {
		if _, has := m.Tensor(key); !has || !m.Difference {
			continue
		}
		if slices.ContainsFunc(mix.Weights, func(w []float64) bool { return w[i] != 0 }) {
			if *l == nil {
				*l = loose{}
			}
			(*l)[looseIn{i, mix.Layout.Part(key)}]++
		}
	}
}

func (l loose) notes(p *Pool) []string {
	var notes []string
	for i, m := range p.Models {
		for _, part := range block.Parts() {
			n := l[looseIn{i, part}]
			if n == 0 {
				continue
			}
			become := "left out"
			if part == block.UNet {
				become = "left out, while SuperMerger adds them at ratio 1"
			}
			notes = append(notes, InNoBlock(m.Name, part, n, become))
		}
	}
	return notes
}

// InNoBlock says that the LoRA name changes n tensors of part that are in no block,
// and what becomes of that: "left out".
func InNoBlock(name string, part block.Part, n int, become string) string {
	return fmt.Sprintf("%s changes %d tensors of the %s that are in no block: %s", name, n, part, become)
}

// An unmergeable counts tensors that a recipe merges but that are stored in
// numbers which are not computed with.
type unmergeable struct {
	n     int
	model int
	key   string
	dtype checkpoint.DType
}

// add counts a tensor. Of several models the first is told.
func (u *unmergeable) add(model int, key string, dtype checkpoint.DType) {
	if u.n == 0 {
		u.model, u.key, u.dtype = model, key, dtype
	}
	if u.model == model {
		u.n++
	}
}

func (u *unmergeable) err(p *Pool) error {
	if u.n == 0 {
		return nil
	}
	return Unmergeable(p.Models[u.model], u.key, u.dtype, u.n)
}

// Unmergeable returns the error that says that model m holds n tensors that a
// recipe merges in numbers which cannot be merged, key the first of them. It
// wraps [ErrMismatch].
func Unmergeable(m *Model, key string, dtype checkpoint.DType, n int) error {
	return fmt.Errorf("%w: %s: tensor %s is stored as %s, which cannot be merged (%d such tensors): give the model in fp16 or another floating-point format",
		ErrMismatch, m.Name, m.Quote(key), dtype, n)
}
