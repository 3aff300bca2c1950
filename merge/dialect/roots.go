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
	if roots == nil {
		return nil, nil
	}
	if err := tooMany(tensors); err != nil {
		return nil, err
	}
	roots = slices.DeleteFunc(roots, func(r *root) bool { return !r.complete(tensors) })
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
	if len(roots) == 1 && roots[0].prefix == "" && (roots[0].layout == &flux || roots[0].layout == &sd3) {
		// Kinds of it have more modules than are known, and all that is there is of it.
		roots[0].spell = func(key string) (slot, bool) { return slot{key: key}, block.PartOf(key) == block.Other }
	}
	slices.SortStableFunc(roots, func(a, b *root) int { return cmp.Compare(len(b.prefix), len(a.prefix)) })
	return roots, nil
}

// complete reports whether the keys that the layout needs are there.
func (r *root) complete(tensors []checkpoint.Tensor) bool {
	missing := len(r.needs)
	for _, t := range tensors {
		if key, ok := strings.CutPrefix(t.Name, r.prefix); ok && slices.Contains(r.needs, key) {
			missing--
		}
	}
	return missing == 0
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
	if r.layout == &t5Text {
		return "t5xxl"
	}
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
