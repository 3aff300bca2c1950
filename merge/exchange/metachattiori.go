package exchange

import (
	"fmt"
	"strings"

	"mixmatch/merge/recipe"
)

// chattiori reads a merge of Chattiori-Model-Merger. It tells ratios to three
// decimals, in later versions in full too.
func (m *metaReader) chattiori(f *fields, out string) error {
	var s recipe.Step
	var err error
	method := f.text("merge_method")
	if f.err != nil {
		return f.err
	}
	if s.Mode, err = parseMode(strings.Replace(method, "Weighted Sum", "Weight sum", 1)); err != nil || s.Mode > recipe.SumTwice {
		return cannot("the merge_method %.60q", method)
	}
	if calc := f.text("calculation"); calc != "" {
		return cannot("the calculation %.60q", calc)
	}
	ratio := func(name string) (string, error) {
		if f.has(name) {
			list := f.numbers(name + "_weights")
			if blocks, ok := f.flag("block_weights"); len(list) == 0 && blocks {
				f.wrong(name+"_weights", f.object[name+"_weights"], "a list of weights, though block_weights is true")
			} else if len(list) == 0 && !ok {
				m.note("%s_weights is empty: %s is taken for all blocks", name, name)
			}
			if !f.empty(name + "_deep") {
				return "", cannot("an elemental merge")
			}
			row := join(append([]float64{f.number(name)}, list...))
			if info, err := chattioriInfo(f.text(name + "_info")); err == nil && info != "" && f.err == nil {
				if !strings.Contains(info, ",") { // of blocks it tells the first
					row = decimal(f.number(name))
				}
				m.agree(f, name, row, name+"_info", info, rounded)
			}
			return join(append([]float64{f.number(name)}, list...)), f.err
		}
		info := f.text(name + "_info")
		if !f.empty(name + "_weights") {
			f.wrong(name, f.object[name], "a number")
		}
		if f.err != nil {
			return "", f.err
		}
		if info == "" {
			return "", fmt.Errorf("%s_info is missing", name)
		}
		m.note("its ratios are rounded to three decimals")
		return chattioriInfo(info)
	}
	alpha, err := ratio("alpha")
	if err != nil {
		return err
	}
	beta := ""
	if s.Mode.HasBeta() {
		if beta, err = ratio("beta"); err != nil {
			return err
		}
	}
	if raw := f.object["bake_in_vae"]; describe(raw) == "false" || !f.has("bake_in_vae") {
		m.note("the VAE is model A's")
	} else {
		m.note("it has the VAE %.60s", f.text("bake_in_vae"))
	}
	for _, n := range []string{"alpha", "beta"} {
		f.skip(n, n+"_info", n+"_weights", n+"_deep")
	}
	f.skip("block_weights", "save_as_half", "fp", "pruned")
	return m.add(&s, f, [3]string{"primary_model_hash", "secondary_model_hash", "tertiary_model_hash"}, alpha, beta, out, f.text("output_name"))
}

// chattioriInfo reads 0.3, or 0.3,[[0.1, 0.2],[None]], where what follows the
// list is elemental.
func chattioriInfo(s string) (string, error) {
	if strings.HasPrefix(s, "preset:") {
		_, s, _ = strings.Cut(s, "],")
	}
	base, rest, ok := strings.Cut(s, ",[[")
	if !ok {
		return s, nil
	}
	list, deep, ok := strings.Cut(rest, "],[")
	if deep = strings.Trim(deep, "[] "); !ok || deep != "None" && deep != "" {
		return "", cannot("an elemental merge")
	}
	return base + "," + list, nil
}
