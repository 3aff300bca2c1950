package identify

import (
	"fmt"
	"math"
	"slices"

	"mixmatch/merge/block"
	"mixmatch/similarity/fingerprint"
)

// A planted is a target and what is in it.
type planted struct {
	target  *fingerprint.Fingerprint
	sources []int
	weights [][]float64 // by source and section
}

// plant makes a mix of so many records, a step after the other: with one ratio, a ramp
// over the blocks, or one a block of which some are 0. The last few, fresh of them, are
// fine-tunes of the base and not of others. The last source has the share
// last in every block, if that is not 0.
func (w *world) plant(number, count, fresh int, last float64) *planted {
	p := &planted{}
	random := func(words ...uint64) float64 { return unit(append([]uint64{w.seed, 20, uint64(number)}, words...)...) }
	for try := uint64(0); len(p.sources) < count; try++ {
		i := int(random(1, try) * float64(w.n))
		near := len(p.sources) > 0 && random(2, try) < 0.3 // one of the same cluster
		switch k := w.kinds[i]; {
		case slices.Contains(p.sources, i), k != tuned && k != version && k != mergedTuned,
			len(p.sources) >= count-fresh && k != tuned,
			near && try < 200 && w.cluster(i) != w.cluster(p.sources[0]):
			continue
		}
		p.sources = append(p.sources, i)
	}
	n := len(w.sections)
	for range p.sources {
		p.weights = append(p.weights, make([]float64, n))
	}
	ratios := make([][]float64, n)
	for b := range n {
		ratios[b] = make([]float64, count)
		p.weights[0][b] = 1
		for k := 1; k < count; k++ {
			ratio := 0.15 + 0.35*random(3, uint64(k))
			switch kind := random(4, uint64(k)); {
			case k == count-1 && last > 0:
				ratio = last
			case kind < 0.4:
			case kind < 0.7:
				ratio *= 0.4 + 1.2*float64(b)/float64(n)
			default:
				ratio *= math.Round(1.2*random(5, uint64(k), uint64(b))) * (0.5 + random(6, uint64(k), uint64(b)))
			}
			ratio = math.Round(100*ratio) / 100
			for j := range k {
				p.weights[j][b] *= 1 - ratio
			}
			p.weights[k][b], ratios[b][k] = ratio, ratio
		}
	}
	p.sameBlocks(w)
	f := &fingerprint.Fingerprint{Card: fingerprint.Card{Name: fmt.Sprintf("target-%d", number)}, Arch: block.SD1, Content: fmt.Sprintf("target-%d", number)}
	sums := make([][]float64, n)
	for b := range sums {
		sums[b] = make([]float64, fingerprint.Buckets)
		rounding, later := 0.0, 1.0 // of each step, less what later ones take of it
		for k := count - 1; k > 0; k-- {
			rounding += later * later
			if later *= 1 - ratios[b][k]; later == 0 {
				break
			}
		}
		w.add(sums[b], atom{mixed(w.seed, 21, uint64(number)), grainRatio * math.Sqrt(rounding), false}, b)
	}
	for k, i := range p.sources {
		for b, s := range w.fingerprint(i).Sections {
			for j, v := range s.Sums {
				sums[b][j] += p.weights[k][b] * float64(v)
			}
		}
	}
	for b, s := range w.sections {
		s.Sums = make([]float32, fingerprint.Buckets)
		for j, v := range sums[b] {
			s.Sums[j] = float32(v)
		}
		f.Sections = append(f.Sections, s)
	}
	p.target = f
	return p
}

// sameBlocks gives sections that are one block the same weights.
func (p *planted) sameBlocks(w *world) {
	l, err := block.Default(block.SD1)
	if err != nil {
		panic(err)
	}
	first := map[block.ID]int{}
	for b := range w.sections {
		id, _ := l.Of(w.sections[b].Key)
		if a, ok := first[id]; ok {
			for k := range p.weights {
				p.weights[k][b] = p.weights[k][a]
			}
			continue
		}
		first[id] = b
	}
}

// withhold takes record i, and all that was made of it, from the library.
func (w *world) withhold(i int) {
	own := mixed(w.seed, 10, uint64(i))
	gone := make([]bool, w.n)
	w.each(w.n, func(j int) {
		gone[j] = j == i || slices.ContainsFunc(w.atoms(j, 1, 2), func(a atom) bool { return a.id == own })
	})
	for j, g := range gone {
		if g {
			w.without[j] = true
		}
	}
}
