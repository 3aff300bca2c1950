package stepwise

import (
	"context"
	"fmt"

	"mixmatch/merge"
	"mixmatch/merge/block"
	"mixmatch/merge/calc"
	"mixmatch/merge/checkpoint"
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

// addLoRA returns the tensors that step s makes of those of its model. What is in no
// block of a UNet gets the whole LoRA, whatever the ratios, as in SuperMerger (see
// [block.Layout.LoRAList]).
func (c *chain) addLoRA(s *recipe.Step, a map[string]*node) (map[string]*node, error) {
	r := &stepRun{chain: c, step: s, gaps: map[gap]int{}}
	lora := c.Index(s.LoRA())
	out := map[string]*node{}
	lacking := 0
	loose := map[block.Part]int{} // tensors in no block
	for _, key := range c.keys {
		part := block.PartOf(key)
		if part == block.EMA {
			continue
		}
		n := a[key]
		_, changed := c.Models[lora].Tensor(key)
		if n == nil {
			if changed {
				lacking++
			}
			continue
		}
		out[key] = n
		id, governed := c.recipe.Layout.Of(key)
		ratio := 0.0
		switch {
		case governed:
			ratio = s.Alpha[id].Value
		case changed:
			if loose[part]++; part == block.UNet {
				ratio = 1
			}
		}
		if !changed || ratio == 0 {
			continue
		}
		if !n.mergeable() {
			r.refuse(n)
			continue
		}
		out[key] = &node{key: key, a: n, baking: &baking{lora, ratio, wayOf(c.era)}, dtype: checkpoint.DType(n.format()), shape: n.shape, whole: n.whole}
	}
	for _, part := range block.Parts() {
		become := "left out"
		if part == block.UNet {
			become = "added at ratio 1, as SuperMerger does"
		}
		if n := loose[part]; n > 0 {
			c.notes = append(c.notes, "step "+s.Out+": "+merge.InNoBlock(s.LoRA(), part, n, become))
		}
	}
	if lacking > 0 {
		c.notes = append(c.notes, fmt.Sprintf("step %s: %s lacks %d tensors that %s changes: left out, since there is nothing to add them to", s.Out, s.A, lacking, s.LoRA()))
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
