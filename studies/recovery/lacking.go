package recovery

import (
	"fmt"
	"maps"
	"slices"
)

// amounts are the weights of what is missing.
var amounts = []float64{0.05, 0.15, 0.4}

// withheld is mixes with a source that is not offered, or a version of it is.
func withheld() []Situation {
	var rows []Situation
	for _, m := range amounts {
		rows = append(rows, Situation{Name: fmt.Sprintf("%.0f %% missing, one direction", 100*m), plant: func(d draw) *planted {
			f := oneDirection(d.seed, 12)
			w := []float64{}
			for _, v := range shares(d.Rand, 4) {
				w = append(w, (1-m)*float64(v))
			}
			return d.hide(f, f.names[:4], w, f.names[11], m)
		}})
	}
	for _, m := range amounts {
		rows = append(rows, Situation{
			Name:  fmt.Sprintf("%.0f %% missing, clusters", 100*m),
			plant: func(d draw) *planted { return d.fromClusters(m) },
		})
	}
	for _, m := range amounts {
		rows = append(rows, Situation{Name: fmt.Sprintf("%.0f %% missing, kin", 100*m), plant: func(d draw) *planted {
			f := kin(d.seed)
			hidden := pick(d.Rand, f.names[8:]...) // none of a pair
			return d.withheld(f, without(f.names, hidden), hidden, m)
		}})
	}
	for _, m := range amounts {
		rows = append(rows, Situation{Name: fmt.Sprintf("%.0f %% of a version offered", 100*m), plant: func(d draw) *planted {
			f := kin(d.seed)
			hidden := pick(d.Rand, f.names[:8]...)
			p := d.withheld(f, without(f.names, hidden, other(hidden)), hidden, m)
			p.neutral, p.want = other(hidden), notExact
			p.offered = append(p.offered, p.neutral)
			return p
		}})
	}
	return rows
}

// fromClusters plants four of the twelve models of clusters, their weights the
// same in all blocks, and the thirteenth with weight m, which is not offered.
func (d draw) fromClusters(m float64) *planted {
	f := clusters(d.seed)
	names := []string{f.names[0], f.names[2], f.names[4], f.names[7]}
	w := []float64{0.3, 0.25, 0.2, 0.25}
	for i := range w {
		w[i] *= 1 - m
	}
	return d.hide(f, names, w, f.names[12], m)
}

// hide plants a weighted sum of models of f, with the one called hidden, which is
// not offered, having weight m.
func (d draw) hide(f *family, names []string, weights []float64, hidden string, m float64) *planted {
	p := &planted{family: f, once: true, offered: without(f.names, hidden), base: baseName}
	if m > 0 {
		names, weights = append(slices.Clone(names), hidden), append(weights, m)
		p.want = oneMissing
	}
	p.recipe = blend(d.layout, names, weights)
	return p
}

// withheld plants a chain of three to five of the names of f, then the model
// called hidden at m. The names are what is offered.
func (d draw) withheld(f *family, names []string, hidden string, m float64) *planted {
	p := d.mixOf(f, names, 3+d.IntN(3), false)
	p.recipe = last(d.Rand, p.recipe, hidden, m)
	p.offered, p.want = names, oneMissing
	return p
}

// added is mixes with a LoRA baked in.
func added() []Situation {
	row := func(rank int, strength float32) Situation {
		name := fmt.Sprintf("LoRA of rank %d at %v", rank, strength)
		return Situation{Name: name, plant: func(d draw) *planted {
			p := d.few(kin(d.seed))
			p.finish, p.rank, p.want = lora(rank, strength), rank, notExact
			return p
		}}
	}
	var rows []Situation
	for _, rank := range []int{4, 16, 64} {
		for _, strength := range []float32{0.3, 1} {
			rows = append(rows, row(rank, strength))
		}
	}
	return append(rows, row(8, 0.1))
}

// networks is mixes of networks that were really trained.
func networks() []Situation {
	rows := []Situation{{Name: "trained, all there", trained: true, plant: func(d draw) *planted {
		return d.few(d.networks.family(d.seed))
	}}}
	for _, m := range amounts {
		rows = append(rows, Situation{Name: fmt.Sprintf("trained, %.0f %% missing", 100*m), trained: true, plant: func(d draw) *planted {
			f := d.networks.family(d.seed)
			hidden := pick(d.Rand, d.networks.apart()...)
			return d.withheld(f, without(f.names, hidden), hidden, m)
		}})
	}
	for _, m := range amounts {
		rows = append(rows, Situation{Name: fmt.Sprintf("trained, %.0f %% of a version offered", 100*m), trained: true, plant: func(d draw) *planted {
			f := d.networks.family(d.seed)
			versions := d.networks.versions()
			hidden := pick(d.Rand, slices.Sorted(maps.Keys(versions))...)
			p := d.withheld(f, without(f.names, hidden, versions[hidden]), hidden, m)
			p.neutral, p.want = versions[hidden], notExact // so much of it is there that little may be left
			p.offered = append(p.offered, p.neutral)
			return p
		}})
	}
	return append(rows, Situation{Name: "trained, LoRA of rank 16 at 1", trained: true, plant: func(d draw) *planted {
		p := d.few(d.networks.family(d.seed))
		p.finish, p.rank, p.want = lora(16, 1), 16, notExact
		return p
	}})
}
