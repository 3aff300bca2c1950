package recovery

import (
	"math"
	"math/rand/v2"
	"strings"

	"mixmatch/merge/block"
	"mixmatch/merge/recipe"
)

// typed are numbers that people type.
var typed = []float64{
	0.05, 0.08, 0.1, 0.12, 0.15, 0.18, 0.2, 0.25, 0.3, 0.33, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.9,
}

// row returns a step's ratios as people write them: a number for all blocks, a
// number for each part of the network, a ramp, or numbers with zeros between.
// None is above 0.95, which would all but drop the models of the steps before.
func row(r *rand.Rand, l *block.Layout) recipe.Row {
	x := make([]float64, l.Len())
	switch k := r.IntN(20); {
	case k < 6:
		fill(x, pick(r, typed...))
	case k < 11:
		byPart(r, l, x)
	case k < 14:
		ramps(r, l, x)
	case k < 17:
		fill(x, pick(r, typed...))
		for _, i := range r.Perm(len(x))[:6+r.IntN(12)] {
			x[i] = 0
		}
	case k < 18: // some blocks only
		a := pick(r, typed...)
		for _, i := range r.Perm(len(x))[:2+r.IntN(4)] {
			x[i] = a
		}
	default: // halves of each part
		for at := 0; at < len(x); {
			n := min(1+r.IntN(8), len(x)-at)
			fill(x[at:at+n], pick(r, 0, pick(r, typed...), pick(r, typed...)))
			at += n
		}
	}
	ratios := make(recipe.Row, len(x))
	some := false
	for i, a := range x {
		ratios[i].Value = min(a, 0.95)
		some = some || a != 0
	}
	if !some {
		return row(r, l)
	}
	return ratios
}

func fill(x []float64, a float64) {
	for i := range x {
		x[i] = a
	}
}

// byPart sets x to a number for the text encoder and each of the inputs, the
// middle and the outputs.
func byPart(r *rand.Rand, l *block.Layout, x []float64) {
	in, mid, out := pick(r, typed...), pick(r, typed...), pick(r, typed...)
	base := pick(r, 0, pick(r, typed...))
	for i := range x {
		switch name := l.Name(block.ID(i)); {
		case strings.HasPrefix(name, "IN"):
			x[i] = in
		case strings.HasPrefix(name, "M"):
			x[i] = mid
		case strings.HasPrefix(name, "OUT"):
			x[i] = out
		default:
			x[i] = base
		}
	}
}

// ramps sets x to numbers that rise through the inputs and rise or fall through
// the outputs, to two digits.
func ramps(r *rand.Rand, l *block.Layout, x []float64) {
	ends := []float64{0, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9}
	byPart(r, l, x)
	for _, part := range []string{"IN", "OUT"} {
		from, to := pick(r, ends...), pick(r, ends...)
		if part == "IN" {
			from, to = min(from, to), max(from, to)
		}
		var ids []int
		for i := range x {
			if strings.HasPrefix(l.Name(block.ID(i)), part) {
				ids = append(ids, i)
			}
		}
		for k, i := range ids {
			share := float64(k) / float64(len(ids)-1)
			x[i] = math.Round(100*(from+float64((to-from)*share))) / 100
		}
	}
}
