package identify

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"mixmatch/merge/block"
	"mixmatch/similarity"
	"mixmatch/similarity/fingerprint"
)

// Find finds the sources of a target. Memory is some 300 MB and a kilobyte a record,
// however many there are.
//
// The error wraps [ErrNothing] where there is no record to look among, and
// [fingerprint.ErrMismatch] where base and target do not go together.
func Find(ctx context.Context, target *fingerprint.Fingerprint, lib Library, o Options) (*Result, error) {
	if target.Difference {
		return nil, fmt.Errorf("%w: %s is a LoRA, which is no mix of models", fingerprint.ErrMismatch, target.Name)
	}
	if b := o.Base; b != nil && (b.Difference || b.Arch != target.Arch) {
		return nil, fmt.Errorf("%w: %s cannot be the base of %s", fingerprint.ErrMismatch, b.Name, target.Name)
	}
	scr, err := newScreen(ctx, lib, target, o.Base, cmp.Or(o.hold, heldRecords))
	if err != nil {
		return nil, err
	}
	s := &seeker{ctx: ctx, lib: lib, target: target, o: o, screen: scr, known: map[string]bool{}, parts: map[string][]string{}}
	if scr.count == 0 {
		return nil, fmt.Errorf("%w: no fingerprint there is of %s, and %d are of other architectures", ErrNothing, target.Arch, scr.differ)
	}
	needed, others, err := s.shortlist()
	if err != nil {
		return nil, err
	}
	if n := panel - len(needed); n > 0 {
		needed = append(needed, others[:min(n, len(others))]...)
	}
	s.pool = nil // its memory is needed no more
	models, err := s.load(needed)
	if err != nil {
		return nil, err
	}
	return s.settle(models)
}

// panel are as many models as are weighed, if there are: what is missing is judged by
// how they differ from each other.
const panel = 24

// settle solves the short list.
func (s *seeker) settle(models []*fingerprint.Fingerprint) (*Result, error) {
	models, base := s.order(models)
	g, notes, err := fingerprint.Gram(models, s.target)
	if err != nil {
		return nil, err
	}
	w := &weighing{seeker: s, models: models, base: base}
	w.notes = notes
	g, scale, err := g.Unscale(s.ctx, g.Arch)
	if err != nil {
		return nil, err
	}
	if scale != 1 {
		w.notes = append(w.notes, fmt.Sprintf("the target is a mix times %.6g, which no merge of these does; the weights are those of the mix", scale))
	}
	seen, fits, sure := g.RecogniseEra(g.Arch)
	w.era, w.eraBy = seen, "assumed"
	switch {
	case sure:
		w.eraBy = "recognised"
	case len(fits) == 0:
		w.eraBy = "only"
	}
	l, err := block.For(g.Arch, w.era)
	if err != nil {
		return nil, err
	}
	w.blocks = g.Blocks(l)
	for id := range l.Blocks().All() {
		if w.blocks.Has(id) {
			w.ids = append(w.ids, id)
		}
	}
	if w.proof, err = w.blocks.Weigh(s.ctx, w.ids, base); err != nil {
		return nil, err
	}
	return w.result()
}

// order puts first the base or, without one, the model that shares most sections with
// the target, and LoRAs last. It returns the base's place, or -1.
func (s *seeker) order(models []*fingerprint.Fingerprint) ([]*fingerprint.Fingerprint, int) {
	var first, loras []*fingerprint.Fingerprint
	for _, f := range models {
		if f.Difference {
			loras = append(loras, f)
		} else {
			first = append(first, f)
		}
	}
	if s.o.Base != nil {
		return slices.Concat([]*fingerprint.Fingerprint{s.o.Base}, first, loras), 0
	}
	best, at := -1, 0
	for i, f := range first {
		n := 0
		for b := range s.target.Sections {
			if t := f.Section(s.target.Sections[b].Name); t != nil && t.SameTensors(&s.target.Sections[b]) {
				n++
			}
		}
		if n > best {
			best, at = n, i
		}
	}
	if at > 0 {
		f := first[at]
		first = slices.Insert(slices.Delete(first, at, at+1), 0, f)
	}
	return slices.Concat(first, loras), -1
}

// A weighing is what is known of the short list.
type weighing struct {
	*seeker
	models []*fingerprint.Fingerprint
	base   int
	blocks *similarity.Blocks
	ids    []block.ID
	proof  *similarity.Evidence
	era    block.Era
	eraBy  string
	notes  []string
}
