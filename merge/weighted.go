package merge

import (
	"slices"

	"mixmatch/merge/block"
	"mixmatch/merge/checkpoint"
)

// Weighted returns what the weights of mix, which must have some, make of the
// models: all steps in one go, rounded once. The tensors that a model computes
// with are stored as dtype, "" for as the root has them, float64 that is merged
// as float32: it is read as that ([checkpoint.File.Read]).
//
// Keys are treated as SuperMerger treats them in one step (mergers.py, 2025-10):
// a tensor is merged if its key has a block and every model with a weight there
// has it; otherwise the root's is kept. What the root lacks is copied from the
// models of mix.Fill. (Over several steps SuperMerger leaves out just the steps
// whose model lacks a key, as package stepwise does.) Both are counted in notes.
// EMA copies are left out, since they mean nothing after a merge. So is what a LoRA
// changes outside all blocks, which is counted too.
//
// The error wraps [ErrMismatch] if a tensor that is to be merged is stored in
// numbers that are not computed with.
func Weighted(p *Pool, mix *Mix, dtype checkpoint.DType) (*Outputs, error) {
	w := &weighted{Pool: p, mix: mix}
	o := &Outputs{Pool: p, Overflow: "save as fp32 or bf16 instead"}
	for _, key := range p.keys {
		if mix.Layout.Part(key) == block.EMA {
			continue
		}
		out, ok := w.output(key)
		if !ok {
			continue
		}
		out.Tensor.DType = Format(mix.Layout, key, out.Tensor.DType, dtype)
		o.List = append(o.List, out)
	}
	o.Notes = slices.Concat(p.Notes(), w.gaps.notes(p), w.loose.notes(p))
	return o, w.refused.err(p)
}

// A weighted decides what becomes of each key, and counts what is not merged.
type weighted struct {
	*Pool
	mix     *Mix
	gaps    gaps
	loose   loose
	refused unmergeable
}

// output returns what becomes of key, and false if that is nothing.
func (w *weighted) output(key string) (Output, bool) {
	mix, part := w.mix, w.mix.Layout.Part(key)
	copiesVAE := part == block.VAE && mix.VAE >= 0
	wanted := mix.Root
	if copiesVAE {
		wanted = mix.VAE
	}
	from := wanted
	t, ok := w.Models[from].Tensor(key)
	for _, i := range append([]int{mix.Root}, mix.Fill...) {
		if ok {
			break
		}
		if t, ok = w.Models[i].Tensor(key); ok {
			from = i
		}
	}
	id, governed := mix.Layout.Of(key)
	if !governed {
		w.loose.count(mix, w.Pool, key)
	}
	if !ok {
		if governed {
			w.gaps.add(gap{wanted, part, -1, true})
		}
		return Output{}, false
	}
	out := Output{Tensor: checkpoint.Tensor{Name: key, DType: t.DType, Shape: t.Shape}, From: from}
	if !governed || copiesVAE {
		if from != wanted && copiesVAE {
			w.gaps.add(gap{wanted, part, from, true})
		}
		return out, true
	}
	if from != mix.Root && mix.Weights[id][mix.Root] != 0 {
		w.gaps.add(gap{mix.Root, part, from, true})
		return out, true
	}
	weights := slices.Clone(mix.Weights[id])
	var models []int // that have a weight
	for i, v := range weights {
		switch _, has := w.Models[i].Tensor(key); {
		case v == 0:
		case has:
			models = append(models, i)
		case w.Models[i].Difference:
			weights[i] = 0 // it changes nothing there
		default:
			w.gaps.add(gap{i, part, from, false})
			return out, true
		}
	}
	alone := func(i int) bool { return weights[i] == 1 && !w.Models[i].Difference }
	if len(models) == 1 && alone(models[0]) { // a ratio of 0 or 1 passes bits through
		i := models[0]
		u, _ := w.Models[i].Tensor(key)
		out.From, out.Tensor.DType = i, u.DType
		return out, true
	}
	for _, i := range models {
		if u, _ := w.Models[i].Tensor(key); !u.DType.Float() {
			w.refused.add(i, key, u.DType)
		} else if !out.Tensor.DType.Float() {
			out.Tensor.DType = u.DType // the root's has no part in it
		}
	}
	if out.Tensor.DType == checkpoint.F64 {
		out.Tensor.DType = checkpoint.F32 // which is what they are read as
	}
	out.Sum = w.terms(key, weights, mix.Order)
	return out, true
}

// terms returns the weighted tensors of key, in the order given.
func (p *Pool) terms(key string, weights []float64, order []int) []Term {
	if order == nil {
		for i := range weights {
			order = append(order, i)
		}
	}
	terms := []Term{}
	for _, i := range order {
		if weights[i] != 0 {
			t, _ := p.Models[i].Tensor(key)
			terms = append(terms, Term{i, t, weights[i]})
		}
	}
	return terms
}
