package dialect

import (
	"cmp"
	"slices"
	"strings"

	"mixmatch/merge/block"
	"mixmatch/merge/checkpoint"
)

// A root is a place in a file where a layout was found.
type root struct {
	*layout
	prefix string // what is in front of its keys
	layers int    // of a text encoder

	beside bool // it is what stands beside a text model, one level further out
	old    bool // some names are of 2022, without text_model

	spell  speller
	target string // the prefix in single files
}

// The most roots that are looked at. Files have a handful; it keeps hostile ones
// from taking time for each.
const maxRoots = 64

// findRoots returns the roots that a file with these tensors has, those with the
// longest prefix first.
func findRoots(tensors []checkpoint.Tensor) ([]*root, error) {
	type place struct {
		l      *layout
		prefix string
	}
	seen := map[place]bool{}
	var roots []*root
	for _, t := range tensors {
		for _, l := range layouts {
			for _, w := range l.witnesses {
				prefix, ok := strings.CutSuffix(t.Name, w)
				if !ok || !l.allows(prefix) {
					continue
				}
				prefix = strings.TrimSuffix(prefix, "text_model.")
				if seen[place{l, prefix}] {
					continue
				}
				seen[place{l, prefix}] = true
				if roots = append(roots, &root{layout: l, prefix: prefix}); len(roots) > maxRoots {
					return nil, checkpoint.Malformed("the tensors of a %s go by more than %d names, the last behind %s", l.part, maxRoots, checkpoint.Short(prefix))
				}
			}
		}
	}
	for _, r := range roots {
		var keys []string
		for _, t := range tensors {
			if rest, ok := strings.CutPrefix(t.Name, r.prefix); ok {
				keys = append(keys, rest)
			}
		}
		r.spell = r.read(keys)
		r.layers = max(count(keys, "text_model.encoder.layers."), count(keys, "encoder.layers."), count(keys, "transformer.resblocks."))
	}
	for _, r := range slices.Clone(roots) {
		out, ok := strings.CutSuffix(r.prefix, "transformer.")
		if r.layout == &huggingFaceText && ok && encoderWord(out) != "" {
			with := *r
			with.prefix, with.spell, with.beside = out, spellBeside, true
			roots = append(roots, &with)
		}
	}
	slices.SortStableFunc(roots, func(a, b *root) int { return cmp.Compare(len(b.prefix), len(a.prefix)) })
	return roots, nil
}

// allows reports whether people put prefix in front of keys of the layout.
func (l *layout) allows(prefix string) bool {
	inner, ok := strings.CutSuffix(prefix, ".")
	if !ok {
		return prefix == ""
	}
	for word := range strings.SplitSeq(inner, ".") {
		if !slices.Contains(l.words, word) {
			return false
		}
	}
	return true
}

// encoderWord returns the word of prefix that says which text encoder it is of,
// as ComfyUI has them, or "".
func encoderWord(prefix string) string {
	for word := range strings.SplitSeq(prefix, ".") {
		if word == "clip_l" || word == "clip_g" || word == "clip_h" {
			return word
		}
	}
	return ""
}

// encoder returns which text encoder the root is of: clip_l, clip_h or clip_g, or
// "". Their numbers of layers differ (OpenAI's ViT-L/14, OpenCLIP's ViT-H/14 and
// ViT-bigG/14); diffusers leaves out the last of ViT-H, which SD2 does not use.
func (r *root) encoder() string {
	switch r.layers {
	case 12:
		return "clip_l"
	case 23, 24:
		return "clip_h"
	case 32:
		return "clip_g"
	}
	return encoderWord(r.prefix)
}

// The prefixes of single files.
const (
	unetPrefix = "model.diffusion_model."
	vaePrefix  = "first_stage_model."
)

