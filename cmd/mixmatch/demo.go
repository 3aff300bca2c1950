package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"text/tabwriter"

	"github.com/urfave/cli/v2"

	"mixmatch/merge/block"
	"mixmatch/optimize"
	"mixmatch/studies"
	"mixmatch/studies/demo"
	"mixmatch/studies/report"
)

const demoHelp = `Makes a family of small models (the tensors of Stable Diffusion 1.5, a tenth as wide;
they draw nothing), merges a target from some of them by the recipe of
BlessingMix V1, each step rounded to fp16, then searches the recipe as if it were
unknown and shows what it found beside what was planted.

   mixmatch demo
   mixmatch demo --withhold sxd_10Pruned      leave one source out and see the verdict
   mixmatch demo --keep demo-models           keep the models and the study to play with
   mixmatch demo --data bench --full          only write models, at full size (25 GB)`

func demoCommand() *cli.Command {
	return &cli.Command{
		Name: "demo", Usage: "find a planted recipe, to see it work", Description: demoHelp,
		Flags: append([]cli.Flag{
			&cli.StringFlag{Name: "keep", Usage: "keep models and study in this `FOLDER`"},
			&cli.StringFlag{Name: "data", Usage: "only write the models, to this `FOLDER`"},
			&cli.BoolFlag{Name: "full", Usage: "full-size models: 2.1 GB each, no decoys; with --data"},
			&cli.StringSliceFlag{Name: "withhold", Usage: "do not give this source to the search"},
			&cli.StringFlag{Name: "era", Value: string(block.ErasOf(block.SD1)[0]), Usage: "block map the target is made with: " + join(block.ErasOf(block.SD1))},
			&cli.Uint64Flag{Name: "seed", Value: 1, Usage: "another seed makes another family"},
		}, runFlags()...),
		Action: demoAction,
	}
}

