package recovery

import (
	"context"
	"errors"
	"hash/crc32"
	"path/filepath"
	"runtime"
	"slices"
	"sync"

	"mixmatch/merge/block"
	"mixmatch/merge/checkpoint"
	"mixmatch/merge/checkpoint/safetensors"
	"mixmatch/merge/vec"
)

// castagnoli is the polynomial that processors have an instruction for.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// targetName is the mix.
const targetName = "target"

// A written is a planted mix on disk.
type written struct {
	folder string

	// alike tells for each block and offered model, the base included, which of
	// them are the same there: they have the same number.
	alike []map[string]uint64
}

func (w *written) path(name string) string {
	return filepath.Join(w.folder, name+".safetensors")
}

// twin reports whether another model is the same as name in a block, so that no
// study can tell them apart there.
func (w *written) twin(id block.ID, name string) bool {
	for other, sum := range w.alike[id] {
		if other != name && sum == w.alike[id][name] {
			return true
		}
	}
	return false
}

// write makes the files that a study of p needs. Tensors are made side by side
// and written in order, so memory holds a few of them, however many models.
func (p *planted) write(ctx context.Context, folder string, all []tensor) (*written, error) {
	w := &written{folder: folder}
	names := append(slices.Clone(p.offered), targetName)
	if p.base != "" {
		names = append(names, p.base)
	}
	l := p.recipe.Layout
	for range l.Len() {
		w.alike = append(w.alike, map[string]uint64{})
	}

	var header []checkpoint.Tensor
	for _, t := range all {
		header = append(header, checkpoint.Tensor{Name: t.Name, DType: checkpoint.F16, Shape: t.Shape})
	}
	writers := make([]*safetensors.Writer, len(names))
	defer func() {
		for _, x := range writers {
			if x != nil {
				x.Abort()
			}
		}
	}()
	for i, name := range names {
		h := slices.Clone(header)
		for k := range h {
			if name == baseName {
				h[k].DType = checkpoint.F32
			}
		}
		var err error
		if writers[i], err = safetensors.Create(w.path(name), h, nil, true); err != nil {
			return nil, err
		}
	}

	for made := range p.tensors(ctx, all, writers[0].Tensors()) {
		if made.err != nil {
			return nil, made.err
		}
		for i, name := range names {
			x := made.values[name]
			half := make([]byte, 2*len(x))
			vec.NarrowF16(half, x)
			bytes := half
			if name == baseName {
				bytes = make([]byte, 4*len(x))
				vec.NarrowF32(bytes, x)
			}
			if _, err := writers[i].Write(bytes); err != nil {
				return nil, err
			}
			if name != targetName {
				sums := w.alike[made.t.block]
				sums[name] = sums[name]*31 + uint64(crc32.Checksum(half, castagnoli))
			}
		}
	}
	var errs []error
	for _, x := range writers {
		errs = append(errs, x.Commit())
	}
	return w, errors.Join(append(errs, ctx.Err())...)
}

// A made is a tensor of all models, the target among them.
type made struct {
	t      *tensor
	values map[string][]float32
	err    error
}

// tensors makes all tensors and yields them in the order given. When it ends
// nothing is under way any more.
func (p *planted) tensors(ctx context.Context, all []tensor, order []checkpoint.Tensor) func(yield func(made) bool) {
	place := map[string]int{}
	for i, t := range all {
		place[t.Name] = i
	}
	return func(yield func(made) bool) {
		ctx, cancel := context.WithCancel(ctx)
		var underWay sync.WaitGroup
		defer underWay.Wait()
		defer cancel()
		queue := make(chan chan made, runtime.GOMAXPROCS(0))
		underWay.Go(func() {
			defer close(queue)
			for _, o := range order {
				t := &all[place[o.Name]]
				done := make(chan made, 1)
				select {
				case queue <- done:
					underWay.Go(func() { done <- p.make(t) })
				case <-ctx.Done():
					return
				}
			}
		})
		for done := range queue {
			if !yield(<-done) {
				return
			}
		}
	}
}

// make makes a tensor of all models and the target.
func (p *planted) make(t *tensor) made {
	models, err := p.family.values(t)
	if err != nil {
		return made{err: err}
	}
	x, err := execute(p.recipe, t, models, p.once)
	if err != nil {
		return made{err: err}
	}
	if p.finish != nil {
		if err := p.finish(source(p.family.seed, "finish", t.Name), t, x, models); err != nil {
			return made{err: err}
		}
		vec.RoundF16(x)
	}
	if p.store != nil {
		p.store(x)
	}
	models[targetName] = x
	return made{t: t, values: models}
}
