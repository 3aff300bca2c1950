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
	opened, err := r.openModels(c, paths)
	if err != nil {
		return err
	}
	defer closeAll(opened) // views of a file close it as well
	var files []*checkpoint.File
	for _, m := range opened {
		sayFileNotes(c, m.File)
		files = append(files, m.File)
	}
	first := 0 // where A is; before it the base, if any
	if r.Origin != "" {
		first = 1
	}
	if err := r.describe(files[first:]); err != nil {
		return err
	}
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
		say(c, "no attention similarity: %s: %s", files[first].Path(), safetext.Line(err.Error()))
		return nil
	}
	if err != nil {
		return fmt.Errorf("%s: %w", files[first].Path(), err)
	}
	if err := r.addAttention(c, calc, l, heads, files[first:]); errors.Is(err, merge.ErrMismatch) {
		say(c, "no attention similarity: %s", safetext.Line(err.Error()))
	} else if err != nil {
		return err
	}
	return nil
}

// openModels opens the models to compare, in front of them the base if there is one.
// Those in lists are passed over if they do not go with the first.
func (r *likeness) openModels(c *cli.Context, paths []string) ([]*merge.Model, error) {
	all, err := choices(c, paths)
	if err != nil {
		return nil, err
	}
	open := func(path string) (*merge.Model, error) { return merge.OpenModel(nameOf(path), path) }
	found, passed, err := gather(all, open, func(found []gathered[*merge.Model], m *merge.Model) error {
		if len(found) == 0 {
			return nil
		}
		pair, err := merge.Comparable([]*merge.Model{found[0].model, m})
		if err == nil {
			_, err = merge.NewPool(pair)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	if len(found) < 2 {
		closeAll(models(found))
		return nil, nothingLeft(c, "there are no two models to compare", passed)
	}
	sayPassed(c, passed)
	if !c.IsSet("base") {
		return models(found), nil
	}
	var base *merge.Model
	if r.Origin, err = single(c, "base", c.String("base")); err == nil {
		base, err = open(r.Origin)
	}
	if err != nil {
		closeAll(models(found))
		return nil, err
	}
	return append([]*merge.Model{base}, models(found)...), nil
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
