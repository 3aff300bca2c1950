package residual

import (
	"context"
	"fmt"
	"maps"

	"mixmatch/merge/block"
	"mixmatch/merge/checkpoint"
	"mixmatch/merge/difference"
)

// Modules returns what was found as the modules of a LoRA, and the keys with
// something of low rank that LoRAs have no name for.
func (res *Result) Modules(arch block.Arch) (modules []difference.Module, nameless []string) {
	for _, l := range res.Tensors {
		for _, p := range l.Pieces {
			if p.Rank == 0 {
				continue
			}
			name, ok := difference.ModuleName(arch, l.Key, p.Part)
			if !ok {
				nameless = append(nameless, l.Key)
				continue
			}
			modules = append(modules, difference.Module{Name: name, Out: p.Rows, In: l.Shape[1:], U: p.U, S: p.S, V: p.V})
		}
	}
	return modules, nameless
}

// Approximate takes the rank strongest directions of every matrix of R that has
// more than rounding in it, whether they stand clear of the rest or not: the LoRA
// of that rank that comes nearest to R. The weights stay as they are.
func (r *Rest) Approximate(ctx context.Context, rank int, o Options) (*Result, error) {
	if rank < 1 {
		return nil, fmt.Errorf("a LoRA cannot have rank %d", rank)
	}
	o.best = rank
	res := &Result{Weights: r.Weights, Rounds: 1, Settled: true}
	var due []int
	for i, t := range r.Tensors() {
		res.Tensors = append(res.Tensors, Left{Tensor: t, Kind: KindOf(t.Key, t.Shape)})
		due = append(due, i)
	}
	if err := r.look(ctx, res.Tensors, due, nil, nil, o); err != nil {
		return nil, err
	}
	return res, r.Changed()
}

// Difference returns the tensors of R itself, as dtype, which is F32 if empty:
// the numbers of R are often too small for float16.
func (r *Rest) Difference(dtype checkpoint.DType) []difference.Tensor {
	if dtype == "" {
		dtype = checkpoint.F32
	}
	rd := r.NewReader()
	var list []difference.Tensor
	for _, t := range r.Tensors() {
		list = append(list, difference.Tensor{Name: t.Key, DType: dtype, Shape: t.Shape, Read: func(dst []float32, at int) error {
			return rd.Read(dst, t, at)
		}})
	}
	return list
}

// Source returns the tensors of the missing model as far as it can be seen, B +
// R/m: B is the pool's model number base and m the weight that the missing model
// has in each block; where that is 0 nothing is missing, and B stands as it is. What
// no block has, what is of the VAE, and what is not computed with, is the target's,
// bit for bit. Numbers are stored as dtype, or if it is empty as the target has them.
func (r *Rest) Source(base int, m []float64, dtype checkpoint.DType) ([]difference.Tensor, error) {
	rd := r.NewReader()
	mixed := map[string]Tensor{}
	for _, t := range r.Tensors() {
		if t.Governed && t.Part() != block.VAE && has(r.Pool.Models[base], t.Key) {
			mixed[t.Key] = t
		}
	}
	for id := range r.Layout.Blocks().All() {
		if int(id) >= len(m) || m[id]-m[id] != 0 {
			return nil, fmt.Errorf("block %s: the missing model's weight there is not known", r.Layout.Name(id))
		}
	}
	x := make([]float32, stretch)
	var list []difference.Tensor
	for _, key := range r.Target.Keys() {
		u, _ := r.Target.Tensor(key)
		out := difference.Tensor{Name: key, DType: u.DType, Shape: u.Shape}
		t, ok := mixed[key]
		switch {
		case block.PartOf(key) == block.EMA:
			continue
		case !ok:
			out.Bytes = func(dst []byte, at int64) error { return r.Target.File.ReadBytes(dst, u, at) }
		default:
			if dtype != "" {
				out.DType = dtype
			}
			out.Read = func(dst []float32, at int) error {
				if err := rd.Read(dst, t, at); err != nil {
					return err
				}
				for len(dst) > 0 {
					b := x[:min(len(dst), stretch)]
					if err := rd.model(b, r.Pool.Models[base], t, at); err != nil {
						return err
					}
					for i, v := range b {
						if m[t.Block] == 0 {
							dst[i] = v
							continue
						}
						dst[i] = float32(float64(v) + float64(dst[i])/m[t.Block])
					}
					dst, at = dst[len(b):], at+len(b)
				}
				return nil
			}
		}
		list = append(list, out)
	}
	return list, nil
}

// Metadata returns what a file says of its origin: the target, the sources and
// what the file holds of them.
func (r *Rest) Metadata(what string, more map[string]string) map[string]string {
	meta := map[string]string{
		"format":          "pt",
		"mixmatch.holds":  what,
		"mixmatch.target": r.Target.Name,
		"mixmatch.layout": r.Layout.String(),
	}
	for i, name := range r.Pool.Names() {
		meta[fmt.Sprintf("mixmatch.source.%d", i)] = name
	}
	maps.Copy(meta, more)
	return meta
}
