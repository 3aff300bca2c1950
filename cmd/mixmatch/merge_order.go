package main

import (
	"errors"
	"fmt"
	"slices"

	"github.com/urfave/cli/v2"

	"mixmatch/merge"
	"mixmatch/merge/block"
	"mixmatch/merge/recipe"
	"mixmatch/studies"
)

// recipeOrder reads a recipe from a file.
func recipeOrder(c *cli.Context, path string) (*order, error) {
	d, err := readRecipe(c, path)
	if err != nil {
		return nil, err
	}
	args, err := recipeSources(c, path, d)
	if err != nil {
		return nil, err
	}
	sources, err := openSources(c, args)
	if err != nil {
		return nil, err
	}
	o := &order{sources: sources, vae: c.String("vae")}
	for i, m := range sources {
		for _, other := range sources[:i] {
			if other.Name == m.Name {
				closeAll(sources)
				return nil, usage("merge: two models are called %s; rename one with --source NAME=PATH", m.Name)
			}
		}
	}
	era := block.Era(c.String("era"))
	if era == "" {
		era = block.Era(c.String("compat"))
	}
	first := slices.IndexFunc(sources, func(m *merge.Model) bool { return !m.Difference })
	if first < 0 {
		closeAll(sources)
		return nil, usage("merge: all sources are LoRAs: name the models of the recipe, too")
	}
	arch := sources[first].Kind.Arch
	if era == "" || !c.IsSet("era") && !slices.Contains(block.ErasOf(arch), era) {
		era = block.ErasOf(arch)[0] // --compat alone says whose arithmetic is meant
	}
	l, err := block.For(arch, era)
	if err == nil {
		o.recipe, err = recipe.Parse(l, d.text, recipe.Options{Result: c.String("result")})
	}
	if err == nil {
		if err = o.recipe.Resolve(modelNames(sources)); errors.Is(err, recipe.ErrUnknown) {
			err = fmt.Errorf("%w; name each with --source NAME=PATH, or a folder that has them with --models", err)
		}
	}
	if err != nil {
		closeAll(sources)
		return nil, usage("%s: %w", path, err)
	}
	// What is given but not in the recipe is neither read nor mentioned in the
	// metadata.
	used := append(o.recipe.Program().Names(), o.vae)
	o.sources = slices.DeleteFunc(sources, func(m *merge.Model) bool {
		if slices.Contains(used, m.Name) {
			return false
		}
		say(c, "%s is not in the recipe: it takes no part", m.Name)
		m.Close()
		return true
	})
	return o, nil
}

func modelNames(models []*merge.Model) []string {
	var names []string
	for _, m := range models {
		names = append(names, m.Name)
	}
	return names
}

// studyOrder takes the recipe, the models and the VAE from a study.
func studyOrder(c *cli.Context, dir string) (*order, error) {
	if c.String("era") != "" || c.String("result") != "" {
		return nil, usage("merge: a study knows its era and result; these flags go with a RECIPE file")
	}
	sum, err := studies.ReadSummary(dir)
	if err != nil {
		return nil, err
	}
	r, err := aimed(c, dir, sum)
	if err != nil {
		return nil, err
	}
	files, err := openFiles(c, dir)
	if err != nil {
		return nil, err
	}
	if err := locate(c, files); err != nil {
		return nil, err
	}
	o := &order{recipe: r, study: sum, files: files}
	switch v := sum.VAE; {
	case v.Same:
		o.vae = v.Source
	case v.Source != "" && !v.Blended:
		o.notes = append(o.notes, "the target's VAE is of none of the sources: blended with the BASE ratios, as SuperMerger does; --vae NAME copies one")
	}
	if v := c.String("vae"); v != "" {
		o.vae = v
	}
	used := r.Program().Names()
	for _, name := range files.Names() {
		if !slices.Contains(used, name) && name != o.vae {
			continue
		}
		m, err := files.Source(c.Context, name)
		if err != nil {
			closeAll(o.sources)
			return nil, err
		}
		o.sources = append(o.sources, m)
	}
	return o, nil
}
