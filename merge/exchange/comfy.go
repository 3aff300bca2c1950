package exchange

import (
	"fmt"
	"strconv"

	"mixmatch/merge/block"
	"mixmatch/merge/recipe"
)

// A comfyNode is a node of a ComfyUI workflow in API form.
type comfyNode struct {
	Class  string         `json:"class_type"`
	Inputs map[string]any `json:"inputs"`
}

// A comfy builds a workflow. A model is two nodes' outputs, since UNet and text
// encoder are merged apart.
type comfy struct {
	*exporter
	nodes map[string]comfyNode
}

// A link is an output of a node, as inputs name it.
type link [2]any

// A twin is a model in a workflow.
type twin struct{ unet, clip link }

func (c *comfy) add(class string, inputs map[string]any) string {
	id := strconv.Itoa(len(c.nodes) + 1)
	c.nodes[id] = comfyNode{class, inputs}
	return id
}

// writeComfy writes one workflow for the whole recipe. ComfyUI's ratios are
// shares of the first model, from 0 to 1. It adds no differences block by
// block, but A + (B - C) x alpha is (1-alpha) A + alpha (A + B - C), and a
// triple sum is a sum, twice, with other ratios.
func writeComfy(e *exporter) ([]byte, error) {
	if e.Layout.Arch() == block.SDXL && e.Layout.Era() == block.SM2025 {
		e.note("time_embed and label_emb are kept from model A, as this recipe means it")
	}
	e.note("ComfyUI does not merge VAEs: the result has that of %s", e.KeySources()[0])
	e.note("boxes of ComfyUI's pages round ratios to 0.01; queued as it is, the workflow is taken in full")
	c := &comfy{e, map[string]comfyNode{}}
	models := map[string]twin{}
	var vae link
	for _, name := range e.Sources() {
		id := c.add("CheckpointLoaderSimple", map[string]any{"ckpt_name": e.file(name)})
		models[name] = twin{link{id, 0}, link{id, 1}}
		if name == e.KeySources()[0] {
			vae = link{id, 2}
		}
	}
	for i := range e.Steps {
		s := &e.Steps[i]
		a, b, third := models[s.A], models[s.B], models[s.C]
		alpha, beta := values(s.Alpha), values(s.Beta)
		var out twin
		var err error
		switch s.Mode {
		case recipe.WeightSum:
			out, err = c.sum(s.Out, a, b, alpha)
		case recipe.AddDifference:
			out, err = c.sum(s.Out, a, c.add3(a, b, third), alpha)
		case recipe.SumTwice:
			if out, err = c.sum(s.Out, a, b, alpha); err == nil {
				out, err = c.sum(s.Out, out, third, beta)
			}
		case recipe.TripleSum:
			for k := range alpha {
				if rest := 1 - beta[k]; rest != 0 {
					alpha[k] /= rest
				} else if alpha[k] != 0 {
					return nil, cannot("%s has alpha %v and beta 1 in %s", s.Out, alpha[k], e.Layout.Name(block.ID(k)))
				}
			}
			if out, err = c.sum(s.Out, a, b, alpha); err == nil {
				out, err = c.sum(s.Out, out, third, beta)
			}
		}
		if err != nil {
			return nil, err
		}
		models[s.Out] = out
	}
	result := models[e.Result()]
	c.add("CheckpointSave", map[string]any{
		"model": result.unet, "clip": result.clip, "vae": vae, "filename_prefix": "checkpoints/" + e.Result(),
	})
	return marshal(c.nodes)
}

// add3 returns A + B - C.
func (c *comfy) add3(a, b, third twin) twin {
	merge := func(kind, one, other string, x, y, z link) link {
		d := c.add(kind+"MergeSubtract", map[string]any{one: y, other: z, "multiplier": 1.0})
		return link{c.add(kind+"MergeAdd", map[string]any{one: x, other: link{d, 0}}), 0}
	}
	return twin{
		merge("Model", "model1", "model2", a.unet, b.unet, third.unet),
		merge("CLIP", "clip1", "clip2", a.clip, b.clip, third.clip),
	}
}

// sum returns (1-alpha) A + alpha B.
func (c *comfy) sum(name string, a, b twin, alpha []float64) (twin, error) {
	l := c.Layout
	keep := make([]float64, len(alpha))
	for i, x := range alpha {
		if !(x >= 0 && x <= 1) {
			return twin{}, cannot("%s has the ratio %v in %s; ComfyUI takes 0 to 1 (sd-mecha takes any)", name, x, l.Name(block.ID(i)))
		}
		keep[i] = 1 - x
	}
	of := func(key string) float64 {
		if id, ok := l.Of("model.diffusion_model." + key); ok {
			return keep[id]
		}
		return 1
	}
	inputs := map[string]any{"model1": a.unet, "model2": b.unet}
	class, sides, dot := "ModelMergeSD1", 12, "."
	switch l.Arch() {
	case block.SD2:
		class = "ModelMergeSD2"
	case block.SDXL:
		class, sides, dot = "ModelMergeSDXL", 9, ""
	}
	inputs["time_embed."] = of("time_embed.0.weight")
	inputs["label_emb."] = of("label_emb.0.0.weight")
	for i := range sides {
		inputs[fmt.Sprintf("input_blocks.%d%s", i, dot)] = of(fmt.Sprintf("input_blocks.%d.0.weight", i))
		inputs[fmt.Sprintf("output_blocks.%d%s", i, dot)] = of(fmt.Sprintf("output_blocks.%d.0.weight", i))
	}
	for i := range 3 {
		inputs[fmt.Sprintf("middle_block.%d%s", i, dot)] = of(fmt.Sprintf("middle_block.%d.weight", i))
	}
	inputs["out."] = of("out.0.weight")
	unet := c.add(class, inputs)
	clip := c.add("CLIPMergeSimple", map[string]any{"clip1": a.clip, "clip2": b.clip, "ratio": keep[0]})
	return twin{link{unet, 0}, link{clip, 0}}, nil
}
