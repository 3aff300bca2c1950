package exchange

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"mixmatch/merge/recipe"
)

// webui reads a merge of the web UI's checkpoint merger.
func (m *metaReader) webui(rec object, out string) error {
	var s recipe.Step
	switch method := rec.text("interp_method"); method {
	case "Weighted sum":
	case "Add difference":
		s.Mode = recipe.AddDifference
	default:
		return cannot("the method %.60q", method)
	}
	v, ok := rec.number("multiplier")
	if !ok {
		return errors.New("no multiplier")
	}
	if vae := rec.text("bake_in_vae"); vae != "" && vae != "None" {
		m.note("it has the VAE %s", vae)
	}
	if d := rec.text("discard_weights"); d != "" {
		m.note("tensors whose names fit %.80q were thrown away", d)
	}
	return m.finish(&s, rec, [3]string{"primary_model_hash", "secondary_model_hash", "tertiary_model_hash"}, decimal(v), "", out, rec.text("custom_name"))
}

// finish reads the rows and models of a step, and appends it.
func (m *metaReader) finish(s *recipe.Step, rec object, fields [3]string, alpha, beta, out, told string) (err error) {
	if s.Alpha, err = m.row(alpha); err != nil {
		return err
	}
	if s.Mode.HasBeta() {
		if s.Beta, err = m.row(beta); err != nil {
			return err
		}
	}
	if err = m.operands(s, rec, fields[0], fields[1], fields[2]); err != nil {
		return err
	}
	s.Out = m.result(out, told)
	m.steps = append(m.steps, *s)
	return nil
}

// superMerger reads a merge of SuperMerger.
func (m *metaReader) superMerger(rec object, out string) error {
	var s recipe.Step
	var err error
	if s.Mode, err = parseMode(rec.text("mode")); err != nil {
		return err
	}
	if calc := rec.text("calcmode"); calc != "" && calc != "normal" {
		return cannot("the calculation mode %.60q", calc)
	}
	if !rec.empty("elemental_merge") {
		return cannot("an elemental merge")
	}
	for _, kind := range []string{"Include", "Exclude"} { // the key is the setting
		if !rec.empty(kind) {
			return cannot("the setting %s of blocks", kind)
		}
	}
	alpha, beta := m.weights(rec, "alpha"), ""
	if s.Mode.HasBeta() {
		beta = m.weights(rec, "beta")
	}
	return m.finish(&s, rec, [3]string{"model_a", "model_b", "model_c"}, alpha, beta, out, "")
}

// weights returns a row of SuperMerger's: the text in its box if that is
// numbers or a preset that is known, the list without BASE, or the slider.
func (m *metaReader) weights(rec object, name string) string {
	var mbw bool
	_ = json.Unmarshal(rec["mbw"], &mbw)
	base, _ := rec.number("base_" + name)
	if !mbw {
		return decimal(base)
	}
	for _, text := range []string{rec.text("weights_" + name + "_orig"), rec.text("weights_" + name)} {
		if row, ok := m.opt.Presets[strings.TrimSpace(text)]; ok {
			return recipe.Vector(row)
		}
		if strings.Contains(text, ",") {
			if _, err := m.row(text); err == nil {
				return text
			}
		}
	}
	var list []float64
	if json.Unmarshal(rec["weights_"+name], &list) != nil || len(list) == 0 {
		return decimal(base)
	}
	return join(append([]float64{base}, list...))
}

func join(v []float64) string {
	s := make([]string, len(v))
	for i, x := range v {
		s[i] = decimal(x)
	}
	return strings.Join(s, ",")
}

