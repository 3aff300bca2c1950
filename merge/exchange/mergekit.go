package exchange

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"mixmatch/merge/block"
)

// mergekitZero stands for 0: mergekit up to 0.1 takes a weight of 0 for one that
// is missing.
const mergekitZero = 1e-12

// writeMergekit writes the recipe as one linear merge of its sources. Weights
// go by parts of tensor names, of which the first that fits counts.
func writeMergekit(e *exporter) ([]byte, error) {
	e.note("mergekit merges all at once: the steps, and the names of what they make, are lost")
	e.note("mergekit's linear stops at integer tensors (position_ids) and at tensors that a source lacks: take them out of the files first, or use --tensor-intersection")
	l := e.Layout
	names := e.Sources()
	keys, err := e.opt.keys(l)
	if err != nil {
		return nil, err
	}
	of := make([]map[string]float64, l.Len()) // block -> source -> weight
	for id := range l.Blocks().All() {
		of[id] = map[string]float64{}
		for name, q := range e.Flatten(id) {
			of[id][name], _ = q.Float64()
		}
	}
	var b strings.Builder
	b.WriteString("# made by mixmatch for " + l.String() + "; run mergekit-pytorch\n")
	b.WriteString("merge_method: linear\ndtype: float32\n")
	if e.opt.Half {
		b.WriteString("out_dtype: float16\n")
	}
	b.WriteString("parameters:\n  normalize: false\nmodels:\n")
	root := e.KeySources()[0]
	for _, name := range names {
		file := e.file(name)
		q, err := yamlQuote(file)
		if err != nil {
			return nil, err
		}
		weight := func(key string) float64 {
			if id, ok := l.Of(key); ok {
				return of[id][name]
			}
			if name == root { // kept
				return 1
			}
			return 0
		}
		fmt.Fprintf(&b, "  - model: %s\n    parameters:\n      weight:\n", q)
		rules, rest := filters(l, keys, weight, of[0][name])
		for _, f := range append(rules, filter{"", rest}) {
			if f.value == 0 {
				f.value = mergekitZero
			}
			v := float(f.value)
			if f.value == mergekitZero {
				v = "1.0e-12"
			}
			if f.part == "" {
				fmt.Fprintf(&b, "        - value: %s\n", v)
			} else {
				fmt.Fprintf(&b, "        - {filter: %q, value: %s}\n", f.part, v)
			}
		}
	}
	return []byte(b.String()), nil
}

// yamlQuote quotes a name that needs no escapes.
func yamlQuote(s string) (string, error) {
	switch {
	case strings.ContainsFunc(s, func(r rune) bool {
		return r < ' ' || r == 0x7f || r == 0x85 || r == 0x2028 || r == 0x2029 || r == 0xfeff
	}):
	case !strings.ContainsAny(s, `"\`):
		return `"` + s + `"`, nil
	case !strings.Contains(s, "'"):
		return "'" + s + "'", nil
	}
	return "", cannot("the file name %q", s)
}

// A filter gives tensors whose names have part in them a value.
type filter struct {
	part  string
	value float64
}

// filters returns rules that give each key its weight, the first that fits, and
// rest to the others: one rule a block of the network, and one a key where that
// is not enough.
func filters(l *block.Layout, keys []string, weight func(string) float64, rest float64) ([]filter, float64) {
	var rules []filter
	single := func(key string) bool {
		_, governed := l.Of(key)
		return !governed
	}
	shared := map[string]float64{}
	var parts []string
	for _, k := range keys {
		p := partOf(l, k)
		if p == "" || single(k) {
			continue
		}
		if v, ok := shared[p]; !ok {
			shared[p] = weight(k)
			parts = append(parts, p)
		} else if v != weight(k) {
			shared[p] = rest
		}
	}
	slices.Sort(parts)
	for _, p := range parts {
		if shared[p] != rest {
			rules = append(rules, filter{p, shared[p]})
		}
	}
	var odd []filter
	for _, k := range keys {
		if match(rules, rest, k) != weight(k) {
			odd = append(odd, filter{bare(l, k), weight(k)})
		}
	}
	// Longer names first, so that none hides behind a part of it.
	slices.SortStableFunc(odd, func(a, b filter) int { return len(b.part) - len(a.part) })
	return append(odd, rules...), rest
}

// match returns the value of the first rule that fits a name.
func match(rules []filter, rest float64, name string) float64 {
	for _, f := range rules {
		if strings.Contains(name, f.part) {
			return f.value
		}
	}
	return rest
}

// partOf returns the part of a key that names its block, with the dot behind it,
// since 1 is a part of 10: what goes before the first number in it and the number,
// or its first part. It is "" for keys of other parts of a model.
func partOf(l *block.Layout, key string) string {
	name := bare(l, key)
	f := strings.Split(name, ".")
	switch {
	case len(f) < 2:
		return ""
	case l.Part(key) == block.TextEncoder && f[0] == "text_encoders":
		return f[0] + "." + f[1] + "."
	case l.Part(key) != block.UNet:
		return ""
	}
	prefix := ""
	if l.Network() == block.UNet.String() {
		prefix, f = unetPrefix, f[2:]
		switch f[0] {
		case "middle_block", "time_embed", "label_emb", "out": // one block
			return prefix + f[0] + "."
		}
	}
	for i := 1; i < len(f)-1; i++ {
		if _, err := strconv.ParseUint(f[i], 10, 16); err == nil {
			return prefix + strings.Join(f[:i+1], ".") + "."
		}
	}
	return prefix + f[0] + "."
}

const unetPrefix = "model.diffusion_model."

// bare returns what all files call a tensor: those of transformers often lack the
// prefix that single files have.
func bare(l *block.Layout, key string) string {
	if l.Network() == block.UNet.String() {
		return key
	}
	return strings.TrimPrefix(key, unetPrefix)
}
