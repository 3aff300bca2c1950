package exchange

import (
	"fmt"
	"math"
	"strings"

	"mixmatch/merge/block"
	"mixmatch/merge/recipe"
)

// webui reads a merge of the web UI's checkpoint merger.
func (m *metaReader) webui(f *fields, out string) error {
	var s recipe.Step
	switch method := f.text("interp_method"); {
	case f.err != nil:
		return f.err
	case method == "Weighted sum":
	case method == "Add difference":
		s.Mode = recipe.AddDifference
	default:
		return cannot("the interp_method %.60q", method)
	}
	multiplier := decimal(f.number("multiplier"))
	told := f.text("custom_name")
	if vae := f.text("bake_in_vae"); vae != "" && vae != "None" {
		m.note("it has the VAE %s", vae)
	}
	if d := f.text("discard_weights"); d != "" {
		m.note("tensors whose names fit %.80q were thrown away", d)
	}
	for _, kind := range []string{"is_inpainting", "is_instruct_pix2pix"} {
		if is, _ := f.flag(kind); is {
			m.note("%s: channels that the other models lack are model A's", kind)
		}
	}
	f.skip("save_as_half", "config_source")
	return m.add(&s, f, [3]string{"primary_model_hash", "secondary_model_hash", "tertiary_model_hash"}, multiplier, "", out, told)
}

// add reads the rows and models of a step, and appends it.
func (m *metaReader) add(s *recipe.Step, f *fields, names [3]string, alpha, beta, out, told string) (err error) {
	if f.err != nil {
		return f.err
	}
	if s.Alpha, err = m.row(alpha); err != nil {
		return err
	}
	if s.HasBeta() {
		if s.Beta, err = m.row(beta); err != nil {
			return err
		}
	}
	if err = m.operands(s, f, names); err != nil {
		return err
	}
	if err = f.finish(m.importer); err != nil {
		return err
	}
	s.Out = m.result(out, told)
	m.steps = append(m.steps, *s)
	return nil
}

// superMerger reads a merge of SuperMerger.
func (m *metaReader) superMerger(f *fields, out string) error {
	var s recipe.Step
	var err error
	mode := f.text("mode")
	if f.err != nil {
		return f.err
	}
	if s.Mode, err = parseMode(mode); err != nil {
		return err
	}
	if _, ok := f.object["elemental_merge"]; !ok {
		m.note("elemental_merge is missing: the merge is taken as one without")
	}
	switch calc := f.text("calcmode"); calc {
	case "normal":
	case "":
		m.note("calcmode is missing: the merge is taken as a normal one")
	default:
		if m.nested() || calc == "extract" { // whose gamma is not told
			return cannot("the calculation mode %.60q", calc)
		}
		s.Calc = calc
	}
	if !f.empty("elemental_merge") {
		return cannot("an elemental merge")
	}
	for _, kind := range []string{"Include", "Exclude"} { // the key is the setting
		if !f.empty(kind) {
			return cannot("the setting %s of blocks", kind)
		}
	}
	f.skip("Off")
	alpha, beta := m.weights(f, "alpha"), ""
	if s.HasBeta() {
		beta = m.weights(f, "beta")
	}
	for _, name := range []string{"weights_beta", "weights_beta_orig", "base_beta", "weights_alpha", "weights_alpha_orig"} {
		f.skip(name) // not used in all modes
	}
	return m.add(&s, f, [3]string{"model_a", "model_b", "model_c"}, alpha, beta, out, "")
}

// weights returns a row of SuperMerger's: the slider, or with block weights the
// text in its box if that is numbers or a preset that is known, and else the
// list. What is told twice must be the same.
func (m *metaReader) weights(f *fields, name string) string {
	mbw, ok := f.flag("mbw")
	if !ok {
		f.wrong("mbw", f.object["mbw"], "true or false")
	}
	base := f.number("base_" + name)
	if f.err != nil || !mbw {
		for _, field := range []string{"weights_" + name, "weights_" + name + "_orig"} {
			if !f.empty(field) {
				m.note("%s is not used, since mbw is false", field)
			}
		}
		return decimal(base)
	}
	field, typed := "weights_"+name, ""
	texts := []string{f.text(field + "_orig")}
	var lists []string
	if describe(f.object[field]) == "a list" {
		lists = m.withBase(base, f.numbers(field))
	} else {
		texts = append(texts, f.text(field)) // the box as it is
	}
	for _, text := range texts {
		if row, ok := m.opt.Presets[strings.TrimSpace(text)]; ok && typed == "" {
			typed = recipe.Vector(row)
		}
		if _, err := m.row(text); err == nil && strings.Contains(text, ",") && typed == "" {
			typed = text
		}
	}
	switch {
	case f.err != nil:
	case typed == "" && len(lists) == 0:
		f.wrong(field, f.object[field], "the weights of blocks, though mbw is true")
	case typed == "":
		m.agree(f, field, lists[0], "another reading of it, with BASE in front or a 0 for the VAE at the end,", lists[len(lists)-1], 0)
		return lists[0]
	case len(lists) > 0:
		list := lists[0]
		for _, other := range lists[1:] {
			if check := fieldsOf(nil); m.agree(check, "", other, "", typed, exactly) {
				list = other
			}
		}
		m.agree(f, field, list, field+"_orig", typed, exactly)
	}
	return typed
}

// withBase returns what a list of SuperMerger's weights may mean. It lacks BASE;
// for SDXL a 0 for the unused VAE stands at its end. Since 2025-11-27 it is all
// of the vector (mergers.py:661-699).
func (m *metaReader) withBase(base float64, list []float64) (readings []string) {
	n := m.layout().Len()
	whole := append([]float64{base}, list...)
	if len(whole) == n+1 {
		if m.layout().Arch() == block.SDXL && whole[n] == 0 {
			readings = append(readings, join(whole[:n]))
		}
		if math.Abs(base-list[0]) <= exactly {
			readings = append(readings, join(list))
		}
	}
	if len(readings) == 0 && len(list) > 0 {
		readings = append(readings, join(whole))
	}
	return readings
}

// How far ratios may differ that say the same: those written in full, and those
// with three decimals.
const (
	exactly = 1e-9
	rounded = 0.0006
)

// agree reports whether two fields tell the same ratios, and keeps the error if
// not.
func (im *importer) agree(f *fields, a, x, b, y string, tolerance float64) bool {
	one, err1 := im.row(x)
	other, err2 := im.row(y)
	switch {
	case f.err != nil:
	case err1 != nil:
		f.err = fmt.Errorf("%s: %w", a, err1)
	case err2 != nil:
		f.err = fmt.Errorf("%s: %w", b, err2)
	}
	for id := range im.layout().Blocks().All() {
		if f.err == nil && math.Abs(one[id].Value-other[id].Value) > tolerance {
			f.err = fmt.Errorf("%s and %s differ in %s: %s and %s", a, b, im.layout().Name(id), decimal(one[id].Value), decimal(other[id].Value))
		}
	}
	return f.err == nil
}

func join(v []float64) string {
	s := make([]string, len(v))
	for i, x := range v {
		s[i] = decimal(x)
	}
	return strings.Join(s, ",")
}
