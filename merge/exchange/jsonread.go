package exchange

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"

	"mixmatch/merge/block"
	"mixmatch/merge/recipe"
)

// readJSON reads the format "json". It refuses fields that are not known, and
// weights that are not those of the steps.
func readJSON(im *importer, text []byte) ([]recipe.Step, error) {
	top, err := unwrap(text)
	if err != nil {
		return nil, err
	}
	doc := fieldsOf(top)
	if format := doc.text("format"); doc.err == nil && format != jsonFormat {
		return nil, fmt.Errorf("format %q is not %q", format, jsonFormat)
	}
	arch, era, blocks := block.Arch(doc.text("arch")), block.Era(doc.text("era")), doc.texts("blocks")
	if doc.err != nil {
		return nil, doc.err
	}
	if arch == "" { // written without it once
		arch = block.SD1
		if len(blocks) == 20 {
			arch = block.SDXL
		}
		if im.given != nil {
			arch = im.given.Arch()
		}
		im.note("arch is missing: the recipe is taken as one for %s", arch)
	}
	if err := im.stated(arch, era); err != nil {
		return nil, err
	}
	if !slices.Equal(im.layout().Names(), blocks) {
		return nil, fmt.Errorf("blocks are not those of %v", im.layout())
	}
	var steps []recipe.Step
	for i, raw := range doc.list("steps") {
		s, err := jsonStepOf(fmt.Sprintf("steps[%d]", i), raw)
		if err != nil {
			return nil, err
		}
		steps = append(steps, s)
	}
	if len(steps) == 0 && doc.err == nil {
		doc.wrong("steps", doc.object["steps"], "a list of steps")
	}
	if doc.err != nil {
		return nil, doc.err
	}
	r, err := recipe.New(im.layout(), slices.Clone(steps))
	if err != nil {
		return nil, err
	}
	if err := firstOf(im.jsonSources(doc, "sources", r.Sources()), im.jsonSources(doc, "loras", r.Differences())); err != nil {
		return nil, err
	}
	if err := jsonWeights(doc, r); err != nil {
		return nil, err
	}
	if vae := doc.text("vae"); vae != "" {
		im.note("the result has the VAE of %s", vae)
	}
	return steps, doc.strict("")
}

// strict returns the first error, and one for a field that nothing has read.
func (f *fields) strict(where string) error {
	for _, name := range slices.Sorted(maps.Keys(f.object)) {
		if !f.read[name] && f.err == nil {
			f.err = fmt.Errorf("%s%.60q is no field that is known", where, name)
		}
	}
	return f.err
}

// jsonStepOf reads a step.
func jsonStepOf(where string, raw json.RawMessage) (s recipe.Step, err error) {
	o, err := unwrap(raw)
	if err != nil {
		return s, fmt.Errorf("%s: %w", where, err)
	}
	f := fieldsOf(o)
	mode := f.text("mode")
	s.A, s.B, s.C, s.Out = f.text("a"), f.text("b"), f.text("c"), f.text("out")
	lora := f.text("lora")
	switch {
	case f.err != nil:
	case mode == recipe.AddLoRA.String():
		s.Mode = recipe.AddLoRA
		if s.B != "" {
			f.err = fmt.Errorf("b is %.60q, and %v has a lora in its place", s.B, s.Mode)
		}
		s.B = lora
	default:
		if s.Mode, f.err = parseMode(mode); lora != "" && f.err == nil {
			f.err = fmt.Errorf("lora is %.60q, and %v has none", lora, s.Mode)
		}
	}
	if s.C != "" && !s.Mode.HasC() && f.err == nil {
		f.err = fmt.Errorf("c is %.60q, and %v has no third model", s.C, s.Mode)
	}
	s.Alpha = f.ratios("alpha")
	if f.has("beta") {
		if s.Beta = f.ratios("beta"); !s.Mode.HasBeta() && f.err == nil {
			f.err = fmt.Errorf("beta is given, and %v has none", s.Mode)
		}
	}
	if err := f.strict(""); err != nil {
		return s, fmt.Errorf("%s: %w", where, err)
	}
	return s, nil
}

// ratios returns a field that is a row of ratios.
func (f *fields) ratios(name string) (row recipe.Row) {
	list := f.list(name)
	if list == nil {
		f.wrong(name, f.object[name], "a list of ratios")
	}
	for i, raw := range list {
		where := fmt.Sprintf("%s[%d]", name, i)
		if describe(raw) != "an object" {
			row = append(row, recipe.Ratio{Value: f.numberOf(where, raw) + 0}) // -0 is 0
			continue
		}
		row = append(row, f.hole(where, raw))
	}
	return row
}

// hole reads a ratio that is open.
func (f *fields) hole(where string, raw json.RawMessage) recipe.Ratio {
	o, err := unwrap(raw)
	hole := fieldsOf(o)
	lo, hi := recipe.DefaultLo, recipe.DefaultHi
	if hole.has("lo") {
		lo = hole.number("lo")
	}
	if hole.has("hi") {
		hi = hole.number("hi")
	}
	kind := recipe.Own
	switch open := hole.text("open"); {
	case open == "shared":
		kind = recipe.Shared
	case open != "own" && hole.err == nil:
		hole.err = fmt.Errorf(`open is %.60q; "own" or "shared" is known`, open)
	}
	if err == nil {
		err = hole.strict("")
	}
	if err != nil && f.err == nil {
		f.err = fmt.Errorf("%s: %w", where, err)
	}
	return recipe.Open(kind, lo+0, hi+0)
}

// jsonSources checks what a list says of the files with these names.
func (im *importer) jsonSources(doc *fields, list string, names []string) error {
	for i, raw := range doc.list(list) {
		where := fmt.Sprintf("%s[%d]", list, i)
		o, err := unwrap(raw)
		if err != nil {
			return fmt.Errorf("%s: %w", where, err)
		}
		f := fieldsOf(o)
		name := f.text("name")
		f.text("file")
		f.text("sha256")
		if err := f.strict(""); err != nil {
			return fmt.Errorf("%s: %w", where, err)
		}
		if !slices.Contains(names, name) {
			im.note("%s is %.60q, which no step takes", where, name)
		}
	}
	return doc.err
}

// jsonWeights checks that the weights, if there are any, are those of the steps.
func jsonWeights(doc *fields, r *recipe.Recipe) error {
	if !doc.has("weights") {
		return doc.err
	}
	all, err := unwrap(doc.object["weights"])
	if err != nil {
		return fmt.Errorf("weights: %w", err)
	}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		raw := all[name]
		id, ok := r.Layout.Index(name)
		o, err := unwrap(raw)
		if err != nil || !ok {
			return fmt.Errorf("weights: %.60q is no block with its weights", name)
		}
		f := fieldsOf(o)
		flat := r.Flatten(id)
		for _, n := range slices.Sorted(maps.Keys(o)) {
			v := f.number(n)
			var want float64
			if flat[n] != nil {
				want, _ = flat[n].Float64()
			}
			if f.err == nil && math.Abs(v-want) > 1e-9*max(1, math.Abs(want)) {
				f.err = fmt.Errorf("the weight of %.60q in %s is %v, and the steps make it %v", n, name, v, want)
			}
		}
		for _, n := range slices.Sorted(maps.Keys(flat)) {
			if _, ok := o[n]; !ok && f.err == nil {
				f.err = fmt.Errorf("the weight of %.60q in %s is missing", n, name)
			}
		}
		if f.err != nil {
			return fmt.Errorf("weights: %w", f.err)
		}
	}
	return doc.err
}
