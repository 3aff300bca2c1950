package main

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
)

// optimize runs mixmatch optimize in a new study, with nothing in the cache.
func (b *bencher) optimize(ctx context.Context, args ...string) (sample, error) {
	if err := b.scratch.drop("cache"); err != nil {
		return sample{}, err
	}
	return b.again(ctx, args...)
}

// again is optimize with what the runs before have left in the cache.
func (b *bencher) again(ctx context.Context, args ...string) (sample, error) {
	if err := b.scratch.drop("study"); err != nil {
		return sample{}, err
	}
	study := b.scratch.path("study")
	s, err := b.run(ctx, command{args: append([]string{b.program, "optimize", study, "-q"}, args...)})
	if err != nil {
		return s, err
	}
	products, err := filepath.Glob(filepath.Join(study, "products*"))
	for _, p := range products {
		if info, err := os.Stat(p); err == nil {
			s.kept += info.Size()
		}
	}
	return s, err
}

// familyArgs are the arguments for optimize with the family.
func (b *bencher) familyArgs() []string {
	args := []string{"--target", b.model(familyTarget), "--base", b.model(familyBase)}
	for _, s := range familySources {
		args = append(args, "--source", b.model(s))
	}
	return args
}

// cat is the time to read files with cat.
func (b *bencher) cat(files []string) rival {
	return rival{name: "cat of the files", run: func(ctx context.Context) (sample, error) {
		return b.run(ctx, command{args: append([]string{"cat"}, files...)})
	}}
}

// reading is the time to read files with as many threads, and nothing else.
func (b *bencher) reading(threads int, files []string) rival {
	return rival{name: "pread by as many threads", run: func(ctx context.Context) (sample, error) { return b.job(ctx, "pread", threads, files) }}
}

func (r rival) to(g goal) rival {
	r.goal = &g
	return r
}

// inMemory is the goal that all commands have.
var inMemory = under(300e6, peakBytes, "under 300 MB of memory")

func (b *bencher) optimizing(context.Context) ([]row, error) {
	files, threads := b.files(), runtime.NumCPU()
	products := row{
		work: "the products alone", files: files,
		ours:   func(ctx context.Context) (sample, error) { return b.job(ctx, "pass", threads, files) },
		rivals: []rival{b.reading(threads, files).to(atMost(1 / 0.6))},
	}
	tries := []int{1}
	if threads > 1 {
		tries = append(tries, threads)
	}
	for _, n := range tries {
		products.rivals = append(products.rivals, rival{name: "torch, " + count(n, "thread"), run: func(ctx context.Context) (sample, error) {
			return b.inPython(ctx, true, []string{"torch", "safetensors", "numpy"}, append([]string{rivalsPy, "products", strconv.Itoa(n)}, files...)...)
		}}.to(atMost(0.1)))
	}

	var first sample
	again := row{
		work: "optimize again, other settings", files: files,
		ours: func(ctx context.Context) (s sample, err error) {
			if first, err = b.optimize(ctx, b.familyArgs()...); err != nil {
				return s, err
			}
			return b.again(ctx, append(b.familyArgs(), "--seed", "2", "--trials", "200")...)
		},
		rivals: []rival{{name: "the first optimize", run: func(context.Context) (sample, error) { return first, nil }}},
		goals:  []goal{under(0.5, seconds, "under 0.5 s")},
	}

	cold := func(run func(context.Context) (sample, error)) func(context.Context) (sample, error) {
		return func(ctx context.Context) (sample, error) {
			if err := forget(files); err != nil {
				return sample{}, err
			}
			return run(ctx)
		}
	}
	fromDisk := row{
		work: "optimize, files not in memory", turns: 3,
		ours: cold(func(ctx context.Context) (sample, error) { return b.optimize(ctx, b.familyArgs()...) }),
	}
	for _, v := range []rival{b.cat(files), b.reading(threads, files)} {
		v.run = cold(v.run)
		fromDisk.rivals = append(fromDisk.rivals, v)
	}

	return []row{{
		work: "optimize, 5 sources, base and target", files: files,
		ours:   func(ctx context.Context) (sample, error) { return b.optimize(ctx, b.familyArgs()...) },
		rivals: []rival{b.cat(files).to(atMost(2.2)), b.reading(threads, files)},
		goals:  []goal{inMemory},
	}, products, again, fromDisk}, nil
}

// count returns "1 thread" or "2 threads".
func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return strconv.Itoa(n) + " " + what + "s"
}