// encoderPrefixes are those of text encoders in each family of models. Those with
// the name transformer hold Hugging Face's names, the others OpenCLIP's.
var encoderPrefixes = map[family]map[string]string{
	plain: {
		"clip_l": "cond_stage_model.transformer.",
		"clip_h": "cond_stage_model.model.",
		"clip_g": "conditioner.embedders.1.model.",
	},
	xl: {
		"clip_l": "conditioner.embedders.0.transformer.",
		"clip_h": "cond_stage_model.model.",
		"clip_g": "conditioner.embedders.1.model.",
	},
	refiner: {
		"clip_l": "conditioner.embedders.0.transformer.",
		"clip_h": "cond_stage_model.model.",
		"clip_g": "conditioner.embedders.0.model.",
	},
	transformer: {
		"clip_l": "text_encoders.clip_l.transformer.",
		"clip_h": "text_encoders.clip_h.transformer.",
		"clip_g": "text_encoders.clip_g.transformer.",
	},
}

// A family is what the place of text encoders in single files depends on.
type family int

const (
	plain       family = iota // SD1, SD2, and whatever else
	xl                        // SDXL
	refiner                   // SDXL's refiner
	transformer               // Flux, SD3
)

// aim gives each root the prefix that its part has in single files.
func (m *model) aim() {
	f, known := m.family()
	for _, roots := range m.roots {
		for _, r := range roots {
			switch {
			case r.part == block.UNet:
				r.target = unetPrefix
			case r.part == block.VAE:
				r.target = vaePrefix
			case !known && r.canonical(), f == transformer && r.beside:
				r.target = r.prefix
			default:
				r.target = encoderPrefixes[f][r.encoder()]
			}
		}
		m.nested = append(m.nested, nests(roots))
	}
}

// nests returns the prefixes that a whole model is nested in, the longest first:
// what stands in front of the prefixes of single files, and else those words that
// are never a part of a model.
func nests(roots []*root) []string {
	var found []string
	add := func(w string) {
		if w != "" && !slices.Contains(found, w) {
			found = append(found, w)
		}
	}
	for _, r := range roots {
		if w, ok := strings.CutSuffix(r.prefix, r.target); ok && r.target != "" {
			add(w)
			continue
		}
		w := ""
		for word := range strings.SplitSeq(r.prefix, ".") {
			if word != "module" && word != "state_dict" && word != "_orig_mod" {
				break
			}
			w += word + "."
		}
		add(w)
	}
	slices.SortStableFunc(found, func(a, b string) int { return cmp.Compare(len(b), len(a)) })
	return found
}

// canonical reports whether a text encoder has the prefix and the names of one in
// the single files of some family.
func (r *root) canonical() bool {
	for _, f := range []family{plain, xl, refiner} {
		for _, p := range encoderPrefixes[f] {
			if p == r.prefix && holdsHuggingFace(p) == (r.layout == &huggingFaceText) {
				return true
			}
		}
	}
	return false
}

// holdsHuggingFace reports whether the text encoder behind a prefix of single files
// has Hugging Face's names.
func holdsHuggingFace(prefix string) bool { return strings.HasSuffix(prefix, "transformer.") }

// family tells the family from the UNet, which is what known means, or else from
// the text encoders.
func (m *model) family() (f family, known bool) {
	encoders, unet := map[string]bool{}, map[string]bool{}
	for i, roots := range m.roots {
		for _, r := range roots {
			switch {
			case r.part == block.TextEncoder:
				encoders[r.encoder()] = true
			case r.layout == &flux, r.layout == &sd3:
				return transformer, true
			case r.part == block.UNet:
				known = true
				for _, t := range m.tensors[i] {
					if key, ok := strings.CutPrefix(t.Name, r.prefix); ok {
						if s, ok := r.spell(key); ok {
							unet[s.key] = true
						}
					}
				}
			}
		}
	}
	// SDXL and its refiner know labels, as some of SD2 do, but have no attention in
	// the first level; the refiner has a level more.
	switch {
	case unet["label_emb.0.0.weight"] && !unet["input_blocks.1.1.proj_in.weight"]:
		if unet["input_blocks.9.0.op.weight"] {
			return refiner, known
		}
		return xl, known
	case !known && encoders["clip_l"] && encoders["clip_g"]:
		return xl, known
	}
	return plain, known
}
