package merge

import (
	"fmt"
	"slices"
	"strings"

	"mixmatch/merge/block"
	"mixmatch/merge/checkpoint"
)

// A job is what becomes of one tensor of the output.
type job struct {
	out   checkpoint.Tensor
	key   string
	from  int       // the model to copy from, where weights is nil
	mixed []float64 // the weight of each model
	order []int     // in which they are added up
	node  *node     // what to compute instead, step by step
}

// convert gives a job's output the number format asked for.
func (j *job) convert(dtype checkpoint.DType) {
	if dtype != "" && j.out.DType.Float() && strings.Contains(j.key, "model") {
		j.out.DType = dtype
	}
}

// jobs decides what becomes of every tensor of the output.
func (p *Pool) jobs(mix *Mix, dtype checkpoint.DType) ([]job, *Saved, error) {
	saved := &Saved{}
	var jobs []job
	dropped, ema := map[string]int{}, 0
	for _, key := range p.keys {
		part := block.PartOf(key)
		if part == block.EMA {
			ema++
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
		j := job{key: key, from: from, out: checkpoint.Tensor{Name: key, DType: t.DType, Shape: t.Shape}}
		id, governed := mix.Layout.Of(key)
		if governed && t.DType.Float() && (part != block.VAE || mix.VAE < 0) &&
			(from == mix.Root || mix.Weights[id][mix.Root] == 0) {
			j.mixed, j.order = slices.Clone(mix.Weights[id]), mix.Order
			for i, v := range j.mixed {
				u, has := p.Models[i].Tensor(key)
				if v != 0 && (!has || !u.DType.Float()) {
					dropped[p.Models[i].Name]++
					j.mixed = nil
					break
				}
			}
		}
		if i := slices.Index(j.mixed, 1); i >= 0 && !slices.ContainsFunc(slices.Delete(slices.Clone(j.mixed), i, i+1), notZero) {
			j.mixed, j.from = nil, i // a ratio of 0 or 1 passes bits through
			u, _ := p.Models[i].Tensor(key)
			j.out.DType = u.DType
		}
		j.convert(dtype)
		if j.mixed != nil {
			saved.Merged++
		} else {
			saved.Copied++
		}
		jobs = append(jobs, j)
	}
	for _, m := range p.Models { // in order, so that the notes are
		if n := dropped[m.Name]; n > 0 {
			saved.Notes = append(saved.Notes, fmt.Sprintf("%s lacks %d tensors that the recipe merges: kept from %s", m.Name, n, p.Models[mix.Root].Name))
		}
	}
	return jobs, saved, finish(jobs, saved, ema)
}

// finish adds what is to be said of EMA tensors that were left out, and reports
// whether anything is left.
func finish(jobs []job, saved *Saved, ema int) error {
	if ema > 0 {
		saved.Notes = append(saved.Notes, fmt.Sprintf("left out %d EMA tensors: they mean nothing after a merge", ema))
	}
	if len(jobs) == 0 {
		return fmt.Errorf("%w: nothing to write", ErrMismatch)
	}
	return nil
}

func notZero(v float64) bool { return v != 0 }
