package identify

import (
	"cmp"
	"context"
	"math"
	"slices"

	"mixmatch/merge/block"
	"mixmatch/merge/vec"
	"mixmatch/similarity/fingerprint"
	"mixmatch/similarity/library"
)

const (
	// heldRecords are as many coarse fingerprints as are kept in memory, 256 MB of them.
	// Those behind them are read anew in every round.
	heldRecords = 1 << 18

	// sampled are as many records as the library's covariance is taken from.
	sampled = 4096
)

// A screen is the coarse side of a library: which of its records are alike to what is
// left of a target.
//
// Models of one kind share directions: all fine-tunes moved a little the same way.
// Cosines would rank what the target has in common with everybody. So records are
// measured from the library's median and divided by its covariance, which makes the
// cosine the matched filter for one record among records of that distribution.
type screen struct {
	lib    Library
	target *fingerprint.Fingerprint
	base   string // content of the base, which is no candidate

	held     []heldRecord
	more     bool // there are records behind those held
	whitened bool
	centre   []float64   // the median
	turn     [][]float32 // rows of the matrix that makes the covariance the identity

	count  int    // candidates
	differ int    // records of other architectures
	itself string // name of the record that is the target
}

// A heldRecord is one candidate: its coarse fingerprint, once whitened a vector of
// length 1.
type heldRecord struct {
	content    string
	coarse     *fingerprint.Coarse
	length     float32 // of the whitened vector, before it was made 1
	difference bool
}

// newScreen reads all entries, and keeps so many.
func newScreen(ctx context.Context, lib Library, target, base *fingerprint.Fingerprint, hold int) (*screen, error) {
	s := &screen{lib: lib, target: target}
	if base != nil {
		s.base = base.Content
	}
	err := lib.Entries(ctx, func(e *library.Entry) error {
		if !s.candidate(e) {
			return nil
		}
		s.count++
		if len(s.held) == hold {
			s.more = true
			return nil
		}
		s.held = append(s.held, heldRecord{content: e.Content, coarse: e.Coarse, difference: e.Difference})
		return nil
	})
	return s, err
}

// candidate reports whether a record may be a source, and counts those that may not.
func (s *screen) candidate(e *library.Entry) bool {
	switch {
	case e.Arch != s.target.Arch:
		s.differ++
	case e.Content == s.target.Content:
		s.itself = e.Name
	case e.Content != s.base:
		return true
	}
	return false
}

// A match is a record and how alike it is to what was looked for.
type match struct {
	content string
	score   float64
}

// best returns the contents of the k records most alike to a residual, of those that
// are not known.
func (s *screen) best(ctx context.Context, residual *fingerprint.Coarse, k, threads int, known map[string]bool) ([]string, error) {
	var r fingerprint.Coarse
	s.white(&r, residual, true)
	scores := make([]float64, len(s.held))
	share(len(s.held), threads, func(from, to int) {
		for i := from; i < to; i++ {
			scores[i] = math.Abs(vec.Dot(r[:], s.held[i].coarse[:]))
		}
	})
	var top []match
	add := func(content string, score float64) {
		if known[content] {
			return
		}
		top = append(top, match{content, score})
		if len(top) >= 4*k+1024 {
			top = cut(top, k)
		}
	}
	for i, v := range scores {
		add(s.held[i].content, v)
	}
	if s.more {
		err := s.others(ctx, func(e *library.Entry) {
			var x fingerprint.Coarse
			s.white(&x, e.Coarse, e.Difference)
			add(e.Content, math.Abs(vec.Dot(r[:], x[:])))
		})
		if err != nil {
			return nil, err
		}
	}
	var out []string
	for _, m := range cut(top, k) {
		out = append(out, m.content)
	}
	return out, nil
}

// central returns the contents of the k models nearest to the median: what all others
// were trained from is among them, and differs from it in no direction of its own.
func (s *screen) central(k int) []string {
	var top []match
	for i := range s.held {
		if h := &s.held[i]; !h.difference {
			top = append(top, match{h.content, -float64(h.length)})
		}
	}
	var out []string
	for _, m := range cut(top, k) {
		out = append(out, m.content)
	}
	return out
}

// spread returns the contents of k models, evenly spaced.
func (s *screen) spread(k int) []string {
	var all []string
	for i := range s.held {
		if !s.held[i].difference {
			all = append(all, s.held[i].content)
		}
	}
	var out []string
	for i := range min(k, len(all)) {
		out = append(out, all[i*len(all)/min(k, len(all))])
	}
	return out
}

// others hands the candidates behind those held to use.
func (s *screen) others(ctx context.Context, use func(*library.Entry)) error {
	behind, at := &screen{target: s.target, base: s.base}, 0
	return s.lib.Entries(ctx, func(e *library.Entry) error {
		if !behind.candidate(e) {
			return nil
		}
		if at++; at > len(s.held) {
			use(e)
		}
		return nil
	})
}

// cut returns the k best, the best first.
func cut(top []match, k int) []match {
	slices.SortFunc(top, func(a, b match) int {
		return cmp.Or(cmp.Compare(b.score, a.score), cmp.Compare(a.content, b.content))
	})
	return top[:min(k, len(top))]
}

// coarseOf returns the coarse fingerprint of buckets by section.
func coarseOf(sections []fingerprint.Section, rows [][]float64) *fingerprint.Coarse {
	var sums [fingerprint.CoarseLen]float64
	for b := range sections {
		if sections[b].Part != block.UNet {
			continue
		}
		for k, v := range rows[b] {
			sums[k%fingerprint.CoarseLen] += v
		}
	}
	var c fingerprint.Coarse
	for k, v := range sums {
		c[k] = float32(v)
	}
	return &c
}
