package studies

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"

	"mixmatch/merge"
	"mixmatch/merge/block"
	"mixmatch/merge/checkpoint"
	"mixmatch/merge/durable"
	"mixmatch/similarity"
)

// Measured is the first phase of a run: the inner products, and the block map
// they are summed by.
type measured struct {
	gram   *similarity.Gram
	blocks *similarity.Blocks // of gram
	arch   block.Arch
	ids    []block.ID // the blocks of the plan's groups that there are, ascending
	proof  *similarity.Evidence
	scaled bool // the target was divided by a number
	notes  []string

	// How the block map was recognised, unless the plan gives it.
	eras      []similarity.EraFit
	eraIsSure bool
}

func (s *Study) measure(ctx context.Context, o Options) (*measured, error) {
	g, kind, err := s.products(ctx, o.Threads, func(done, total int64) {
		o.Progress(Progress{"reading", done, total})
	})
	if err != nil {
		return nil, err
	}
	m := &measured{arch: kind.Arch}
	g, scale := g.Unscale(kind.Arch)
	if scale != 1 {
		m.notes = append(m.notes, fmt.Sprintf("the target is a mix times %.6g, which no merge of these does; the weights are those of the mix, and a model made by them is to be multiplied by it", scale))
	}
	m.gram, m.scaled = g, scale != 1
	era := s.Plan.Era
	seen, fits, sure := g.RecogniseEra(kind.Arch)
	switch {
	case era == "":
		era, m.eras, m.eraIsSure = seen, fits, sure
	case sure && seen != era:
		m.notes = append(m.notes, fmt.Sprintf("the era was given as %s, but the time_embed tensors look like %s: try --era auto", era, seen))
	}
	l, err := block.For(kind.Arch, era)
	if err != nil {
		return nil, err
	}
	m.blocks = g.Blocks(l)
	for _, group := range s.Plan.Groups {
		found := false
		for id := range l.Group(group).All() {
			if m.blocks.Has(id) {
				m.ids = append(m.ids, id)
				found = true
			}
		}
		if !found {
			m.notes = append(m.notes, fmt.Sprintf("the %s were not searched: the target or the first source has no such tensors", group))
		}
	}
	slices.Sort(m.ids)
	if len(m.ids) == 0 {
		return nil, fmt.Errorf("%w: nothing to search in the groups %v", ErrInvalid, s.Plan.Groups)
	}
	m.proof = m.blocks.Weigh(m.ids, s.Plan.base())
	return m, nil
}

// products returns the inner products, from the study if it has them and from
// the files if not. In either case the files must be what they were.
func (s *Study) products(ctx context.Context, threads int, progress func(done, total int64)) (*similarity.Gram, block.Model, error) {
	pool, target, err := s.models()
	if err != nil {
		return nil, block.Model{}, err
	}
	defer closeModels(append([]*merge.Model{target}, pool.Models...))
	g, err := s.kept()
	if err == nil || !errors.Is(err, os.ErrNotExist) {
		return g, pool.Kind, err
	}
	g, err = similarity.Measure(ctx, pool, target, threads, progress)
	if errors.Is(err, checkpoint.ErrChanged) {
		err = fmt.Errorf("%w: %w", ErrChanged, err)
	}
	if err != nil {
		return nil, pool.Kind, err
	}
	var out bytes.Buffer
	if _, err := g.WriteTo(&out); err != nil {
		return nil, pool.Kind, err
	}
	return g, pool.Kind, durable.WriteFile(s.path(productsFile), out.Bytes())
}

// models opens the study's sources, as a pool, and its target.
func (s *Study) models() (pool *merge.Pool, target *merge.Model, err error) {
	var models []*merge.Model
	defer func() {
		if err != nil {
			closeModels(models)
		}
	}()
	for _, in := range s.Plan.inputs() {
		m, err := in.Open()
		if err != nil {
			return nil, nil, err
		}
		models = append(models, m)
	}
	target = models[len(models)-1]
	pool, err = merge.NewPool(models[:len(models)-1])
	return pool, target, err
}

func closeModels(models []*merge.Model) {
	for _, m := range models {
		m.Close()
	}
}
