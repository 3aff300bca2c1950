package dialect

import (
	"cmp"
	"slices"
	"strings"

	"mixmatch/merge/block"
)

// The prefixes of single files.
const (
	unetPrefix = "model.diffusion_model."
	vaePrefix  = "first_stage_model."
	fluxVAE    = "vae."
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
	fluxFamily: comfyEncoders,
	sd3Family:  comfyEncoders,
}

// comfyEncoders are those of newer models, whose single files are ComfyUI's.
var comfyEncoders = map[string]string{
	"clip_l": "text_encoders.clip_l.transformer.",
	"clip_h": "text_encoders.clip_h.transformer.",
	"clip_g": "text_encoders.clip_g.transformer.",
}

// t5Prefix is that of T5 in all families.
const t5Prefix = "text_encoders.t5xxl.transformer."

// A family is what the prefixes of single files depend on.
type family int

const (
	plain   family = iota // SD1, SD2, and whatever else
	xl                    // SDXL
	refiner               // its refiner
	fluxFamily
	sd3Family
)

// aim gives each root the prefix that its part has in single files.
func (m *model) aim() {
	f, known := m.family()
	for _, roots := range m.roots {
		for _, r := range roots {
			switch {
			case r.part == block.UNet:
				r.target = unetPrefix
			case r.part == block.VAE && (f == fluxFamily || !known && r.prefix == fluxVAE && r.usual):
				r.target = fluxVAE
			case r.part == block.VAE:
				r.target = vaePrefix
			case r.layout == &t5Text:
				r.target = t5Prefix
			case !known && r.canonical(), r.beside && (f == fluxFamily || f == sd3Family):
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
			case r.of != plain:
				return r.of, true
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
