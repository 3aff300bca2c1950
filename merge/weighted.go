package merge

import (
	"context"
	"fmt"
	"math"
	"slices"

	"mixmatch/merge/block"
	"mixmatch/merge/checkpoint"
	"mixmatch/merge/vec"
)

// Weighted returns what the weights of mix, which must have some, make of the
// models: all steps in one go, rounded once. The tensors that a model computes
// with are stored as dtype, which is F16, BF16 or F32, or "" for as the root
// has them.
//
// Keys are treated as SuperMerger treats them in one step (mergers.py, 2025-10):
// a tensor is merged if its key has a block, every model with a weight there has
// it and it holds floating-point numbers; otherwise the root's is kept. What the
// root lacks is copied from the models of mix.Fill. (Over several steps
// SuperMerger leaves out just the steps whose model lacks a key, as package
// stepwise does.) EMA copies are left out, since they mean nothing after a merge.
func Weighted(p *Pool, mix *Mix, dtype checkpoint.DType) *Outputs {
	o := &Outputs{Pool: p, Overflow: "save as fp32 or bf16 instead"}
	dropped := map[string]int{}
	for _, key := range p.keys {
		part := block.PartOf(key)
		if part == block.EMA {
			continue
		}
		from := mix.Root
		if part == block.VAE && mix.VAE >= 0 {
			from = mix.VAE
		}
		t, ok := p.Models[from].Tensor(key)
		for _, i := range mix.Fill {
			if ok {
				break
			}
			if t, ok = p.Models[i].Tensor(key); ok {
				from = i
			}
		}
		if !ok {
			continue
		}
		out := Output{Tensor: checkpoint.Tensor{Name: key, DType: t.DType, Shape: t.Shape}, From: from}
		var weights []float64
		id, governed := mix.Layout.Of(key)
		if governed && t.DType.Float() && (part != block.VAE || mix.VAE < 0) &&
			(from == mix.Root || mix.Weights[id][mix.Root] == 0) {
			weights = slices.Clone(mix.Weights[id])
			for i, v := range weights {
				u, has := p.Models[i].Tensor(key)
				if !has && p.Models[i].Difference {
					weights[i] = 0 // it changes nothing there
					continue
				}
				if v != 0 && (!has || !u.DType.Float()) {
					dropped[p.Models[i].Name]++
					weights = nil
					break
				}
			}
		}
		if i := slices.Index(weights, 1); i >= 0 && !p.Models[i].Difference && !slices.ContainsFunc(slices.Delete(slices.Clone(weights), i, i+1), notZero) {
			weights, out.From = nil, i // a ratio of 0 or 1 passes bits through
			u, _ := p.Models[i].Tensor(key)
			out.Tensor.DType = u.DType
		}
		if weights != nil {
			out.Make = p.sum(key, weights, mix.Order)
		}
		out.Tensor.DType = Format(key, out.Tensor.DType, dtype)
		o.List = append(o.List, out)
	}
	for _, m := range p.Models { // in order, so that the notes are
		if n := dropped[m.Name]; n > 0 {
			o.Notes = append(o.Notes, fmt.Sprintf("%s lacks %d tensors that the recipe merges: kept from %s", m.Name, n, p.Models[mix.Root].Name))
		}
	}
	return o
}

func notZero(v float64) bool { return v != 0 }

// sum returns the function that sums up the weighted tensors of key, in the
// order given.
func (p *Pool) sum(key string, weights []float64, order []int) func(ctx context.Context, at, n int) ([]float32, int, error) {
	if order == nil {
		for i := range weights {
			order = append(order, i)
		}
	}
	return func(_ context.Context, at, n int) ([]float32, int, error) {
		sum := make([]float64, n)
		x, scratch := make([]float32, n), make([]byte, 8*n)
		for _, i := range order {
			w := weights[i]
			if w == 0 {
				continue
			}
			m := p.Models[i]
			t, _ := m.Tensor(key)
			if err := m.Read(x, scratch, t, at); err != nil {
				return nil, 0, err
			}
			vec.Axpy64(sum, w, x)
		}
		wide := 0 // too large for a float32 already
		for i, v := range sum {
			x[i] = float32(v)
			if math.Abs(v) > math.MaxFloat32 && !math.IsInf(v, 0) && math.IsInf(float64(x[i]), 0) {
				wide++
			}
		}
		return x, wide, nil
	}
}
