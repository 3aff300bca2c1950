package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"github.com/urfave/cli/v2"

	"mixmatch/merge"
	"mixmatch/merge/block"
	"mixmatch/merge/checkpoint"
	"mixmatch/merge/checkpoint/safetensors"
	"mixmatch/merge/recipe"
	"mixmatch/merge/stepwise"
	"mixmatch/studies"
)

const mergeHelp = `Makes the model of a recipe. A STUDY knows its models; for a RECIPE in a file, in
SuperMerger's notation, name them with --source.

   mixmatch merge evo -o rebuilt.safetensors --verify
   mixmatch merge steps.txt -o out.safetensors --source A.safetensors --source B=other.safetensors
   mixmatch merge steps.txt -o out.safetensors --models models       looks in a folder and all below it

The steps are computed in one pass and rounded once, a few megabytes at a time.
With --compat they are executed one after the other instead, as SuperMerger did at
that time, each step's model with the roundings of a saved file; so are recipes that
no weights describe (calculation modes, elemental merges). docs/merging.md tells more.
As in SuperMerger, BASE is the text encoder and the VAE: the VAE is blended with
the BASE ratio, unless --vae names a model to copy it from. A study copies the VAE
it recognised.`

func mergeCommand() *cli.Command {
	return &cli.Command{
		Name: "merge", Usage: "make the model of a recipe or a study", ArgsUsage: "RECIPE|STUDY", Description: mergeHelp,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "the `FILE` to write"},
			&cli.StringSliceFlag{Name: "source", Usage: "a model of the recipe, or where one of the study is now (`[NAME=]PATH`); parts in several files are joined by +"},
			&cli.StringFlag{Name: "target", Usage: "with --verify, where the target of the study is now (`PATH`)"},
			modelsFlag(),
			aimFlag(),
			&cli.StringFlag{Name: "dtype", Usage: dtypeList + " (default: as in model A)"},
			&cli.StringFlag{Name: "vae", Usage: "copy the VAE of this source, or \"merge\" to blend it"},
			&cli.StringFlag{Name: "era", Usage: "block map for a RECIPE: " + join(block.Eras()) + " (default: that of --compat, or the first)"},
			&cli.StringFlag{Name: "compat", Usage: "execute step by step as SuperMerger of `ERA` did: " + join(compats())},
			&cli.BoolFlag{Name: "fused", Usage: "compute all steps in one go, rounding once (default, if the recipe is linear)"},
			&cli.StringFlag{Name: "result", Usage: "the model of the RECIPE to make (default: the last)"},
			&cli.BoolFlag{Name: "force", Usage: "replace FILE if it exists"},
			&cli.BoolFlag{Name: "allow-inf", Usage: "write infinities and NaN that models hold or values become, and say how many"},
			&cli.BoolFlag{Name: "no-hash", Usage: "leave the sources' hashes out of the metadata; saves reading them once more"},
			noCacheFlag(),
			&cli.BoolFlag{Name: "verify", Usage: "measure the file against the study's target afterwards"},
			&cli.BoolFlag{Name: "quiet", Aliases: []string{"q"}, Usage: "print nothing but the result"},
		},
		Action: mergeAction,
	}
}

// dtypes are the number formats that can be written; "" is for the default.
var dtypes = map[string]checkpoint.DType{
	"": "", "fp16": checkpoint.F16, "bf16": checkpoint.BF16, "fp32": checkpoint.F32,
	"fp8_e4m3": checkpoint.E4M3, "fp8_e5m2": checkpoint.E5M2,
}

// dtypeList is how help and errors list them.
const dtypeList = "fp16, bf16, fp32, fp8_e4m3 or fp8_e5m2"

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
	files   *studies.Files   // nil for a recipe
	notes   []string
}

// era returns the era whose arithmetic goes with the recipe's blocks.
func (o *order) era() block.Era {
	if era := o.recipe.Layout.Era(); slices.Contains(compats(), era) {
		return era
	}
	return block.SM2025
}

// stepByStep notes why the recipe is executed step by step though nobody asked for
// it, and returns the era of the steps.
func (o *order) stepByStep(why string) block.Era {
	o.notes = append(o.notes, fmt.Sprintf("%s: executed step by step, as with --compat %s", why, o.era()))
	return o.era()
}

// oneKind reports whether no model is an inpainting model, say, beside others. Only
// steps can merge those.
func (o *order) oneKind() bool {
	var kind *block.Model
	for _, m := range o.sources {
		switch {
		case m.Difference:
		case kind == nil:
			kind = &m.Kind
		case kind.Arch != m.Kind.Arch:
			return true // nothing can merge those
		case *kind != m.Kind:
			return false
		}
	}
	return true
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
	if err := modelName(c, out); err != nil {
		return err
	}
	dtype, ok := dtypes[c.String("dtype")]
	if !ok {
		return usage("merge: no dtype %q: choose %s", c.String("dtype"), dtypeList)
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
		if m.Uses(out) && !c.Bool("force") {
			return usage("merge: %s is a source of the merge; choose another name, or --force to replace it", out)
		}
	}
	if c.Bool("verify") {
		t, err := o.files.Target(c.Context)
		if err != nil {
			return err
		}
		t.Close()
	}
	// What is wrong with the output shows now, not after minutes of hashing.
	w, err := safetensors.Create(out, nil, nil, c.Bool("force"))
	if err != nil {
		return err
	}
	w.Abort()
	if !o.recipe.Linear() {
		if c.Bool("fused") {
			return usage("merge: --fused cannot be: the recipe is not linear (it has calculation modes, or ratios for single keys)")
		}
		if like == "" {
			like = o.stepByStep("the recipe is not linear")
		}
	}
	if like == "" && !o.oneKind() {
		if c.Bool("fused") {
			return usage("merge: --fused cannot be: the models are not of one kind; --compat %s merges such step by step", o.era())
		}
		like = o.stepByStep("the models are not of one kind")
	}
	newPool := merge.NewPool
	if like != "" {
		newPool = merge.NewLoosePool
	}
	pool, err := newPool(o.sources)
	if err != nil {
		if errors.Is(err, merge.ErrLacking) {
			err = fmt.Errorf("%w; --compat %s merges step by step what the models of each step have", err, o.era())
		}
		return err
	}
	mix, err := merge.NewMix(pool, o.recipe)
	if errors.Is(err, merge.ErrMismatch) {
		return err
	}
	if err != nil {
		return usage("%w", err)
	}
	if like != "" {
		if err := stepwise.Executable(mix.Recipe, like); err != nil {
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
