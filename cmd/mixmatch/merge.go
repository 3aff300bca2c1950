package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"

	"github.com/urfave/cli/v2"

	"mixmatch/merge"
	"mixmatch/merge/block"
	"mixmatch/merge/checkpoint"
	"mixmatch/merge/recipe"
	"mixmatch/similarity"
	"mixmatch/studies"
)

const mergeHelp = `Makes the model of a recipe. A STUDY knows its models; for a RECIPE in a file, in
SuperMerger's notation, name them with --source.

   mixmatch merge evo -o rebuilt.safetensors --verify
   mixmatch merge steps.txt -o out.safetensors --source A.safetensors --source B=other.safetensors

The steps are computed in one pass and rounded once, a few megabytes at a time.
With --compat they are executed one after the other instead, as SuperMerger did at
that time, each step's model with the roundings of a saved file; so are recipes that
no weights describe (calculation modes, elemental merges). docs/merging.md tells more.
As in SuperMerger, BASE is the text encoder and the VAE: the VAE is blended with
the BASE ratio, unless --vae names a model to copy it from. A study copies the VAE
it recognised. ` + exitCodes

func mergeCommand() *cli.Command {
	return &cli.Command{
		Name: "merge", Usage: "make the model of a recipe or a study", ArgsUsage: "RECIPE|STUDY", Description: mergeHelp,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "the `FILE` to write"},
			&cli.StringSliceFlag{Name: "source", Usage: "a model of the recipe (`[NAME=]PATH`)"},
			aimFlag(),
			&cli.StringFlag{Name: "dtype", Usage: "fp16, bf16 or fp32 (default: as in model A)"},
			&cli.StringFlag{Name: "vae", Usage: "copy the VAE of this source, or \"merge\" to blend it"},
			&cli.StringFlag{Name: "era", Usage: "block map for a RECIPE: " + join(block.Eras()) + " (default: that of --compat, or the first)"},
			&cli.StringFlag{Name: "compat", Usage: "execute step by step as SuperMerger of `ERA` did: " + join(compats())},
			&cli.BoolFlag{Name: "fused", Usage: "compute all steps in one go, rounding once (default, if the recipe is linear)"},
			&cli.StringFlag{Name: "result", Usage: "the model of the RECIPE to make (default: the last)"},
			&cli.BoolFlag{Name: "force", Usage: "replace FILE if it exists"},
			&cli.BoolFlag{Name: "allow-inf", Usage: "write values that are too large for the dtype as infinity"},
			&cli.BoolFlag{Name: "no-hash", Usage: "leave the sources' hashes out of the metadata; saves reading them once more"},
			&cli.BoolFlag{Name: "verify", Usage: "measure the file against the study's target afterwards"},
			&cli.BoolFlag{Name: "quiet", Aliases: []string{"q"}, Usage: "print nothing but the result"},
		},
		Action: mergeAction,
	}
}

// dtypes are the number formats that can be written; "" is for the default.
var dtypes = map[string]checkpoint.DType{"": "", "fp16": checkpoint.F16, "bf16": checkpoint.BF16, "fp32": checkpoint.F32}

// compats are the eras whose arithmetic is known.
func compats() []block.Era { return []block.Era{block.SM2025, block.SM2023} }

// compat returns the era of --compat, "" for none.
func compat(c *cli.Context) (block.Era, error) {
	era := block.Era(c.String("compat"))
	switch {
	case era == "":
		return "", nil
	case !slices.Contains(compats(), era):
		return "", usage("merge: --compat %s: choose %s", era, join(compats()))
	case c.Bool("fused"):
		return "", usage("merge: --fused computes all steps in one go, and --compat one after the other; choose one")
	}
	return era, nil
}

// An order is what is to be merged.
type order struct {
	sources []*merge.Model
	recipe  *recipe.Recipe
	vae     string           // "" to blend
	study   *studies.Summary // nil for a recipe
	target  *studies.Input   // nil for a recipe
	notes   []string
}

