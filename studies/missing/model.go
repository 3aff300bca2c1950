package missing

import (
	"context"
	"fmt"

	"mixmatch/merge/checkpoint"
	"mixmatch/merge/difference"
	"mixmatch/similarity"
)

// Options are the choices of what is written.
type Options struct {
	DType    checkpoint.DType // of the numbers; "" for float16, of a difference float32
	Force    bool             // replace an existing file
	Progress func(done, total int64)
}

// LeastSignal is how many times its rounding noise what is left must be, as a
// mean square, for a model to be made of it.
const LeastSignal = 4

// A Signal says how much more than rounding is left of a block.
type Signal struct {
	Block  string
	Weight float64 // of what is missing, by which the block is divided
	Ratio  float64 // mean square of what is left, in roundings
	Seen   bool    // enough to make something of it; else the base's numbers are written
}

// WriteModel writes the missing source as far as it can be seen: B + R/m, where R
// is what is left when the sources that are surely in the target are taken from it
// with the weights that are their own, B the base and m the weight of what is
// missing. Rounding noise grows by 1/m. In blocks where nothing is missing the file
// has B. The error wraps [ErrNothing] if what is left is not [LeastSignal] times the
// noise in any block.
func (g *Gap) WriteModel(ctx context.Context, path string, o Options) ([]Signal, error) {
	u := g.proof.Unknown
	switch {
	case u == nil:
		return nil, fmt.Errorf("%w as a source: nothing is missing, the recipe is held back by its steps or bounds; --difference writes what it leaves", ErrNothing)
	case u.Weight == 0:
		return nil, fmt.Errorf("%w as a source: how much of it is missing cannot be told from these sources; --difference writes what is left as it is", ErrNothing)
	case u.Subtracted:
		return nil, fmt.Errorf("%w as a source: what is missing is subtracted, as the base of add differences is; name that with --base in a new study, or write what is left with --difference", ErrNothing)
	}
	weights := make([][]float64, g.recipe.Layout.Len())
	share := make([]float64, g.recipe.Layout.Len())
	seen := false
	var signals []Signal
	for id := range weights {
		weights[id] = make([]float64, len(g.pool.Models))
		weights[id][g.base] = 1
	}
	for _, id := range g.ids {
		w, own := weights[id], g.proof.Blocks[id]
		for i, v := range own.Own {
			if i != g.base && g.proof.Models[i].Standing == similarity.In {
				w[i] = v
				w[g.base] -= v
			}
		}
		s := Signal{Block: g.recipe.Layout.Name(id), Weight: u.Weight}
		if own.Gap > 1.5*u.Weight || own.Gap < u.Weight/1.5 {
			s.Weight = own.Gap // the recipe has another weight here
		}
		stored, _ := g.blocks.Floor(id)
		if stored > 0 {
			s.Ratio = g.blocks.Distance(id, w) / stored
		}
		if !own.Exact && s.Weight > 0 && s.Ratio >= LeastSignal {
			share[id], seen, s.Seen = s.Weight, true, true
		}
		signals = append(signals, s)
	}
	if !seen {
		return signals, fmt.Errorf("%w as a source: what is left is less than %d times the noise of rounding in every block; --difference writes it as it is", ErrNothing, LeastSignal)
	}
	rest := g.rest
	rest.Weights, rest.Root, rest.VAE = weights, g.base, g.base
	dtype := o.DType
	if dtype == "" {
		dtype = checkpoint.F16
	}
	tensors, err := rest.Source(g.base, share, dtype)
	if err != nil {
		return nil, err
	}
	return signals, g.write(ctx, path, tensors, o, "a source that is missing, as far as it can be seen: an estimate", nil)
}

// WriteDifference writes R, what the study's recipe leaves of the target: added to
// the recipe's result, it makes the target.
func (g *Gap) WriteDifference(ctx context.Context, path string, o Options) error {
	return g.write(ctx, path, g.rest.Difference(o.DType), o, "what the recipe leaves of the target: a difference, no model", map[string]string{"mixmatch.recipe": g.Summary.Recipe})
}

// write writes tensors, with metadata that say what they are.
func (g *Gap) write(ctx context.Context, path string, tensors []difference.Tensor, o Options, what string, more map[string]string) error {
	meta := g.rest.Metadata(what, more)
	if err := difference.Write(ctx, path, tensors, difference.Options{Metadata: meta, Force: o.Force, Progress: o.Progress}); err != nil {
		return err
	}
	return g.rest.Changed()
}
