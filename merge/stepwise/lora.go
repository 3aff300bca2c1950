package stepwise

import (
	"context"

	"mixmatch/merge/block"
	"mixmatch/merge/calc"
	"mixmatch/merge/difference"
	"mixmatch/merge/recipe"
)

// A baking is a LoRA that a node has added to another.
type baking struct {
	model int // of the pool
	ratio float64
	way   difference.Way
}

// wayOf returns how SuperMerger added LoRAs in era: until web UIs of version 1.5,
// of 2023-07, in float32.
func wayOf(era block.Era) difference.Way {
	if era == block.SM2023 {
		return difference.Kohya
	}
	return difference.SuperMerger
}

// addLoRA returns the tensors that step s makes of those of its model.
func (c *chain) addLoRA(s *recipe.Step, a map[string]*node) (map[string]*node, error) {
	r := &stepRun{chain: c, step: s, gaps: map[gap]int{}}
	lora := c.Index(s.LoRA())
	out := map[string]*node{}
	for _, key := range c.keys {
		n := a[key]
		if n == nil || block.PartOf(key) == block.EMA {
			continue
		}
		out[key] = n
		id, governed := c.recipe.Layout.Of(key)
		if _, changed := c.Models[lora].Tensor(key); !changed || !governed || s.Alpha[id].Value == 0 {
			continue
		}
		if !n.mergeable() {
			r.refuse(n)
			continue
		}
		out[key] = &node{key: key, a: n, baking: &baking{lora, s.Alpha[id].Value, wayOf(c.era)}, dtype: n.dtype, shape: n.shape, whole: n.whole}
	}
	return out, r.refused()
}

// bake returns the node's values: those of another with a LoRA added.
func (e *evaluator) bake(ctx context.Context, n *node) (calc.Tensor, error) {
	a, err := e.get(ctx, n.a)
	if err != nil {
		return calc.Tensor{}, err
	}
	t := calc.Tensor{DType: a.DType, Shape: a.Shape, Data: e.buffer(len(a.Data))}
	if t.Data == nil {
		t.Data = make([]float32, len(a.Data))
	}
	copy(t.Data, a.Data)
	e.release(n.a)
	at := e.at
	if e.whole {
		at = 0
	}
	b := n.baking
	return t, e.pool.Models[b.model].Bake(t.Data, n.key, at, n.dtype, b.ratio, b.way)
}