func mergeAction(c *cli.Context) error {
	what, err := one(c, "RECIPE or STUDY")
	if err != nil {
		return err
	}
	out := c.String("output")
	if out == "" {
		return usage("merge: name the file to write with -o")
	}
	dtype, ok := dtypes[c.String("dtype")]
	if !ok {
		return usage("merge: no dtype %q: choose fp16, bf16 or fp32", c.String("dtype"))
	}
	like, err := compat(c)
	if err != nil {
		return err
	}
	var o *order
	switch info, err := os.Stat(what); {
	case errors.Is(err, fs.ErrNotExist):
		return usage("merge: there is no recipe and no study called %s", what)
	case err != nil:
		return err
	case c.Bool("verify") && c.String("aim") == studies.Surely:
		return usage("merge: --verify compares with the similarity of the whole recipe: leave out --aim")
	case c.Bool("verify") && !info.IsDir():
		return usage("merge: --verify needs a study, which knows its target")
	case info.IsDir():
		o, err = studyOrder(c, what)
		if err != nil {
			return err
		}
	case c.IsSet("aim"):
		return usage("merge: --aim is for a study, which knows what is sure; a RECIPE is made as it stands")
	default:
		o, err = recipeOrder(c, what)
		if err != nil {
			return err
		}
	}
	defer func() { closeAll(o.sources) }()
	for _, m := range o.sources {
		if merge.SameFile(out, m.File.Path()) && !c.Bool("force") {
			return usage("merge: %s is a source of the merge; choose another name, or --force to replace it", out)
		}
	}
	if c.Bool("verify") {
		t, err := o.target.Open()
		if err != nil {
			return err
		}
		t.Close()
	}
	// What is wrong with the output shows now, not after minutes of hashing.
	w, err := checkpoint.Create(out, nil, nil, c.Bool("force"))
	if err != nil {
		return err
	}
	w.Abort()
	if !o.recipe.Linear() {
		if c.Bool("fused") {
			return usage("merge: --fused cannot be: the recipe is not linear (it has calculation modes, or ratios for single keys)")
		}
		if like == "" {
			if like = o.recipe.Layout.Era(); like == block.Mecha {
				like = block.SM2025
			}
			o.notes = append(o.notes, fmt.Sprintf("the recipe is not linear: executed step by step, as with --compat %s", like))
		}
	}
	newPool := merge.NewPool
	if like != "" {
		newPool = merge.NewLoosePool
	}
	pool, err := newPool(o.sources)
	if err != nil {
		return err
	}
	mix, err := merge.NewMix(pool, o.recipe)
	if err != nil {
		return usage("%w", err)
	}
	if like != "" {
		if err := mix.Executable(like); err != nil {
			return err
		}
	}
	if o.vae != "" && o.vae != "merge" {
		if mix.VAE = pool.Index(o.vae); mix.VAE < 0 {
			return usage("merge: --vae %s is none of the sources", o.vae)
		}
		if !pool.Models[mix.VAE].Has(block.VAE) {
			return usage("merge: --vae %s: that model has no VAE", o.vae)
		}
	}
	return o.make(c, pool, mix, out, dtype, like)
}

// recipeOrder reads a recipe from a file.
func recipeOrder(c *cli.Context, path string) (*order, error) {
	text, err := readRecipe(c, path)
	if err != nil {
		return nil, err
	}
	if len(c.StringSlice("source")) == 0 {
		return nil, usage("merge: name the models of the recipe with --source")
	}
	sources, err := openModels(c.StringSlice("source"))
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
	if era == "" {
		era = block.Eras()[0]
	}
	l, err := block.For(sources[0].Kind.Arch, era)
	if err == nil {
		o.recipe, err = recipe.Parse(l, text, recipe.Options{Result: c.String("result")})
	}
	if err == nil {
		err = o.recipe.Resolve(modelNames(sources))
	}
	if err != nil {
		closeAll(sources)
		return nil, usage("%s: %w", path, err)
	}
	// What is given but not in the recipe is neither read nor mentioned in the
	// metadata.
	used := append(o.recipe.Sources(), o.vae)
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
	if len(c.StringSlice("source")) > 0 || c.String("era") != "" || c.String("result") != "" {
		return nil, usage("merge: a study knows its sources, era and result; these flags go with a RECIPE file")
	}
	sum, err := studies.ReadSummary(dir)
	if err != nil {
		return nil, err
	}
	r, err := aimed(c, dir, sum)
	if err != nil {
		return nil, err
	}
	inputs, err := studies.Inputs(dir)
	if err != nil {
		return nil, err
	}
	target := inputs[len(inputs)-1]
	o := &order{recipe: r, study: sum, target: &target}
	switch v := sum.VAE; {
	case v.Same:
		o.vae = v.Source
	case v.Source != "" && !v.Blended:
		o.notes = append(o.notes, "the target's VAE is of none of the sources: blended with the BASE ratios, as SuperMerger does; --vae NAME copies one")
	}
	if v := c.String("vae"); v != "" {
		o.vae = v
	}
	used := r.Sources()
	for _, in := range inputs[:len(inputs)-1] {
		if !slices.Contains(used, in.Name) && in.Name != o.vae {
			continue
		}
		m, err := in.Open()
		if err != nil {
			closeAll(o.sources)
			return nil, err
		}
		o.sources = append(o.sources, m)
	}
	return o, nil
}

