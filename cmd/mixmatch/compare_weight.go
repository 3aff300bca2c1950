package main

import (
	"errors"
	"fmt"
	"slices"

	"github.com/urfave/cli/v2"

	"mixmatch/merge"
	"mixmatch/merge/block"
	"mixmatch/merge/checkpoint"
	"mixmatch/merge/safetext"
	"mixmatch/similarity"
)

// weight fills in the similarities of the weights themselves, and those of the
// attention beside them.
func (r *likeness) weight(c *cli.Context, calc similarity.Calculator, paths []string) error {
	all := paths
	if c.IsSet("base") {
		r.Origin = c.String("base")
		all = append([]string{r.Origin}, paths...)
	}
	var models []*merge.Model
	var files []*checkpoint.File
	defer func() { closeAll(models) }() // views of a file close it as well
	for _, p := range all {
		m, err := merge.OpenModel(nameOf(p), p)
		if err != nil {
			return err
		}
		models = append(models, m)
		files = append(files, m.File)
		sayFileNotes(c, m.File)
	}
	if err := r.describe(files[len(files)-len(paths):]); err != nil {
		return err
	}
	opened := models
	models, err := merge.Comparable(opened)
	if err != nil {
		return err
	}
	if !slices.Equal(models, opened) {
		say(c, "note: the models are not of one kind: what only some of them have is not compared")
	}
	if _, err := merge.NewPool(models); err != nil {
		return err
	}
	first := len(all) - len(paths) // where A is; before it the base, if any
	pool, err := merge.NewPool(slices.Delete(slices.Clone(models), first, first+1))
	if err != nil {
		return err
	}
	l := pool.Kind.Layout()
	if era := c.String("era"); era != "" {
		if l, err = block.For(pool.Kind.Arch, block.Era(era)); err != nil {
			return usage("compare: %w", err)
		}
	}
	m := newMeter(c)
	gram, err := similarity.Measure(c.Context, pool, models[first], 0, func(done, total int64) { m.to("reading", done, total, true) })
	m.end()
	if err != nil {
		return err
	}
	if err := r.addWeights(gram.Blocks(l), first); err != nil {
		return err
	}
	heads, err := similarity.Heads(l, models[first].File)
	if errors.Is(err, similarity.ErrEmpty) {
		return nil
	}
	if errors.Is(err, merge.ErrMismatch) { // the weights are compared all the same
		say(c, "no attention similarity: %s: %s", paths[0], safetext.Line(err.Error()))
		return nil
	}
	if err != nil {
		return fmt.Errorf("%s: %w", paths[0], err)
	}
	if err := r.addAttention(c, calc, l, heads, files[first:]); errors.Is(err, merge.ErrMismatch) {
		say(c, "no attention similarity: %s", safetext.Line(err.Error()))
	} else if err != nil {
		return err
	}
	return nil
}

// addWeights adds cosines, and what is explained if the first model of blocks
// is a base, to the models' blocks. First is the place of the first model.
func (r *likeness) addWeights(blocks *similarity.Blocks, first int) error {
	for j := range r.Models {
		w := make([]float64, len(blocks.Names))
		w[first+j] = 1
		for id := range blocks.Layout.Blocks().All() {
			if !blocks.Has(id) || blocks.Lacks(id, first+j) {
				continue
			}
			v, err := blocks.Score(id, w)
			if err != nil {
				return err
			}
			b := likeBlock{Block: blocks.Layout.Name(id), Cosine: &v}
			// Where nothing sets the first model apart from the base, there is nothing
			// to explain.
			if first > 0 && !blocks.Lacks(id, 0) && blocks.Span(id, 0) > 0 {
				e := blocks.Explained(id, blocks.Distance(id, w), 0)
				b.Explained = &e
			}
			r.Models[j].Blocks = append(r.Models[j].Blocks, b)
		}
	}
	return nil
}
