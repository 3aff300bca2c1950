package demo

import (
	"context"
	"io"
	"os"
	"testing"
	"time"

	"mixmatch/merge"
	"mixmatch/merge/recipe"
	"mixmatch/similarity"
)

// BenchmarkPass measures the one pass over the files against plainly reading
// the same files in the same run, both from memory and on one thread: the
// metric reading/pass is 1 if the arithmetic were free.
func BenchmarkPass(b *testing.B) {
	_, models, target := benchModels(b)
	pool, err := merge.NewPool(models)
	if err != nil {
		b.Fatal(err)
	}
	var size int64
	read := func() time.Duration {
		start := time.Now()
		size = 0
		buf := make([]byte, 1<<18)
		for _, m := range append(models, target) {
			f, err := os.Open(m.File.Path())
			if err != nil {
				b.Fatal(err)
			}
			n, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{f}, buf)
			f.Close()
			if err != nil {
				b.Fatal(err)
			}
			size += n
		}
		return time.Since(start)
	}
	read() // into memory
	var reading, passing time.Duration
	for b.Loop() {
		reading += read()
		start := time.Now()
		if _, err := similarity.Measure(b.Context(), pool, target, 1, nil); err != nil {
			b.Fatal(err)
		}
		passing += time.Since(start)
	}
	b.ReportMetric(float64(reading)/float64(passing), "reading/pass")
	b.ReportMetric(float64(size)*float64(b.N)/passing.Seconds()/1e6, "MB/s")
}

// benchModels makes a family and opens the sources, base first, and the target.
func benchModels(b *testing.B) (p Planted, models []*merge.Model, target *merge.Model) {
	b.Helper()
	p, err := Write(context.Background(), b.TempDir(), Family{Div: 5, Seed: 1}, nil)
	if err != nil {
		b.Fatal(err)
	}
	open := func(path string) *merge.Model {
		m, err := merge.OpenModel(recipe.NameOf(path), path)
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { m.Close() })
		return m
	}
	models = append(models, open(p.Base))
	for _, s := range p.Sources {
		models = append(models, open(s.Path))
	}
	return p, models, open(p.Target)
}
