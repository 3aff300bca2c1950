package exchange

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"mixmatch/merge/block"
	"mixmatch/merge/recipe"
)

// own reads what this program writes: notation, whose names are as good as the
// digests beside it.
func (m *metaReader) own(f *fields, out string) error {
	text := f.text("recipe")
	arch, era := block.Arch(f.text("arch")), block.Era(f.text("era"))
	sources := fieldsOf(object{})
	if f.has("sources") {
		o, err := unwrap(f.object["sources"])
		if err != nil {
			return fmt.Errorf("sources: %w", err)
		}
		sources = fieldsOf(o)
	} else {
		m.note("there are no sources in it: which files the models are is not told")
	}
	if err := f.finish(m.importer); err != nil {
		return err
	}
	if text == "" {
		return errors.New("recipe is missing")
	}
	if arch == "" { // not written once
		arch = m.guessArch(text)
		m.note("arch is missing: the recipe is taken as one for %s", arch)
	}
	if known := block.ErasOf(arch); era == "" && known != nil {
		era = known[0]
		m.note("era is missing: the recipe is taken as one for %s", era)
	}
	if err := m.stated(arch, era); err != nil {
		return err
	}
	r, err := recipe.Parse(m.layout(), text, recipe.Options{Note: func(s string) { m.note("%s", s) }})
	if err != nil {
		return err
	}
	digests := map[string]string{} // by name
	for _, n := range append(r.Sources(), r.Differences()...) {
		if digests[n] = sources.text(n); digests[n] == "" && len(m.models) > 0 {
			m.note("the sha256 of %s is not told", n)
		}
	}
	if sources.err != nil {
		return fmt.Errorf("sources: %w", sources.err)
	}
	for _, n := range slices.Sorted(maps.Keys(sources.object)) {
		if _, ok := digests[n]; !ok {
			m.note("sources has %.60q, which no step takes", n)
		}
	}
	nested := m.nested() // a parent's names are its own
	to := map[string]string{}
	for i := range r.Steps {
		n := r.Steps[i].Out
		to[n] = n
		if nested {
			to[n] = unused(m.taken)
		}
		m.taken[to[n]] = true
	}
	if out != "" {
		to[r.Result()] = out
	}
	names := append(r.Sources(), r.Differences()...)
	for _, n := range names {
		to[n] = n
		if _, ok := m.known[digests[n]]; !ok && !nested && digests[n] != "" {
			m.known[digests[n]] = n
		}
	}
	for _, n := range names {
		if sha := digests[n]; sha != "" {
			to[n] = m.model(sha)
		}
	}
	for _, s := range r.Steps {
		for _, n := range []*string{&s.A, &s.B, &s.C, &s.Out} {
			*n = to[*n]
		}
		m.steps = append(m.steps, s)
	}
	return nil
}

// guessArch tells the architecture from the length of a recipe's vectors.
func (m *metaReader) guessArch(text string) block.Arch {
	if m.given != nil {
		return m.given.Arch()
	}
	for line := range strings.Lines(text) {
		if strings.Count(line, ",") == 19 {
			return block.SDXL
		}
	}
	return block.SD1
}