// chattiori reads a merge of Chattiori-Model-Merger. It tells ratios to three
// decimals, in later versions in full too.
func (m *metaReader) chattiori(rec object, out string) error {
	var s recipe.Step
	var err error
	if s.Mode, err = parseMode(strings.Replace(rec.text("merge_method"), "Weighted Sum", "Weight sum", 1)); err != nil {
		return cannot("the method %.60q", rec.text("merge_method"))
	}
	if calc := rec.text("calculation"); calc != "" {
		return cannot("the calculation %.60q", calc)
	}
	ratio := func(name string) (string, error) {
		base, ok := rec.number(name)
		var list []float64
		if ok && json.Unmarshal(rec[name+"_weights"], &list) == nil {
			if !rec.empty(name + "_deep") {
				return "", cannot("an elemental merge")
			}
			if len(list) == 0 {
				return decimal(base), nil
			}
			return join(append([]float64{base}, list...)), nil
		}
		m.note("its ratios are rounded to three decimals")
		return chattioriInfo(rec.text(name + "_info"))
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
	m.note("the VAE is model A's")
	return m.finish(&s, rec, [3]string{"primary_model_hash", "secondary_model_hash", "tertiary_model_hash"}, alpha, beta, out, rec.text("output_name"))
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

// mixer reads a chain of sd-webui-model-mixer.
func (m *metaReader) mixer(rec object, out string) error {
	var modes []string
	var alphas []float64
	var weights []json.RawMessage
	if err := json.Unmarshal(rec["mode"], &modes); err != nil || len(modes) == 0 {
		return errors.New("no list of modes")
	}
	_ = json.Unmarshal(rec["alpha"], &alphas)
	_ = json.Unmarshal(rec["weights_alpha"], &weights)
	var calcs []string
	_ = json.Unmarshal(rec["calcmode"], &calcs)
	for _, c := range calcs {
		if !strings.EqualFold(c, "normal") {
			return cannot("the calculation mode %.60q", c)
		}
	}
	used := mixerRatios(rec.text("recipe"), len(modes))
	letters := make([]string, len(modes))
	for i := range letters {
		letters[i] = "model_" + string(rune('b'+i))
	}
	m.note("the model mixer keeps time_embed and the VAE of model A where it uses a vector")
	return m.chain(rec, out, letters, "base_model", func(i int) (recipe.Mode, recipe.Row, error) {
		mode := recipe.AddDifference
		if strings.Contains(modes[i], "Sum") {
			mode = recipe.WeightSum
		} else if modes[i] != "Add-Diff" {
			return 0, nil, cannot("the mode %.60q", modes[i])
		}
		var text string
		var list []float64
		switch {
		case i < len(used):
			text = used[i]
		case i < len(weights) && json.Unmarshal(weights[i], &list) == nil && slices.ContainsFunc(list, func(v float64) bool { return v != 0 }):
			text = join(list)
		case i < len(alphas):
			text = decimal(alphas[i])
		}
		row, err := m.row(text)
		return mode, row, err
	})
}

// mixerRatios returns the n parentheses at the end of the model mixer's
// formula, which hold the ratios that were used. What is set to adjust the
// result stands behind an @.
func mixerRatios(s string, n int) []string {
	s, _, _ = strings.Cut(s, "@")
	var list []string
	for range n {
		at := strings.LastIndex(s, "(")
		if at < 0 || !strings.HasSuffix(s, ")") || strings.Trim(s[at+1:len(s)-1], "0123456789.,-+e") != "" {
			return nil
		}
		list = append(list, s[at+1:len(s)-1])
		s = strings.TrimSuffix(s[:at], ",")
	}
	slices.Reverse(list)
	return list
}

// chain appends steps each of which takes the one before as its model A. The
// models go by file names.
func (m *metaReader) chain(rec object, out string, letters []string, base string, step func(i int) (recipe.Mode, recipe.Row, error)) error {
	last := m.file(rec.text("model_a"))
	first := len(m.steps)
	for i, letter := range letters {
		var s recipe.Step
		var err error
		if s.Mode, s.Alpha, err = step(i); err != nil {
			return err
		}
		s.A, s.B = last, m.file(rec.text(letter))
		if s.Mode.HasC() {
			s.C = m.file(rec.text(base))
		}
		if slices.Contains(s.Operands(), "") {
			return fmt.Errorf("step %d lacks a model", i+1)
		}
		m.steps = append(m.steps, s)
		last = fmt.Sprintf("\x00%d", i)
	}
	for i := range m.steps[first:] {
		s := &m.steps[first+i]
		if i > 0 {
			s.A = m.steps[first+i-1].Out
		}
		if i == len(letters)-1 {
			s.Out = m.result(out, "")
		} else {
			s.Out = unused(m.taken)
		}
	}
	return nil
}

// file returns the name of a model that goes by its file's name.
func (m *metaReader) file(name string) string {
	if name == "" {
		return ""
	}
	n := recipe.NameOf(name)
	m.taken[n] = true
	return n
}
