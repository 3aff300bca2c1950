package demo

import (
	"testing"
)

// BenchmarkFill makes one chunk in all models and the target.
func BenchmarkFill(b *testing.B) {
	cast := characters[:9]
	r := parse(b, blessing)
	w, err := newWork(Family{Div: 1}, r, cast)
	if err != nil {
		b.Fatal(err)
	}
	for i := range w.tensors {
		t := &w.tensors[i]
		id, _ := r.Layout.Of(t.Name)
		if t.Len() < chunk || r.Layout.Name(id) != "OUT06" {
			continue
		}
		j := &job{scratch: newScratch(len(cast), t.target.size), t: t, n: chunk}
		b.SetBytes(chunk)
		for b.Loop() {
			w.fill(j)
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/chunk, "ns/element")
		return
	}
}
