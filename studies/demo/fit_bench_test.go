package demo

import (
	"slices"
	"testing"
	"time"

	"gonum.org/v1/gonum/optimize"

	"mixmatch/merge"
	"mixmatch/merge/block"
	"mixmatch/merge/checkpoint"
	"mixmatch/similarity"
)

// BenchmarkFit compares two ways to the mix of one block: that of
// sd-model-analyzer's fit.py (Nelder-Mead over one coefficient a source from 0.4,
// on the attention similarity of one random input, every candidate merged anew;
// here in Go, so that the ways are compared and not the languages) and the
// closed form, products of the block's tensors included. Both are judged by the
// attention similarity they reach.
func BenchmarkFit(b *testing.B) {
	p, models, target := benchModels(b)
	var files []*checkpoint.File
	for _, m := range models {
		files = append(files, m.File)
	}
	l, err := block.For(block.SD1, p.Era)
	if err != nil {
		b.Fatal(err)
	}
	heads, err := similarity.Heads(l, target.File)
	if err != nil {
		b.Fatal(err)
	}
	at := slices.IndexFunc(heads, func(h similarity.Head) bool { return l.Name(h.Block) == "OUT09" })
	head := heads[at]
	input := [][]float32{head.Probe(114514)}
	score := func(w []float64) float64 {
		rows, err := head.Mixes(b.Context(), input, files, target.File, [][]float64{w}, 1)
		if err != nil {
			b.Fatal(err)
		}
		return rows[0][0]
	}
	pool, err := merge.NewPool(models)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		evaluations := 0
		start := time.Now()
		x0 := slices.Repeat([]float64{0.4}, len(models)-1)
		mixed := func(x []float64) []float64 { // base + sum of x_i (S_i - base)
			w := append([]float64{1}, x...)
			for _, v := range x {
				w[0] -= v
			}
			return w
		}
		found, err := optimize.Minimize(optimize.Problem{Func: func(x []float64) float64 {
			evaluations++
			return 1 - score(mixed(x))
		}}, x0, &optimize.Settings{FuncEvaluations: 4000}, &optimize.NelderMead{})
		if found == nil {
			b.Fatal(err)
		}
		theirs := time.Since(start)

		start = time.Now()
		g, err := similarity.Measure(b.Context(), pool, target, 1, nil)
		if err != nil {
			b.Fatal(err)
		}
		fit, err := g.Blocks(l).Ceiling(head.Block)
		if err != nil {
			b.Fatal(err)
		}
		ours := time.Since(start)
		b.ReportMetric(float64(evaluations), "fit.py-evaluations")
		b.ReportMetric(100*score(mixed(found.X)), "fit.py-%")
		b.ReportMetric(100*score(fit.Weights), "closed-form-%")
		b.ReportMetric(theirs.Seconds(), "fit.py-s/block")
		b.ReportMetric(ours.Seconds()/float64(l.Len()), "closed-form-s/block")
	}
}
