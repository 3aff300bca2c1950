package relatives

import (
	"fmt"
	"math"

	"mixmatch/merge"
	"mixmatch/merge/block"
	"mixmatch/merge/safetext"
	"mixmatch/similarity/fingerprint"
)

// A reference is what fingerprints are compared from, in the sections of the network
// that it and the model have: a base, or the mean of several models.
type reference struct {
	model    *fingerprint.Fingerprint
	sections []meanSection
	whole    [fingerprint.CoarseLen]float64 // sum of the coarse fingerprints
	of       float64                        // how many
}

// A meanSection is the sum of a section of those that have it.
type meanSection struct {
	of   float64
	sums []float64
}

// section returns the section of f that has the tensors of s, or nil.
func section(f *fingerprint.Fingerprint, s *fingerprint.Section) *fingerprint.Section {
	if t := f.Section(s.Name); t != nil && t.SameTensors(s) {
		return t
	}
	return nil
}

// take adds a fingerprint to those that the reference is the mean of.
func (r *reference) take(f *fingerprint.Fingerprint) error {
	if f.Arch != r.model.Arch {
		return fmt.Errorf("%w: %s is %s, %s is %s", merge.ErrMismatch, safetext.Line(f.Name), f.Arch, safetext.Line(r.model.Name), r.model.Arch)
	}
	if r.sections == nil {
		r.sections = make([]meanSection, len(r.model.Sections))
	}
	some := false
	for i := range r.model.Sections {
		s := &r.model.Sections[i]
		own := section(f, s)
		if s.Part != block.UNet || own == nil {
			continue
		}
		m := &r.sections[i]
		if m.sums == nil {
			m.sums = make([]float64, fingerprint.Buckets)
		}
		some = true
		m.of++
		for b, v := range own.Sums {
			m.sums[b] += float64(v)
		}
	}
	if !some {
		return fmt.Errorf("%w: %s and %s have no block of the same tensors", merge.ErrMismatch, safetext.Line(f.Name), safetext.Line(r.model.Name))
	}
	r.of++
	for k, v := range f.Coarse() {
		r.whole[k] += float64(v)
	}
	return nil
}

// coarse returns what sets a coarse fingerprint apart.
func (r *reference) coarse(c *fingerprint.Coarse) *[fingerprint.CoarseLen]float64 {
	var d [fingerprint.CoarseLen]float64
	for k, v := range c {
		d[k] = float64(v) - r.whole[k]/r.of
	}
	return &d
}

func coarseCosine(x, y *[fingerprint.CoarseLen]float64) float64 {
	var xx, xy, yy float64
	for k, v := range x {
		xx += float64(v * v)
		xy += float64(v * y[k])
		yy += float64(y[k] * y[k])
	}
	if !(xx > 0 && yy > 0) {
		return 0
	}
	return xy / (math.Sqrt(xx) * math.Sqrt(yy))
}

// A delta is what sets a model apart from the reference, by sections of the model that
// relatives are looked for; nil where it has none of these.
type delta [][]float64

func (r *reference) delta(f *fingerprint.Fingerprint) delta {
	d := make(delta, len(r.sections))
	for i := range r.sections {
		m := &r.sections[i]
		if m.of == 0 {
			continue
		}
		s := section(f, &r.model.Sections[i])
		if s == nil {
			continue
		}
		d[i] = make([]float64, len(s.Sums))
		for b, v := range s.Sums {
			d[i][b] = float64(v) - m.sums[b]/m.of
		}
	}
	return d
}

// length returns the squared length.
func (d delta) length() float64 {
	sum := 0.0
	for _, x := range d {
		for _, v := range x {
			sum += float64(v * v)
		}
	}
	return sum
}

// cosine returns that of two deltas over the sections that both have, and its standard
// error. Sketches of m buckets have, in each section alone, products with the covariances
// (<p,r><q,s> + <p,s><q,r>)/m of <p,q> and <r,s>; the error is that of <x,y> - c/2 (<x,x>
// + <y,y>) of deltas of length 1, to first order: (1-c^2)/sqrt(m) for a single section.
func cosine(x, y delta) (c, sd float64) {
	type products struct{ xx, xy, yy float64 }
	var all products
	var sections []products
	for i := range x {
		if x[i] == nil || y[i] == nil {
			continue
		}
		var p products
		for k, v := range x[i] {
			p.xx += float64(v * v)
			p.xy += float64(v * y[i][k])
			p.yy += float64(y[i][k] * y[i][k])
		}
		all = products{all.xx + p.xx, all.xy + p.xy, all.yy + p.yy}
		sections = append(sections, p)
	}
	if !(all.xx > 0 && all.yy > 0) {
		return 0, 0
	}
	size := math.Sqrt(all.xx) * math.Sqrt(all.yy)
	c = min(1, max(-1, all.xy/size))
	spread := 0.0
	for _, p := range sections {
		a, g, b := p.xx/all.xx, p.xy/size, p.yy/all.yy
		spread += float64(a*b) + float64(g*g) + float64(c*c*(float64(a*a)+float64(b*b)+float64(2*g*g))/2) - float64(2*c*g*(a+b))
	}
	return c, math.Sqrt(max(0, spread) / fingerprint.Buckets)
}

// sameBlocks returns in how many of the sections that both have two models are no
// farther apart than storing them may have put them.
func sameBlocks(a, b *fingerprint.Fingerprint) (same, of int) {
	for i := range a.Sections {
		s := &a.Sections[i]
		t := section(b, s)
		if t == nil {
			continue
		}
		of++
		apart := 0.0
		for k, v := range s.Sums {
			d := float64(v) - float64(t.Sums[k])
			apart += float64(d * d)
		}
		// Half as much again: a squared length is known to sqrt(2/4096), rounding to a
		// few percent where a block is small.
		if apart <= 1.5*(s.Floor+t.Floor) {
			same++
		}
	}
	return same, of
}
