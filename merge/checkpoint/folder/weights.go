package folder

import (
	"cmp"
	"io/fs"
	"os"
	"slices"
	"strings"
)

// A weight is a file with the numbers of a network, or an index of shards.
type weight struct {
	name    string
	variant string // such as "fp16"
	format  int    // the place of its ending in formats
	index   bool
}

// stems are what diffusers and transformers call such files, and formats the
// endings of those that can be read, the better first.
var (
	stems   = []string{"diffusion_pytorch_model", "model", "pytorch_model"}
	formats = []string{"safetensors", "bin"}
)

// weights returns the files in dir that hold its network, the one to take first:
// the one without a variant, which is what diffusers takes, and is in full precision
// where there are several; else fp16, else by name; safetensors before pickles.
func weights(dir string) ([]weight, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var all []weight
	for _, e := range entries {
		if w, ok := parse(e.Name()); ok && (e.Type().IsRegular() || e.Type()&fs.ModeSymlink != 0) {
			all = append(all, w)
		}
	}
	rank := func(w weight) int { return slices.Index([]string{"", "fp16", w.variant}, w.variant) }
	slices.SortFunc(all, func(a, b weight) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a.variant, b.variant), cmp.Compare(a.format, b.format),
			cmp.Compare(len(a.name), len(b.name)), cmp.Compare(a.name, b.name))
	})
	return all, nil
}

// parse takes the name of such a file apart: STEM[.VARIANT].FORMAT, and for an index
// STEM[.VARIANT].FORMAT.index[.VARIANT].json. Shards are of an index and count as
// nothing themselves.
func parse(name string) (weight, bool) {
	w := weight{name: name}
	rest, ok := "", false
	for _, s := range stems {
		if rest, ok = strings.CutPrefix(name, s+"."); ok {
			break
		}
	}
	if !ok {
		return w, false
	}
	p := strings.Split(rest, ".")
	var variants []string
	if n := len(p); p[n-1] == "json" {
		i := slices.Index(p, "index")
		if i < 0 {
			return w, false
		}
		variants = append(variants, p[i+1:n-1]...)
		p, w.index = p[:i], true
	}
	if len(p) == 0 {
		return w, false
	}
	w.format = slices.Index(formats, p[len(p)-1])
	variants = append(variants, p[:len(p)-1]...)
	w.variant = strings.Join(variants, ".")
	return w, w.format >= 0
}
