package studies

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"mixmatch/merge"
	"mixmatch/merge/cache"
	"mixmatch/merge/recipe"
	"mixmatch/similarity"
	"mixmatch/similarity/residual"
)

// A LoRA is what a look at some matrices of what the recipe leaves found: a LoRA
// that was baked in.
type LoRA struct {
	Rank int `json:"rank"` // the most frequent
	In   int `json:"in"`   // matrices that have one
	Of   int `json:"of"`   // matrices looked at

	Matrices []LoRAMatrix `json:"matrices,omitempty"` // those that have one; none in results made before they were kept
}

// A LoRAMatrix is one in which a LoRA was seen: a tensor, or a third of one that holds
// query, key and value.
type LoRAMatrix struct {
	Key    string    `json:"key"`
	Part   int       `json:"part,omitempty"` // which third
	Rank   int       `json:"rank"`
	Values []float64 `json:"values"` // the singular values of what was found, the largest first
	Edge   float64   `json:"edge"`   // no singular value of rounding noise is larger
}

// looks is how many matrices are looked at: enough to tell, and read in a moment.
const looks = 16

// lookForLoRA looks at matrices of attention and feed forward here and there in the
// model. It returns nil if nothing is missing, or if it sees no LoRA.
func (p *problem) lookForLoRA(ctx context.Context, m *measured, printed *recipe.Recipe) (*LoRA, error) {
	if p.merged != nil || p.proof.Exact || m.scaled {
		return nil, nil
	}
	pool, target, err := p.Files.Models(ctx)
	if err != nil {
		return nil, err
	}
	defer closeModels(append([]*merge.Model{target}, pool.Models...))
	mix, err := merge.NewMix(pool, printed)
	if err != nil {
		return nil, err
	}
	for _, id := range p.ids { // what all sources leave, whatever the recipe has of them
		mix.Weights[id] = p.proof.Blocks[id].Weights
	}
	r := residual.Rest{Pool: pool, Target: target, Layout: m.blocks.Layout, Weights: mix.Weights, Root: mix.Root, VAE: -1, Grids: m.gram.Grids()}
	var some []string
	for _, t := range r.Tensors() {
		switch residual.KindOf(t.Key, t.Shape) {
		case residual.Query, residual.Value, residual.Output, residual.Attention, residual.Forward, residual.TextAttn:
			if t.Governed && slices.Contains(p.ids, t.Block) {
				some = append(some, t.Key)
			}
		}
	}
	if len(some) > looks {
		spread := make([]string, 0, looks)
		for i := range looks {
			spread = append(spread, some[i*len(some)/looks])
		}
		some = spread
	}
	key := lookKey(p.options.Cache, pool, target, mix.Weights, some)
	if l, ok := key.get(); ok {
		return l, nil
	}
	found, err := r.Explain(ctx, m.gram, func(*similarity.Gram) ([][]float64, error) { return mix.Weights, nil }, residual.Options{
		Threads: p.options.Threads,
		Progress: func(done, total int64) {
			p.options.Progress(Progress{Stage: "looking for a LoRA", Done: done, Total: total, Later: p.options.later})
		},
		Only: func(t residual.Tensor) bool { return slices.Contains(some, t.Key) },
	})
	if err != nil {
		return nil, err
	}
	var l *LoRA
	if seen, ok := found.LoRA(); ok {
		l = &LoRA{Rank: seen.Rank, In: seen.Pieces}
		for _, g := range found.Groups() {
			l.Of += g.Pieces
		}
		for _, t := range found.Tensors {
			for _, q := range t.Pieces {
				if q.Rank == 0 {
					continue
				}
				m := LoRAMatrix{Key: t.Key, Part: q.Part, Rank: q.Rank, Edge: q.Edge}
				for _, v := range q.S {
					m.Values = append(m.Values, float64(v))
				}
				l.Matrices = append(l.Matrices, m)
			}
		}
	}
	key.put(l, identify(pool.Models, target))
	return l, nil
}

// cachedLooks is the kind of entries in the user's cache that hold what a look found.
// Those of "looks" had no matrices.
const cachedLooks = "looks-2"

// A cachedLook is the place of a look in the cache, nil for none.
type cachedLook struct {
	cache *cache.Cache
	of    string // the identities of the files
	key   string
}

// lookKey returns the place of a look at tensors of what mixes leave of the target.
func lookKey(c *cache.Cache, pool *merge.Pool, target *merge.Model, mixes [][]float64, tensors []string) *cachedLook {
	of := identify(pool.Models, target)
	if c == nil || !of.known() {
		return nil
	}
	return &cachedLook{c, of.key(), fmt.Sprintf("%s\n%q\n%x", of.key(), tensors, mixes)}
}

func (k *cachedLook) get() (l *LoRA, ok bool) {
	if k == nil {
		return nil, false
	}
	text, ok := k.cache.Get(cachedLooks, k.key)
	return l, ok && json.Unmarshal(text, &l) == nil
}

// put keeps what was found, if the files are still what they were.
func (k *cachedLook) put(l *LoRA, now cachedStudy) {
	if k == nil || now.key() != k.of {
		return
	}
	if text, err := json.Marshal(l); err == nil {
		k.cache.Put(cachedLooks, k.key, text)
	}
}
