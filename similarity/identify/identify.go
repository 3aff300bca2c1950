// Package identify finds the sources of a model in a library of fingerprints.
//
// [Find] works in rounds. It screens all records on their coarse fingerprints, a
// kilobyte each, for those most alike to what is not explained yet; reads the
// fingerprints of some hundred; and selects, on all blocks at once, those that the
// target needs. What they explain is taken off, and the next round looks for sources
// that were hidden behind it. Once nothing more is worth its place the few that are
// left go through what [similarity.Blocks.Weigh] does for files: who is surely in the
// target, with what weights and errors, and how much is missing.
package identify

import (
	"context"
	"errors"

	"mixmatch/similarity/fingerprint"
	"mixmatch/similarity/library"
)

// ErrNothing is wrapped where a library has no record that the target could be made of.
var ErrNothing = errors.New("nothing to look among")

// A Library is what is asked of a [library.Library].
type Library interface {
	Entries(ctx context.Context, use func(*library.Entry) error) error
	Load(ctx context.Context, contents []string, use func(*fingerprint.Fingerprint) error) error
}

// Options are how sources are looked for.
type Options struct {
	Base    *fingerprint.Fingerprint // the model that the others were trained from, if that is known
	Threads int                      // 0: one a processor. Results do not depend on it

	// Progress is told how many fingerprints are read, of those that are to be as far
	// as that is known, if it is not nil.
	Progress func(done, total int)

	hold int // for tests: in place of heldRecords
}

const (
	// outright are as many records as are weighed without any selection.
	outright = 24
	// whole are as many as are all read, without screening.
	whole = 320
	// inRound are as many as are read in a round.
	inRound = 160
	// centres are as many models as the centre is the mean of, where no base is given.
	centres = 64
	// nearest are as many of those nearest to the median as are read: see
	// [screen.central].
	nearest = 8
	// most sources that are looked for.
	most = 40
	// rounds, at the most.
	rounds = 16
	// remembered are as many models that were not taken as stay in memory.
	remembered = 160
)

// A seeker looks for sources.
type seeker struct {
	ctx    context.Context
	lib    Library
	target *fingerprint.Fingerprint
	o      Options
	screen *screen
	pool   *pool
	known  map[string]bool // contents that were read
	rounds int
	reads  int

	parts   map[string][]string // by part: names of the models read whose part is the target's
	same    map[string][]string // by content: names of models that cannot be told from one needed
	central string              // content of the model in the middle of all, if there is one: see [pool.central]
}

// shortlist returns the contents of the models that the target needs, most useful
// first, and of others that it might.
func (s *seeker) shortlist() (needed, others []string, err error) {
	if s.screen.count <= outright {
		for _, h := range s.screen.held {
			needed = append(needed, h.content)
		}
		return needed, nil, nil
	}
	if err := s.begin(); err != nil {
		return nil, nil, err
	}
	for {
		s.rounds++
		if !s.choose() || s.screen.count <= whole || s.rounds == rounds {
			break
		}
		s.pool.forget(remembered)
		more, err := s.screen.best(s.ctx, coarseOf(s.pool.sections, s.pool.rest), inRound, s.o.Threads, s.known)
		if err != nil {
			return nil, nil, err
		}
		models, err := s.load(more)
		if err != nil {
			return nil, nil, err
		}
		s.pool.add(models)
	}
	for _, m := range s.pool.taken {
		needed = append(needed, m.content)
	}
	s.same, s.central = s.pool.twins(), s.pool.central()
	for _, m := range s.pool.ranked() {
		others = append(others, m.content)
	}
	return needed, others, nil
}

// begin reads the first models, and finds the centre to measure from.
func (s *seeker) begin() error {
	var first []string
	if s.screen.count <= whole {
		for _, h := range s.screen.held {
			first = append(first, h.content)
		}
	} else {
		s.screen.whiten(s.o.Threads)
		first = s.screen.central(nearest)
		if s.o.Base == nil {
			first = union(first, s.screen.spread(centres))
		}
	}
	models, err := s.load(first)
	if err != nil {
		return err
	}
	var centre [][]float32
	if s.o.Base != nil {
		centre = meanOf(s.target, []*fingerprint.Fingerprint{s.o.Base})
	} else {
		centre = meanOf(s.target, models)
	}
	s.pool = newPool(s.target, centre, s.screen.count, s.o.Threads)
	s.pool.add(models)
	if s.screen.count <= whole {
		return nil
	}
	more, err := s.screen.best(s.ctx, coarseOf(s.pool.sections, s.pool.rest), inRound, s.o.Threads, s.known)
	if err != nil {
		return err
	}
	if models, err = s.load(more); err != nil {
		return err
	}
	s.pool.add(models)
	return nil
}

// choose selects, and reports whether others are taken than before.
func (s *seeker) choose() bool {
	before := s.pool.contents()
	for range 4 {
		s.pool.extend(most)
		if !s.pool.prune() {
			break
		}
	}
	for _, c := range s.pool.contents() {
		if !contains(before, c) {
			return true
		}
	}
	return false
}

// load reads fingerprints.
func (s *seeker) load(contents []string) ([]*fingerprint.Fingerprint, error) {
	at := map[string]int{}
	for i, c := range contents {
		at[c] = i
	}
	models := make([]*fingerprint.Fingerprint, len(contents))
	done, total := s.reads, s.reads+len(contents)
	s.reads = total
	err := s.lib.Load(s.ctx, contents, func(f *fingerprint.Fingerprint) error {
		if i, ok := at[f.Content]; ok {
			models[i] = f
		}
		if !s.known[f.Content] {
			s.compareParts(f)
		}
		s.known[f.Content] = true
		if s.o.Progress != nil {
			done++
			s.o.Progress(done, total)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	out := models[:0]
	for _, f := range models {
		if f != nil {
			out = append(out, f)
		}
	}
	return out, nil
}

// compareParts remembers a model that has the target's text encoder or VAE.
func (s *seeker) compareParts(f *fingerprint.Fingerprint) {
	for part, digest := range f.Parts {
		if digest != "" && digest == s.target.Parts[part] {
			s.parts[part] = append(s.parts[part], f.Name)
		}
	}
}

// meanOf returns the mean of models' buckets, by the target's sections; nil for one
// that none has of the same tensors.
func meanOf(target *fingerprint.Fingerprint, models []*fingerprint.Fingerprint) [][]float32 {
	out := make([][]float32, len(target.Sections))
	for b := range target.Sections {
		sum, n := make([]float64, fingerprint.Buckets), 0
		for _, m := range models {
			s := m.Section(target.Sections[b].Name)
			if m.Difference || s == nil || !s.SameTensors(&target.Sections[b]) {
				continue
			}
			n++
			for k, v := range s.Sums {
				sum[k] += float64(v)
			}
		}
		if n == 0 {
			continue
		}
		out[b] = make([]float32, len(sum))
		for k, v := range sum {
			out[b][k] = float32(v / float64(n))
		}
	}
	return out
}