// make writes the model and says what it is.
func (o *order) make(c *cli.Context, pool *merge.Pool, mix *merge.Mix, out string, dtype checkpoint.DType, like block.Era) error {
	meter := newMeter(c)
	defer meter.end()
	hashes := map[string]merge.Hash{}
	if !c.Bool("no-hash") {
		for _, m := range o.sources {
			h, err := merge.HashFile(c.Context, m.File.Path(), func(done int64) { meter.to("hashing "+m.Name, done, m.File.Size(), true) })
			if err != nil {
				return stopped(c, err, out)
			}
			hashes[m.Name] = h
		}
	}
	meta, err := merge.Metadata(o.recipe.String(), mix.Layout, hashes)
	if err != nil {
		return err
	}
	saved, err := merge.Save(c.Context, pool, mix, out, merge.SaveOptions{
		DType: dtype, Metadata: meta, Force: c.Bool("force"), AllowInf: c.Bool("allow-inf"), Compat: like,
		Progress: func(done, total int64) { meter.to("merging", done, total, true) },
	})
	meter.end()
	if err != nil {
		return stopped(c, err, out)
	}
	for _, n := range append(saved.Notes, o.notes...) {
		say(c, "%s", n)
	}
	fmt.Fprintf(c.App.Writer, "%s: %d tensors merged, %d copied, %.1f MB\n", out, saved.Merged, saved.Copied, float64(saved.Bytes)/1e6)
	if saved.Inf > 0 {
		say(c, "%d values were too large and became infinite", saved.Inf)
	}
	if c.Bool("verify") {
		return o.verify(c, out)
	}
	return nil
}

func stopped(c *cli.Context, err error, out string) error {
	if errors.Is(err, context.Canceled) {
		say(c, "stopped; %s was not written", out)
		return silentError{err}
	}
	return err
}

// verify measures the file written against the study's target, and compares
// with what the study promised.
func (o *order) verify(c *cli.Context, out string) error {
	meter := newMeter(c)
	defer meter.end()
	made, err := merge.OpenModel(merge.NameOf(filepath.Base(out)), out)
	if err != nil {
		return err
	}
	defer made.Close()
	target, err := o.target.Open()
	if err != nil {
		return err
	}
	defer target.Close()
	pool, err := merge.NewPool([]*merge.Model{made})
	if err != nil {
		return err
	}
	g, err := similarity.Measure(c.Context, pool, target, 0, func(done, total int64) { meter.to("measuring", done, total, true) })
	if err != nil {
		return err
	}
	meter.end()
	l, err := block.For(o.study.Arch, o.study.Era)
	if err != nil {
		return err
	}
	blocks := g.Blocks(l)
	worst := 0.0
	for _, group := range o.study.Groups {
		sum := 0.0
		for _, b := range group.Blocks {
			id, _ := l.Index(b.Name)
			v, err := blocks.Score(id, []float64{1})
			if err != nil {
				return err
			}
			sum += v
			worst = max(worst, math.Abs(v-b.Achieved))
		}
		n := float64(len(group.Blocks))
		fmt.Fprintf(c.App.Writer, "%-8s measured %.4f%%, promised %.4f%%\n", group.Name, 100*sum/n, 100*group.Achieved)
	}
	fmt.Fprintf(c.App.Writer, "largest difference in a block: %.1e\n", worst)
	return nil
}
