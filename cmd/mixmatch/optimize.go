package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"mixmatch/merge"
	"mixmatch/merge/block"
	"mixmatch/merge/checkpoint"
	"mixmatch/optimize"
	"mixmatch/similarity"
	"mixmatch/studies"
	"mixmatch/studies/compose"
)

const optimizeHelp = `Starts a study in the folder STUDY and runs it. The files are read once; everything
after that takes seconds. With no --recipe the steps are chosen too: which
sources take part, in what order, weight sum or add difference.

   mixmatch optimize evo --target BracingEvoMix.safetensors \
       --base v1-5-pruned-emaonly.safetensors \
       --source OpenBra.safetensors --source dreamshaper_6NoVae.safetensors
   mixmatch optimize evo2 --target T.safetensors models
   mixmatch optimize evo3 --target T.safetensors --recipe steps.txt \
       --source A.safetensors --source B.safetensors

Several targets of the same sources are read in one pass, and each is a study of its own
in the folder STUDY, which resume and show take as a whole:

   mixmatch optimize evos --target A.safetensors --target B.safetensors models

A study that another begins with keeps its own result; the new one reads only what is new:

   mixmatch optimize more --from evo --source SUSPECT.safetensors
   mixmatch optimize longer --from evo --trials 3000

In place of a model's file its fingerprint will do (docs/files.md); resume goes over to the
files when they are there:

   mixmatch optimize quick --target T.safetensors prints/*.mmf
   mixmatch optimize quick --target T.safetensors --library lib --source lib:OpenBra --source lib:AnyLoRA

A recipe is written in SuperMerger's notation, with ? for a ratio to find:

   A + (B - C) x ? = TEMP1                  one number for all blocks of a group
   TEMP1 x (1-alpha) + D x alpha = FINAL    one for each block that has a ?
   alpha = (0,0,?,?,?[0,0.5],0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0)

Names in it are those of the files, without their extension; NAME=PATH gives
another. A folder, or a wildcard as "models/*", is all models in it that go with the
target; what does not is passed over and told.`

func runFlags() []cli.Flag {
	return []cli.Flag{
		&cli.IntFlag{Name: "threads", Usage: "work on so many blocks at once (default: one a processor); the result does not depend on it", Action: checkThreads},
		&cli.BoolFlag{Name: "no-similar", Usage: "leave out the numbers that similar.py prints, which take seconds at full size; resume adds them"},
		&cli.BoolFlag{Name: "json", Usage: "print the summary as JSON"},
		&cli.BoolFlag{Name: "quiet", Aliases: []string{"q"}, Usage: "print nothing but the result"},
	}
}

func optimizeCommand() *cli.Command {
	return &cli.Command{
		Name: "optimize", Usage: "find the recipe of a target", ArgsUsage: "STUDY [SOURCE...]", Description: optimizeHelp,
		Flags: append([]cli.Flag{
			&cli.StringSliceFlag{Name: "target", Usage: "the model whose recipe is wanted (`[NAME=]PATH`); of several each gets a study, in STUDY/NAME"},
			&cli.StringSliceFlag{Name: "source", Usage: "a model it may come from (`[NAME=]PATH`); give as many as there are; parts in several files are joined by +"},
			&cli.StringFlag{Name: "base", Usage: "the model that add difference subtracts, v1-5-pruned-emaonly as a rule (`[NAME=]PATH`); it is a source too"},
			&cli.StringFlag{Name: "from", Usage: "begin with the models and settings of this `STUDY` and what was read for it; other flags add models or change settings"},
			modelsFlag(),
			&cli.StringFlag{Name: "library", Usage: "the `LIB` of fingerprints that models called lib:NAME are in"},
			&cli.StringFlag{Name: "recipe", Usage: "fill the holes of the recipe in this `FILE` instead of composing one"},
			&cli.StringFlag{Name: "style", Value: "default", Usage: "the steps to compose: author, those that its author took, as far as the weights tell; fewest, one for each source but one; add, add differences only; between, ratios from 0 to 1 only; triple, triple sums, half as many", DefaultText: "author if the verdict is exact, else fewest"},
			&cli.StringFlag{Name: "era", Value: "auto", Usage: "block map: auto, " + join(block.Eras())},
			&cli.StringFlag{Name: "metric", Value: "weight", Usage: "what to search for: the cosine of the weights, or the calculators' similarity of the attention (weight, attention; the latter takes minutes at full size)"},
			&cli.StringFlag{Name: "groups", Usage: "what to search", DefaultText: "all: outputs, inputs, base"},
			&cli.StringFlag{Name: "sampler", Value: optimize.Samplers()[0], Usage: "how to search: " + strings.Join(optimize.Samplers(), ", ")},
			&cli.IntFlag{Name: "trials", Value: weightTrials, Usage: "trials for each search, a block or the shared holes of a group", DefaultText: fmt.Sprintf("%d; %d with --metric attention, where each takes longer", weightTrials, attentionTrials)},
			&cli.Int64Flag{Name: "seed", Value: 1, Usage: "seed of the search"},
			noCacheFlag(),
		}, runFlags()...),
		Action: optimizeAction,
	}
}

// The local search that follows them goes by the gradient of the attention, and
// gains most of what there is to gain.
const weightTrials, attentionTrials = 300, 100

func join[T ~string](words []T) string {
	var s []string
	for _, w := range words {
		s = append(s, string(w))
	}
	return strings.Join(s, ", ")
}

