package relatives

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"mixmatch/merge"
	"mixmatch/merge/safetext"
	"mixmatch/similarity/fingerprint"
	"mixmatch/similarity/library"
)

// How many fingerprints are read of a library: those that the mean is taken of where
// there is no base, and those that are compared.
const (
	meanOf   = 256
	compared = 300
)

// A Search says what relatives are looked for.
type Search struct {
	Model *fingerprint.Fingerprint
	Base  *fingerprint.Fingerprint // nil: the mean of models of the library takes its place
	Most  int                      // how many relatives are wanted
}

// Found are the nearest relatives of a model.
type Found struct {
	Relatives []Relative // the nearest first
	Models    int        // models of the library that were screened
	Compared  int        // those of them whose fingerprints were read
	MeanOf    int        // how many models the mean is of; 0 with a base

	// Sure is what the cosine of a relative is below that may have been passed over,
	// since 256 numbers say too little of it; 0 where all models were compared.
	Sure float64

	Notes []string
}

// A Relative is a model of a library.
type Relative struct {
	fingerprint.Card
	Content string

	// Cosine is that of the deltas over the network, known to Error.
	Cosine, Error float64

	// Same is how many blocks of Blocks that both have are the same but for rounding
	// the numbers that they are stored in. A block that eras map differently counts for
	// itself.
	Same, Blocks int

	// Parts tell for each part, by its name, that both have whether it is the same
	// tensors, stored in the same format.
	Parts map[string]bool
}

// Near returns the models of lib that are nearest to one, by the cosine of what sets
// them apart from the base. All are screened by their coarse fingerprints, and those
// that seem nearest are compared by their fingerprints. Records of the same content
// as the model or the base, and differences, are none of them.
//
// The error wraps [merge.ErrMismatch] if the library has no models of that
// architecture, or the base does not go with the model.
func Near(ctx context.Context, lib library.Library, s Search) (*Found, error) {
	if s.Model.Difference || s.Base != nil && s.Base.Difference {
		return nil, fmt.Errorf("%w: a LoRA has no relatives among models", merge.ErrMismatch)
	}
	f := &Found{}
	from := &reference{model: s.Model}
	if s.Base == nil {
		if err := f.mean(ctx, lib, s, from); err != nil {
			return nil, err
		}
	} else if err := from.take(s.Base); err != nil {
		return nil, err
	}
	seeming, err := f.screen(ctx, lib, s, from)
	if err != nil {
		return nil, err
	}
	var contents []string
	for _, c := range seeming {
		contents = append(contents, c.content)
	}
	own := from.delta(s.Model)
	if own.length() == 0 {
		return nil, fmt.Errorf("%w: nothing sets %s apart from what it is compared from; name another base", merge.ErrMismatch, safetext.Line(s.Model.Name))
	}
	err = lib.Load(ctx, contents, func(p *fingerprint.Fingerprint) error {
		f.Compared++
		r := Relative{Card: p.Card, Content: p.Content, Parts: map[string]bool{}}
		r.Cosine, r.Error = cosine(own, from.delta(p))
		r.Same, r.Blocks = sameBlocks(s.Model, p)
		for name, digest := range s.Model.Parts {
			if other, ok := p.Parts[name]; ok {
				r.Parts[name] = digest == other
			}
		}
		f.Relatives = append(f.Relatives, r)
		return nil
	})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(f.Relatives, func(a, b Relative) int {
		return cmp.Or(cmp.Compare(b.Cosine, a.Cosine), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Content, b.Content))
	})
	f.Relatives = f.Relatives[:min(len(f.Relatives), s.Most)]
	return f, nil
}

// A candidate is a model that seems near.
type candidate struct {
	content string
	cosine  float64
}