func demoAction(c *cli.Context) error {
	if c.NArg() > 0 {
		return usage("demo: takes no arguments, only flags; see mixmatch demo --help")
	}
	era := block.Era(c.String("era"))
	if !slices.Contains(block.ErasOf(block.SD1), era) {
		return usage("demo: no era %q: choose %s", era, join(block.ErasOf(block.SD1)))
	}
	if c.Bool("full") && c.String("data") == "" {
		return usage("demo: --full goes with --data: it writes 25 GB")
	}
	f := demo.Family{Div: 10, Seed: c.Uint64("seed"), Era: era, Decoys: true}
	if c.Bool("full") {
		f.Div, f.Decoys = 1, false
	}
	dir := c.String("data")
	if dir != "" && c.String("keep") != "" {
		return usage("demo: --data only writes models, and --keep keeps them with a study: choose one")
	}
	if dir == "" {
		dir = c.String("keep")
	}
	if dir == "" {
		tmp, err := os.MkdirTemp("", "mixmatch-demo-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(tmp)
		dir = tmp
	}
	for _, w := range c.StringSlice("withhold") {
		if !slices.Contains(demo.Names(), w) {
			return usage("demo: --withhold %s: the sources are %s", w, join(demo.Names()))
		}
	}
	m := newMeter(c)
	planted, err := demo.Write(c.Context, dir, f, func(done, total int64) { m.to("making models", done, total, true) })
	m.end()
	if errors.Is(err, context.Canceled) {
		sayStopped(c, "stopped")
		return silentError{err}
	}
	if errors.Is(err, fs.ErrExist) {
		return usage("demo: %w: the models are there already; choose another folder, or delete that one first", err)
	}
	if err != nil {
		return err
	}
	if c.String("data") != "" {
		fmt.Fprintf(c.App.Writer, "%s\n%s\n", planted.Target, planted.Base)
		for _, s := range planted.Sources {
			fmt.Fprintln(c.App.Writer, s.Path)
		}
		return nil
	}
	sum, err := demoStudy(c, filepath.Join(dir, "study"), planted, m)
	if err != nil {
		return err
	}
	if c.Bool("json") {
		return printJSON(c, sum)
	}
	w, p := page(c)
	if err := report.Text(w, sum, p); err != nil {
		return err
	}
	if err := comparison(c.App.Writer, sum, planted); err != nil {
		return err
	}
	if c.String("keep") == "" {
		say(c, "\nThe models are gone again; mixmatch demo --keep FOLDER leaves them and the study to play with.")
		return nil
	}
	return report.Next(w, sum, filepath.Join(dir, "study"), p)
}

// demoStudy searches the planted recipe.
func demoStudy(c *cli.Context, dir string, planted demo.Planted, m *meter) (*studies.Summary, error) {
	target, err := openModel(c, planted.Target)
	if err != nil {
		return nil, err
	}
	defer target.Close()
	base, err := openModel(c, planted.Base)
	if err != nil {
		return nil, err
	}
	defer base.Close()
	withheld := c.StringSlice("withhold")
	var given []string
	for _, s := range planted.Sources {
		if !slices.Contains(withheld, s.Name) {
			given = append(given, s.Path)
		}
	}
	sources, err := openModels(c, given)
	if err != nil {
		return nil, err
	}
	defer closeAll(sources)
	s, err := studies.Create(dir, studies.Config{Target: studies.FileOf(target), Sources: studies.FilesOf(sources), Base: studies.FileOf(base), Plan: studies.Plan{
		Sampler: optimize.Samplers()[0], Trials: 300, Polish: 2000, Seed: 1,
	}})
	if err != nil {
		return nil, err
	}
	defer s.Close()
	sum, err := s.Run(c.Context, studies.Options{Threads: threads(c), NoSimilar: c.Bool("no-similar"), Progress: m.study})
	m.end()
	if errors.Is(err, context.Canceled) {
		sayStopped(c, "stopped")
		err = silentError{err}
	}
	if err == nil {
		err = keepReport(dir, sum)
	}
	return sum, err
}

// comparison prints found beside planted: for each source its farthest miss,
// and how honest the error bars are.
func comparison(w io.Writer, s *studies.Summary, planted demo.Planted) error {
	l := planted.Layout()
	names := []string{s.Base}
	for _, q := range planted.Sources {
		names = append(names, q.Name)
	}
	fmt.Fprintf(w, "\nFound against planted:\n")
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(tw, "  source\tlargest error\tin\tfound\tplanted\n")
	count, within, worst := 0, 0, 0.0
	for _, name := range names {
		if !slices.ContainsFunc(s.Sources, func(q studies.Source) bool { return q.Name == name }) {
			fmt.Fprintf(tw, "  %s\twithheld\n", name)
			continue
		}
		type miss struct {
			block          string
			found, planted float64
		}
		var far miss
		takesPart := false
		for _, g := range s.Groups {
			for _, b := range g.Blocks {
				id, _ := l.Index(b.Name)
				m := miss{b.Name, 0, planted.Weight(id, name)}
				bar := 0.0
				for _, q := range b.Weights {
					if q.Source == name {
						m.found, bar = q.Weight, q.Error
					}
				}
				d := math.Abs(m.found - m.planted)
				if m.found != 0 || m.planted != 0 {
					takesPart = true
					count++
					if d <= bar+1e-9 {
						within++
					}
				}
				if far.block == "" || d > math.Abs(far.found-far.planted) {
					far = m
				}
				worst = max(worst, d)
			}
		}
		if !takesPart {
			fmt.Fprintf(tw, "  %s\tnot in it, not planted\n", name)
			continue
		}
		fmt.Fprintf(tw, "  %s\t%.5f\t%s\t%.4f\t%.4f\n", name, math.Abs(far.found-far.planted), far.block, far.found, far.planted)
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "  largest error of any weight %.5f; within the error: %d of %d (%.1f %%)\n", worst, within, count, 100*float64(within)/float64(max(1, count)))
	return err
}
