package identify

import (
	"testing"
)

// TestKin plants recipes in families that have more in common than usual.
func TestKin(t *testing.T) {
	for _, c := range []struct {
		name            string
		n               int
		apart, together float64
		absent          int
	}{
		{"two bases", 400, 0.2, common, 0},
		{"two bases, screened", 900, 0.2, common, 0},
		{"one direction", 400, 0, 0.5, 0},
		{"two bases, one absent", 400, 0.2, common, 1},
		{"one direction, one absent", 400, 0, 0.5, 1},
	} {
		w := newKin(t, 11, c.n, c.apart, c.together)
		var s score
		for k := range many(1, 6) {
			clear(w.without)
			p := w.plant(k, 5, c.absent, 0.15*float64(c.absent))
			for _, i := range p.sources[5-c.absent:] {
				w.withhold(i)
			}
			s.add(w, p, find(t, w, p, Options{}))
		}
		if s.precision() < 1 || s.recall() < 0.9 || s.coverage() < 0.9 || s.verdicts < s.mixes || c.absent == 0 && s.worst > 0.002 || c.absent > 0 && s.off() > 0.2 {
			t.Errorf("%s: it is not so", c.name)
		}
		t.Logf("%s: precision %.3f, recall %.3f, coverage %.3f, worst %.5f, off %.3f, verdicts %d of %d", c.name, s.precision(), s.recall(), s.coverage(), s.worst, s.missing, s.verdicts, s.mixes)
	}
}
