package main

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"strconv"
)

const growthHead = "\nGrowth, each line beside the one above it: `n^1.2` is the power of what grows.\n\n" +
	"| what grows | to | optimize | grew | products alone | grew | pread by as many threads | its share of the products |\n| --- | --- | --- | --- | --- | --- | --- | --- |\n"

// A step is one line of the second table.
type step struct {
	what, to string
	n        float64 // what grows
	threads  int
	files    []string
	args     []string // of optimize
}

// growth prints how times grow with the number of sources, the size of models and the
// number of threads.
func (b *bencher) growth(ctx context.Context) error {
	if !b.only.MatchString("growth") {
		return nil
	}
	fmt.Print(growthHead)
	counts, sizes := []int{5, 20, 60}, []float64{0.03, 0.1, 0.3}
	if b.dir != "" {
		counts, sizes = append(counts, 200), []float64{0.1, 1, 2}
	}
	all := runtime.NumCPU()
	var before *grown
	crowded := func(what, to string, n float64, sources int, millions float64) error {
		c, err := b.crowd(ctx, sources, millions)
		if err != nil {
			return err
		}
		before, err = b.grow(ctx, step{what, to, n, all, c.files, c.args(targetFile)}, before)
		return err
	}
	for _, n := range counts {
		if err := crowded("sources of 1 M parameters", strconv.Itoa(n), float64(n), n, 1); err != nil {
			return err
		}
	}
	before = nil
	for _, size := range sizes {
		if err := crowded("models, two sources", fmt.Sprintf("%g GB", size), size, 2, size*500); err != nil {
			return err
		}
	}
	if err := b.scratch.drop("crowd"); err != nil {
		return err
	}
	before = nil
	for _, n := range cores() {
		s := step{"threads, 5 sources of the first table", strconv.Itoa(n), float64(n), n, b.files(), append(b.familyArgs(), "--threads", strconv.Itoa(n))}
		var err error
		if before, err = b.grow(ctx, s, before); err != nil {
			return err
		}
	}
	return nil
}

// grown is what a step took.
type grown struct {
	n              float64
	optimize, pass float64 // seconds
}

// grow measures and prints a step.
func (b *bencher) grow(ctx context.Context, s step, before *grown) (*grown, error) {
	r, err := b.measure(ctx, row{
		work: "growth, " + s.what + ", " + s.to, files: s.files, turns: 3,
		ours: func(ctx context.Context) (sample, error) { return b.optimize(ctx, s.args...) },
		rivals: []rival{
			{name: "products", run: func(ctx context.Context) (sample, error) { return b.job(ctx, "pass", s.threads, s.files) }},
			b.reading(s.threads, s.files),
		},
	})
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	ours := r.ours.String()
	if err != nil {
		ours = "failed: " + err.Error()
		b.failures = append(b.failures, r.work)
	} else if r.failed != "" {
		ours = r.failed
	}
	pass, read := r.beside[0], r.beside[1]
	now := &grown{s.n, median(r.ours.each(seconds)), median(pass.theirs.each(seconds))}
	var last grown
	if before != nil {
		last = *before
	}
	fmt.Printf("| %s | %s | %s | %s | %s | %s | %s | %s |\n", s.what, s.to, ours, grew(last.optimize, now.optimize, s.n/last.n),
		pass.figures(), grew(last.pass, now.pass, s.n/last.n), read.figures(), digits(ratio(read.theirs, pass.theirs)))
	return now, nil
}

// grew returns by what power a time grew when something became more by a factor.
func grew(from, to, factor float64) string {
	if from <= 0 || to <= 0 || factor <= 0 || math.IsInf(factor, 0) {
		return ""
	}
	return fmt.Sprintf("%s x, n^%.1f", digits(to/from), math.Log(to/from)/math.Log(factor))
}

func (b beside) figures() string {
	if b.skipped != "" {
		return b.skipped
	}
	return b.theirs.String()
}
