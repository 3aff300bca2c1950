package difference

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"mixmatch/merge/block"
	"mixmatch/merge/checkpoint"
)

// weak are the roles, and the ends of names, that files of other kinds have too.
var weak = []string{".alpha", ".scale", ".scalar", ".rescale", ".a1.weight", ".a2.weight", ".b1.weight", ".b2.weight", ".on_input"}

// Is reports whether f holds changes to a model rather than a model, by the names
// of its tensors, whether [Read] reads them or not.
func Is(f *checkpoint.File) bool {
	return slices.ContainsFunc(f.Tensors(), func(t checkpoint.Tensor) bool {
		_, _, _, ok := splitKey(t.Name)
		return ok && !slices.ContainsFunc(weak, func(end string) bool { return strings.HasSuffix(t.Name, end) })
	})
}

// A Count is how many modules have something in common.
type Count struct {
	What    string `json:"what"`
	Modules int    `json:"modules"`
}

// String returns c as people write it.
func (c Count) String() string { return fmt.Sprintf("%s (%d)", c.What, c.Modules) }

// A Description is what there is to know of a file of changes but for its
// numbers. What occurs most comes first.
type Description struct {
	Arch     block.Arch `json:"arch,omitempty"` // of the models it is for, or their family; "" if it cannot be told
	Layout   []Count    `json:"layout"`         // by whose names: kohya, PEFT, diffusers
	Kinds    []Count    `json:"kinds"`          // see [Kind]
	Networks []Count    `json:"networks"`
	Ranks    []Count    `json:"ranks"`  // of the modules that have one
	Scales   []Count    `json:"scales"` // alpha / rank, likewise
}

// Describe tells what l holds.
func (l *File) Describe() Description {
	d := Description{Arch: l.arch()}
	for _, c := range l.changes {
		add(&d.Layout, c.layout())
		add(&d.Kinds, string(c.kind))
		add(&d.Networks, c.path.network.String())
		if c.rank > 0 {
			add(&d.Ranks, fmt.Sprint(c.rank))
			add(&d.Scales, fmt.Sprintf("%.4g", c.scale))
		}
	}
	for _, list := range [][]Count{d.Layout, d.Kinds, d.Networks, d.Ranks, d.Scales} {
		slices.SortStableFunc(list, func(a, b Count) int {
			return cmp.Or(cmp.Compare(b.Modules, a.Modules), cmp.Compare(a.What, b.What))
		})
	}
	return d
}

// add counts a module that has what.
func add(list *[]Count, what string) {
	i := slices.IndexFunc(*list, func(c Count) bool { return c.What == what })
	if i < 0 {
		i = len(*list)
		*list = append(*list, Count{What: what})
	}
	(*list)[i].Modules++
}

// layout is whose names c has.
func (c *change) layout() string {
	t := c.tensors[loraDown]
	switch {
	case strings.HasPrefix(c.module, "lora_") || strings.HasPrefix(c.module, "lycoris_"):
		return "kohya"
	case t == nil:
		return "other"
	case strings.Contains(t.Name, ".lora_A"):
		return "PEFT"
	}
	return "diffusers"
}

// arch tells which models l is for, by its first change that tells: how wide the
// text is that its cross-attention reads, or the names of its blocks. If none does,
// what the trainer has written counts.
func (l *File) arch() block.Arch {
	for _, tell := range []func(*change, block.LoRAs) bool{(*change).reads, (*change).isOf} {
		for _, c := range l.changes {
			for _, arch := range block.Families() {
				if tell(c, block.LoRAsOf(arch)) {
					return arch
				}
			}
		}
	}
	says := l.file.Metadata()
	for _, text := range []string{says["ss_base_model_version"], says["modelspec.architecture"]} {
		for _, arch := range block.Families() {
			if beginsWithOne(text, block.LoRAsOf(arch).Trained) {
				return arch
			}
		}
	}
	return ""
}

// beginsWithOne reports whether text begins with one of some words.
func beginsWithOne(text string, words []string) bool {
	return slices.ContainsFunc(words, func(w string) bool { return strings.HasPrefix(text, w) })
}

// reads tells by the width of the text.
func (c *change) reads(of block.LoRAs) bool {
	name := c.path.name
	return c.path.network == unet && (strings.HasSuffix(name, ".attn2.to_k") || strings.HasSuffix(name, ".attn2.to_v")) &&
		c.cols > 0 && c.cols == of.TextWidth
}

// isOf tells by the names.
func (c *change) isOf(a block.LoRAs) bool {
	name := c.path.name
	if c.path.network != unet {
		return slices.ContainsFunc(a.Encoders, func(e block.LoRAEncoder) bool {
			switch c.path.network {
			case text2:
				return e.Prefix == "lora_te2_"
			case textAny: // CLIP's width tells nothing: others have it, too
				return e.Prefix == "lora_te_" && e.Open && (c.cols == a.TextWidth || c.rows == a.TextWidth)
			}
			return false
		})
	}
	if i := strings.Index(name, ".transformer_blocks."); i >= 0 && !strings.HasPrefix(name[i:], ".transformer_blocks.0.") && a.Deep {
		return true
	}
	return beginsWithOne(name, a.Starts)
}

// List lists counts for people, the first few of them.
func List(list []Count) string {
	const most = 6
	var s []string
	for _, c := range list[:min(len(list), most)] {
		s = append(s, c.String())
	}
	if len(list) > most {
		s = append(s, fmt.Sprintf("%d others", len(list)-most))
	}
	return strings.Join(s, ", ")
}