// screen returns the models that seem nearest, the nearest first.
func (f *Found) screen(ctx context.Context, lib library.Library, s Search, from *reference) ([]candidate, error) {
	own, most := from.coarse(s.Model.Coarse()), max(compared, 10*s.Most)
	var best []candidate
	err := lib.Entries(ctx, func(e *library.Entry) error {
		if e.Arch != s.Model.Arch || e.Difference {
			return nil
		}
		if e.Content == s.Model.Content {
			f.Notes = append(f.Notes, fmt.Sprintf("%s is in the library itself, as %s", safetext.Line(s.Model.Name), safetext.Line(e.Name)))
			return nil
		}
		if s.Base != nil && e.Content == s.Base.Content {
			return nil
		}
		f.Models++
		c := candidate{e.Content, coarseCosine(own, from.coarse(e.Coarse))}
		at, _ := slices.BinarySearchFunc(best, c, func(a, b candidate) int {
			return cmp.Or(cmp.Compare(b.cosine, a.cosine), cmp.Compare(a.content, b.content))
		})
		if at == most {
			return nil
		}
		best = slices.Insert(best, at, c)
		best = best[:min(len(best), most)]
		return nil
	})
	if err != nil {
		return nil, err
	}
	if len(best) == 0 {
		return nil, fmt.Errorf("%w: the library has no models to compare with %s, which is %s", merge.ErrMismatch, safetext.Line(s.Model.Name), s.Model.Arch)
	}
	if len(best) < f.Models && len(best) == most {
		// Cosines of so many numbers are known to one part in their root; four of those
		// are passed once in thirty thousand.
		f.Sure = min(1, max(0, best[most-1].cosine)+4/math.Sqrt(fingerprint.CoarseLen))
	}
	return best, nil
}

// mean sets the reference to the mean of models of the library: those with the least
// contents, which are digests, so that it depends on what is in the library and not on
// the order in which it was added.
func (f *Found) mean(ctx context.Context, lib library.Library, s Search, from *reference) error {
	var contents []string // sorted
	sizes := map[string]float64{}
	err := lib.Entries(ctx, func(e *library.Entry) error {
		if e.Arch != s.Model.Arch || e.Difference {
			return nil
		}
		at, there := slices.BinarySearch(contents, e.Content)
		if !there && at < meanOf {
			sizes[e.Content] = length(e.Coarse)
			contents = slices.Insert(contents, at, e.Content)
			contents = contents[:min(len(contents), meanOf)]
		}
		return nil
	})
	if err != nil {
		return err
	}
	if len(contents) < 2 {
		return fmt.Errorf("%w: the library has %d models of %s, whose mean says nothing: name a base", merge.ErrMismatch, len(contents), s.Model.Arch)
	}
	var lengths []float64
	for _, content := range contents {
		lengths = append(lengths, sizes[content])
	}
	slices.Sort(lengths)
	typical, odd := mostLonger*lengths[len(lengths)/2], 0
	for _, content := range contents { // one by one, for Load has an order of its own, and the last bits of sums depend on theirs
		if sizes[content] > typical {
			odd++
			continue
		}
		err := lib.Load(ctx, []string{content}, func(p *fingerprint.Fingerprint) error {
			err := from.take(p)
			if errors.Is(err, merge.ErrMismatch) { // of other blocks
				odd++
				return nil
			}
			f.MeanOf++
			return err
		})
		if err != nil {
			return err
		}
	}
	if odd > 0 {
		f.Notes = append(f.Notes, fmt.Sprintf("%d of %d models are not in the mean: they are of other blocks, or of another size", odd, len(contents)))
	}
	if f.MeanOf < 2 {
		return fmt.Errorf("%w: %d models have the blocks of %s, and their mean says nothing: name a base", merge.ErrMismatch, f.MeanOf, safetext.Line(s.Model.Name))
	}
	return nil
}

// mostLonger is by how much a model's coarse fingerprint may be longer than the median one of
// the models that the mean is taken of, lest a single one be the mean.
const mostLonger = 4

// length returns the root of the sum of a coarse fingerprint's squares.
func length(c *fingerprint.Coarse) float64 {
	sum := 0.0
	for _, v := range c {
		sum += float64(float64(v) * float64(v))
	}
	return math.Sqrt(sum)
}
