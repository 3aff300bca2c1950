package main

import (
	"context"
	"os"
)

// mixed is what all ways to merge write.
const mixed = "mixed.safetensors"

// writing runs something that writes the merged model, and removes that.
func (b *bencher) writing(run func(ctx context.Context, out string) (sample, error)) func(context.Context) (sample, error) {
	return func(ctx context.Context) (sample, error) {
		out := b.scratch.path(mixed)
		s, err := run(ctx, out)
		if removed := os.RemoveAll(out); err == nil {
			err = removed
		}
		return s, err
	}
}

func (b *bencher) merging(context.Context) ([]row, error) {
	one, two := b.model(familySources[0]), b.model(familySources[1])
	recipe := b.scratch.path("recipe.txt")
	if err := os.WriteFile(recipe, []byte("A x 0.7 + B x 0.3 = MIXED\n"), 0o666); err != nil {
		return nil, err
	}
	ours := func(flags ...string) func(context.Context) (sample, error) {
		return b.writing(func(ctx context.Context, out string) (sample, error) {
			if err := b.scratch.drop("cache"); err != nil {
				return sample{}, err
			}
			args := []string{b.program, "merge", recipe, "-q", "-o", out, "--source", "A=" + one, "--source", "B=" + two}
			return b.run(ctx, command{args: append(args, flags...)})
		})
	}
	copying := rival{name: "cp of one, cat of the other", run: b.writing(func(ctx context.Context, out string) (sample, error) {
		return b.run(ctx, command{args: []string{"cp", one, out}}, command{args: []string{"cat", two}})
	})}
	synced := rival{name: "the same, and sync of the copy", run: b.writing(func(ctx context.Context, out string) (sample, error) {
		return b.run(ctx, command{args: []string{"cp", one, out}}, command{args: []string{"cat", two}}, command{args: []string{"sync", out}})
	})}
	python := func(name, job string, packages ...string) rival {
		return rival{name: name, run: b.writing(func(ctx context.Context, out string) (sample, error) {
			return b.inPython(ctx, false, packages, rivalsPy, job, one, two, out)
		})}
	}
	files := []string{one, two}
	return []row{{
		work: "merge, weighted sum of two", files: files, ours: ours(),
		rivals: []rival{
			copying.to(atMost(2.5)), synced,
			python("torch: load, mix, save", "torch", "torch", "safetensors", "numpy"),
			python("sd-mecha", "sd-mecha", "sd-mecha", "torch"),
			python("mergekit", "mergekit", "mergekit", "torch"),
		},
		goals: []goal{inMemory},
	}, {
		work: "merge --compat, the same", files: files, ours: ours("--compat", "sm2025-10"),
		rivals: []rival{copying.to(atMost(4)), synced},
		goals:  []goal{inMemory},
	}}, nil
}

func (b *bencher) comparing(context.Context) ([]row, error) {
	one, two := b.model(familySources[0]), b.model(familySources[1])
	theirs, args := "what similar.py computes, in torch", []string{rivalPy, "--stand-in", one, two}
	if b.similar != "" {
		theirs, args = "similar.py", []string{b.similar, "-a", one, two}
	}
	return []row{{
		work: "compare -a, two files", files: []string{one, two},
		ours: func(ctx context.Context) (sample, error) {
			return b.run(ctx, command{args: []string{b.program, "compare", "-a", one, two}})
		},
		rivals: []rival{rival{name: theirs, run: func(ctx context.Context) (sample, error) {
			return b.inPython(ctx, false, []string{"torch", "safetensors", "numpy"}, args...)
		}}.to(atMost(0.2))},
		goals: []goal{inMemory},
	}}, nil
}
