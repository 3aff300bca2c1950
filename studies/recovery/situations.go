package recovery

import (
	"math"
	"math/rand/v2"
	"slices"

	"mixmatch/merge/block"
)

// A Situation is a row of the table: a way to plant mixes.
type Situation struct {
	Name    string
	trained bool // it needs the trained networks
	plant   func(d draw) *planted
}

// A draw is what a situation plants one mix of.
type draw struct {
	*rand.Rand
	seed     uint64
	layout   *block.Layout
	networks *trained // nil if there are none
}

// Situations returns all rows. Another one is another line here.
func Situations() []Situation {
	rows := []Situation{
		{Name: "all there, 10 decoys", plant: func(d draw) *planted {
			n := 3 + d.IntN(4)
			return d.mix(loose(d.seed, n+10), n)
		}},
		{Name: "rounded once", plant: func(d draw) *planted {
			p := d.few(loose(d.seed, 14))
			p.once = true
			return p
		}},
		{Name: "clusters, all there", plant: func(d draw) *planted { return d.fromClusters(0) }},
		{Name: "candidates merged of others", plant: func(d draw) *planted { return d.few(merges(d.seed, false)) }},
		{Name: "candidates merged, nothing own", plant: func(d draw) *planted { return d.few(merges(d.seed, true)) }},
		{Name: "deltas of low rank", plant: func(d draw) *planted { return d.few(lowRanks(d.seed)) }},
		{Name: "deltas with heavy tails", plant: func(d draw) *planted { return d.few(heavyTails(d.seed)) }},
		{Name: "frozen text encoders", plant: func(d draw) *planted { return d.few(frozen(d.seed)) }},
	}
	rows = append(rows, withheld()...)
	rows = append(rows, added()...)
	rows = append(rows, stored()...)
	rows = append(rows, bases()...)
	rows = append(rows, steps()...)
	return append(rows, networks()...)
}

// mix plants a chain of n models of f, with all models and the base offered.
func (d draw) mix(f *family, n int) *planted {
	return d.mixOf(f, f.names, n, false)
}

// few plants a chain of three to six models of f.
func (d draw) few(f *family) *planted { return d.mix(f, 3+d.IntN(4)) }

// mixOf plants a chain of n of the names of f.
func (d draw) mixOf(f *family, names []string, n int, subtract bool) *planted {
	return &planted{
		family: f, recipe: chain(d.Rand, d.layout, d.some(names, n), subtract), typed: true,
		offered: slices.Clone(f.names), base: baseName,
	}
}

// some returns n of names in any order.
func (d draw) some(names []string, n int) []string {
	var some []string
	for _, i := range d.Perm(len(names))[:n] {
		some = append(some, names[i])
	}
	return some
}

// bystander returns an offered model that p's recipe does without.
func (d draw) bystander(p *planted) string {
	return pick(d.Rand, without(p.offered, p.recipe.Sources()...)...)
}

// without returns the names that are none of those given.
func without(names []string, not ...string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(n string) bool { return slices.Contains(not, n) })
}

// stored is mixes that were kept in fewer digits for a while.
func stored() []Situation {
	row := func(name string, s store) Situation {
		return Situation{Name: name, plant: func(d draw) *planted {
			p := d.few(kin(d.seed))
			p.store = s
			return p
		}}
	}
	return []Situation{
		row("stored as fp16", nil),
		row("bf16, then fp16", bfloat16),
		row("fp8, then fp16", float8),
	}
}

// bases is mixes whose base is not offered, or another is.
func bases() []Situation {
	return []Situation{
		{Name: "no base", plant: func(d draw) *planted {
			f := kin(d.seed)
			p := d.mixOf(f, f.names, 3+d.IntN(4), true)
			p.base, p.want = "", notExact
			return p
		}},
		{Name: "wrong base", plant: func(d draw) *planted {
			f := kin(d.seed)
			p := d.mixOf(withOther(f), f.names, 3+d.IntN(4), true)
			p.offered, p.base, p.want = f.names, otherBase, notExact
			return p
		}},
	}
}

// steps is mixes whose last step is not linear.
func steps() []Situation {
	row := func(name string, weight float64, last func(name string) finish) Situation {
		return Situation{Name: name, plant: func(d draw) *planted {
			p := d.few(kin(d.seed))
			x := d.bystander(p)
			p.finish, p.also, p.want = last(x), map[string]float64{x: weight}, notExact
			return p
		}}
	}
	return []Situation{
		row("last step trainDifference", math.NaN(), func(x string) finish { return trainDifference(x, 0.3) }),
		row("last step DARE", 0.3, func(x string) finish { return dare(x, 0.3) }),
		row("last step TIES", math.NaN(), func(x string) finish { return ties(x, 0.3) }),
	}
}