func optimizeAction(c *cli.Context) error {
	if c.NArg() == 0 {
		return usage("optimize: name a folder for the STUDY; see mixmatch optimize --help")
	}
	dir := c.Args().First()
	sources := append(c.StringSlice("source"), c.Args().Tail()...)
	if dir == "" {
		return usage("optimize: the name of a folder for the STUDY is empty")
	}
	if parent := filepath.Dir(filepath.Clean(dir)); !exists(parent) {
		return usage("optimize: there is no folder %s for the study %s: make it first, or correct the name", parent, filepath.Base(dir))
	}
	switch {
	case c.String("from") != "":
		return optimizeFrom(c, dir, sources)
	case c.IsSet("models"):
		return usage("optimize: --models is for the models of the study that --from names; for sources name the folder itself")
	}
	if !slices.ContainsFunc(c.StringSlice("target"), func(t string) bool { return t != "" }) {
		return usage("optimize: name the model to explain with --target")
	}
	if len(sources) == 0 {
		return usage("optimize: name the models it may come from with --source, once for each, or behind STUDY")
	}
	var plan studies.Plan
	if err := settings(c, &plan, func(string) bool { return true }); err != nil {
		return err
	}
	all, inLists, err := create(c, dir, sources, plan)
	if err != nil {
		return err
	}
	return runNew(c, dir, all, inLists)
}

// runNew runs studies that have just begun, and removes those that nothing can come of.
// Sources in lists that turn out to be damaged are left out.
func runNew(c *cli.Context, dir string, all []*studies.Study, inLists []string) error {
	several := len(all) > 1
	said := map[string]bool{}
	var errs []error
	for len(all) > 0 {
		now := runStudies(c, dir, all)
		errs = append(errs, now[len(all):]...)
		var again []*studies.Study
		for i, s := range all {
			without, err := leaveOut(c, s, now[i], inLists, said)
			switch {
			case without != nil:
				again = append(again, without)
			case unfit(err): // nothing that a resume could mend
				errs = append(errs, err, s.Discard())
			default:
				errs = append(errs, err, s.Close())
			}
		}
		all = again
	}
	if several && len(studies.Members(dir)) == 0 {
		_ = os.Remove(dir) // unless there is something else in it
	}
	return joined(errs)
}

// leaveOut begins s anew without the models that err says are damaged, if all are in
// lists and none in the recipe given. Else it returns err, and no study.
func leaveOut(c *cli.Context, s *studies.Study, err error, inLists []string, said map[string]bool) (*studies.Study, error) {
	var unsound *similarity.UnsoundError
	wanted := func(m string) bool { return !slices.Contains(inLists, m) || strings.Contains(s.Plan.Template, m) }
	if !errors.As(err, &unsound) || len(unsound.Models) == 0 || slices.ContainsFunc(unsound.Models, wanted) {
		return nil, err
	}
	without, bad := s.Without(unsound.Models)
	if bad != nil {
		return nil, errors.Join(err, bad)
	}
	if text := fmt.Sprintf("%s: left out: %v", strings.Join(unsound.Models, ", "), err); !said[text] { // for another target
		said[text] = true
		note(c, text)
	}
	return without, nil
}

// settings sets those of a plan that the flags are asked for.
func settings(c *cli.Context, plan *studies.Plan, asked func(flag string) bool) error {
	if asked("sampler") {
		plan.Sampler = c.String("sampler")
	}
	if asked("seed") {
		plan.Seed = c.Int64("seed")
	}
	if asked("style") {
		if plan.Style = compose.Style(c.String("style")); plan.Style == "default" {
			plan.Style = compose.Default
		}
	}
	if asked("metric") {
		switch m := c.String("metric"); m {
		default:
			return usage("optimize: there is no metric %q, only weight and attention", m)
		case "weight":
			plan.Metric, plan.Polish, plan.Trials = "", 2000, weightTrials
		case studies.Attention:
			plan.Metric, plan.Polish, plan.Trials = m, 150, attentionTrials
		}
	}
	if plan.Metric == studies.Attention && c.Bool("no-similar") {
		return usage("optimize: --metric attention searches for similar.py's numbers, which --no-similar leaves out: choose one")
	}
	if c.IsSet("trials") {
		plan.Trials = c.Int("trials")
	}
	if asked("era") {
		if plan.Era = block.Era(c.String("era")); plan.Era == "auto" {
			plan.Era = ""
		}
	}
	if c.IsSet("groups") {
		plan.Groups = nil
		for g := range strings.SplitSeq(c.String("groups"), ",") {
			group := block.Group(strings.TrimSpace(g))
			if slices.Contains(plan.Groups, group) {
				return usage("optimize: --groups names %s twice", group)
			}
			plan.Groups = append(plan.Groups, group)
		}
	}
	if f := c.String("recipe"); f != "" {
		d, err := readRecipe(c, f)
		if err != nil {
			return err
		}
		plan.Template = d.text
	}
	return nil
}

// unfit reports whether err means that the models, now that they have been
// read, are damaged or do not fit the search.
func unfit(err error) bool {
	return errors.Is(err, merge.ErrMismatch) || errors.Is(err, merge.ErrNonFinite) || errors.Is(err, checkpoint.ErrFormat) ||
		errors.Is(err, similarity.ErrNoFit) || errors.Is(err, studies.ErrInvalid)
}

// sayLacks says which sources have not all parts that the target has.
func sayLacks(c *cli.Context, config studies.Config) {
	for _, g := range append(slices.Clone(config.Sources), config.Base) {
		if g == nil || g.Difference {
			continue
		}
		for _, part := range []block.Part{block.TextEncoder, block.VAE} {
			if config.Target.Has(part) && !g.Has(part) {
				say(c, "%s has no %s: it takes no part in that", g.Name, part)
			}
		}
	}
}
