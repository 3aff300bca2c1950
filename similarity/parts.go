package similarity

import "mixmatch/merge/block"

// VAE tells how far the target's VAE is from that of each model, as
// |T-S|^2 / |T|^2; models without a VAE get -1. It returns nil if the target's
// VAE was not measured.
func (g *Gram) VAE() (relative []float64) {
	return g.apart(func(t *Products) bool { return t.Part() == block.VAE })
}

// VAEOf is VAE for the mix with weights w: |T-M|^2 / |T|^2, or -1 if there is
// nothing to measure or a model of the mix has no VAE.
func (g *Gram) VAEOf(w []float64) float64 {
	s, ok := g.only(func(t *Products) bool { return t.Part() == block.VAE })
	if !ok {
		return -1
	}
	for i, v := range w {
		if v != 0 && s.absent[i] {
			return -1
		}
	}
	return distance(s.p, w) / s.target()
}

// Kept tells the same of the tensors that no merge under l touches, which a
// merge keeps from its model A.
func (g *Gram) Kept(l *block.Layout) (relative []float64) {
	return g.apart(func(t *Products) bool {
		_, governed := l.Of(t.Key)
		return !governed
	})
}

// only sums the tensors that are wanted; false if there are none.
func (g *Gram) only(wanted func(*Products) bool) (sum, bool) {
	var tensors []*Products
	for i := range g.Tensors {
		if wanted(&g.Tensors[i]) {
			tensors = append(tensors, &g.Tensors[i])
		}
	}
	return g.sumOf(tensors), len(tensors) > 0
}

// target returns |T|^2.
func (s *sum) target() float64 {
	m := len(s.absent) + 1
	return s.p[0] + 2*s.p[m-1] + s.p[m*m-1]
}

// apart returns |T-S|^2 / |T|^2 for each model over the tensors that are wanted, -1
// for models that lack some and for differences.
func (g *Gram) apart(wanted func(*Products) bool) (relative []float64) {
	s, ok := g.only(wanted)
	if !ok {
		return nil
	}
	for i := range g.Names {
		w := make([]float64, len(g.Names))
		w[i] = 1
		d := -1.0
		if !s.absent[i] && i < s.models {
			d = distance(s.p, w) / s.target()
		}
		relative = append(relative, d)
	}
	return relative
}
