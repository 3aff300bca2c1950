package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
)

// A crowd is models that makeMany made.
type crowd struct {
	dir   string
	files []string // base, sources, target
}

// crowd makes n sources of so many million parameters, in place of those before.
func (b *bencher) crowd(ctx context.Context, n int, millions float64) (crowd, error) {
	if err := b.scratch.drop("crowd"); err != nil {
		return crowd{}, err
	}
	count := n + 2
	if n >= len(parts) {
		count++
	}
	fmt.Fprintf(os.Stderr, "making %d models of %g million parameters\n", count, millions)
	bytes := int64(float64(count) * (millions*2e6*1.02 + 300e3))
	dir, err := b.scratch.folder("crowd", bytes)
	if err != nil {
		return crowd{}, err
	}
	c := crowd{dir, []string{filepath.Join(dir, baseFile)}}
	for i := range n {
		c.files = append(c.files, filepath.Join(dir, sourceFile(i)))
	}
	c.files = append(c.files, filepath.Join(dir, targetFile))
	return c, b.make(ctx, "crowd", strconv.Itoa(n), strconv.FormatFloat(millions, 'g', -1, 64))
}

// args are the arguments for optimize with a crowd and one of its targets.
func (c crowd) args(target string) []string {
	return []string{"--target", filepath.Join(c.dir, target), "--base", filepath.Join(c.dir, baseFile), filepath.Join(c.dir, sourceDir)}
}

// screening makes each crowd when its turn comes, since all are too many at once.
func (b *bencher) screening(ctx context.Context) ([]row, error) {
	millions, counts := 1.0, []int{20, 60}
	if b.dir != "" {
		millions, counts = 10, []int{20, 60, 200}
	}
	for _, n := range counts {
		of := func(ctx context.Context) ([]row, error) {
			c, err := b.crowd(ctx, n, millions)
			if err != nil {
				return nil, err
			}
			return b.screen(c, n, millions), nil
		}
		if !slices.ContainsFunc(b.screen(crowd{}, n, millions), func(r row) bool { return b.only.MatchString(r.work) }) {
			continue
		}
		if err := b.rows(ctx, of); err != nil {
			return nil, err
		}
	}
	return nil, b.scratch.drop("crowd")
}

// screen returns the rows of a crowd: one with a target of which all sources are there,
// and one with a target of which one is not.
func (b *bencher) screen(c crowd, n int, millions float64) []row {
	threads := runtime.NumCPU()
	pass := rival{name: "the products alone", run: func(ctx context.Context) (sample, error) { return b.job(ctx, "pass", threads, c.files) }}
	goals := []goal{inMemory}
	if n == 200 {
		goals = append(goals, under(15, seconds, "under 15 s"), under(40e6, keptBytes, "products under 40 MB"))
	}
	work := fmt.Sprintf("screening %d candidates of %g M", n, millions)
	with := func(work, target string) row {
		return row{
			work: work, files: c.files,
			ours:   func(ctx context.Context) (sample, error) { return b.optimize(ctx, c.args(target)...) },
			rivals: []rival{b.reading(threads, c.files), pass.to(atMost(2))},
			goals:  goals,
		}
	}
	return []row{with(work, targetFile), with(work+", a source missing", missingFile)}
}
