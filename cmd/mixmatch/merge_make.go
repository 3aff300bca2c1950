package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"path/filepath"

	"github.com/urfave/cli/v2"

	"mixmatch/merge"
	"mixmatch/merge/block"
	"mixmatch/merge/checkpoint"
	"mixmatch/merge/checkpoint/safetensors"
	"mixmatch/merge/exchange"
	"mixmatch/merge/recipe"
	"mixmatch/merge/stepwise"
	"mixmatch/similarity"
)

// make writes the model and says what it is.
func (o *order) make(c *cli.Context, pool *merge.Pool, mix *merge.Mix, out string, dtype checkpoint.DType, like block.Era) error {
	meter := newMeter(c)
	defer meter.end()
	var outs *merge.Outputs
	var err error
	if like == "" {
		outs, err = merge.Weighted(pool, mix, dtype)
	} else {
		outs, err = stepwise.Outputs(c.Context, pool, mix, like, dtype)
	}
	if err != nil {
		return stopped(c, err, out)
	}
	opt := merge.SaveOptions{
		Force: c.Bool("force"), AllowInf: c.Bool("allow-inf"),
		Progress: func(done, total int64) { meter.to("merging", done, total, true) },
	}
	h := &hashing{}
	if !c.Bool("no-hash") {
		h = startHashing(c.Context, o.sources, openCache(c))
		defer h.end()
	}
	for _, name := range h.several {
		o.notes = append(o.notes, name+" is of several files: the metadata tell its name and no hash")
	}
	metadata := func() (map[string]string, error) {
		return exchange.Metadata(o.recipe.String(), mix.Layout, h.models)
	}
	if opt.Metadata, err = metadata(); err != nil {
		return err
	}
	if len(h.missing) > 0 {
		opt.Late = func() (map[string]string, error) {
			if err := h.wait(meter); err != nil {
				return nil, err
			}
			return metadata()
		}
	}
	saved, err := merge.Save(c.Context, outs, out, opt)
	if errors.Is(err, safetensors.ErrRoom) { // two sources are the same file, which the hashes alone told
		if opt.Metadata, err = metadata(); err == nil {
			opt.Late = nil
			saved, err = merge.Save(c.Context, outs, out, opt)
		}
	}
	meter.end()
	if errors.Is(err, merge.ErrNonFinite) || errors.Is(err, merge.ErrOverflow) {
		return fmt.Errorf("%w (--allow-inf writes it all the same)", err)
	}
	if err != nil {
		return stopped(c, err, out)
	}
	if root := pool.Models[mix.Root]; len(root.File.Dialects()) > 0 {
		o.notes = append(o.notes, fmt.Sprintf("%s has other names for tensors than single files, whose names are written", root.Name))
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
		sayStopped(c, "stopped; %s was not written", out)
		return silentError{err}
	}
	if errors.Is(err, fs.ErrExist) && !c.Bool("force") {
		return usage("%s: %w; choose another name, or --force to replace it", called(c), err)
	}
	return err
}

// verify measures the file written against the study's target, and compares
// with what the study promised.
func (o *order) verify(c *cli.Context, out string) error {
	meter := newMeter(c)
	defer meter.end()
	made, err := merge.OpenModel(recipe.NameOf(filepath.Base(out)), out)
	if err != nil {
		return err
	}
	defer made.Close()
	target, err := o.files.Target(c.Context)
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
