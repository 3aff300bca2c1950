package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
)

// A bencher has what all rows need.
type bencher struct {
	options
	scratch  *scratch
	self     string            // this program
	missing  map[string]string // rivals, and why they are not here
	stats    strings.Builder   // every time, for benchstat
	family   string            // the folder of models that most rows use
	rivals   string            // their versions
	failures []string          // rows in which mixmatch failed
}

func newBench(ctx context.Context, o options) (_ *bencher, err error) {
	b := &bencher{options: o, missing: map[string]string{}}
	if b.self, err = os.Executable(); err != nil {
		return nil, err
	}
	if _, err := os.Stat(o.program); err != nil {
		return nil, err
	}
	b.family = o.dir
	if o.dir != "" {
		for _, f := range b.files() {
			if _, err := os.Stat(f); err != nil {
				return nil, fmt.Errorf("%w; make bench-data DIR=%s makes the models", err, o.dir)
			}
		}
	}
	if err := b.findRivals(ctx); err != nil {
		return nil, err
	}
	if b.scratch, err = newScratch(o.tmp); err != nil {
		return nil, err
	}
	if o.dir == "" {
		fmt.Fprintln(os.Stderr, "making models")
		b.family, err = b.scratch.folder("family", 2e9)
		if err == nil {
			err = b.make(ctx, "family", "5")
		}
	}
	if err != nil {
		return nil, errors.Join(err, b.scratch.remove())
	}
	return b, nil
}

// make makes models in a folder of the scratch, in a process of its own.
func (b *bencher) make(ctx context.Context, folder string, args ...string) error {
	_, err := b.run(ctx, command{args: append([]string{b.self, "-job", "models", b.scratch.path(folder)}, args...)})
	return err
}

// The files of the family that rows use: five sources, one of them without a VAE.
const (
	familyBase   = "v1-5-pruned-emaonly"
	familyTarget = "BlessingMix_V1"
)

var familySources = []string{"OpenBra", "Evt_V4_e04_ema", "diamondcoalmix_diamondcoalv2pruned", "epicrealism_newAge", "dreamshaper_6NoVae"}

func (b *bencher) model(name string) string { return filepath.Join(b.family, name+".safetensors") }

// files returns the paths of the family: base, sources, target.
func (b *bencher) files() []string {
	files := []string{b.model(familyBase)}
	for _, s := range familySources {
		files = append(files, b.model(s))
	}
	return append(files, b.model(familyTarget))
}

// findRivals asks Python what it has.
func (b *bencher) findRivals(ctx context.Context) error {
	names := []string{"torch", "safetensors", "numpy", "sd-mecha", "mergekit"}
	if b.python == "" {
		for _, n := range names {
			b.missing[n] = "no Python was named (make bench-rivals installs it)"
		}
		return nil
	}
	text := said(ctx, b.python, rivalsPy, "versions")
	if text == "" {
		return fmt.Errorf("%s %s versions says nothing; is it a Python, and is this the root of the repository?", b.python, rivalsPy)
	}
	for line := range strings.Lines(text) {
		if name, version, _ := strings.Cut(strings.TrimSpace(line), " "); version == "missing" {
			b.missing[name] = "not installed"
		}
	}
	b.rivals = fmt.Sprintf("Rivals: %s.\n", strings.ReplaceAll(strings.TrimSpace(text), "\n", ", "))
	return nil
}

// The scripts of rivals, from the root of the repository.
const rivalsPy, rivalPy = ".ci/bench/rivals.py", ".ci/rival.py"

// inPython is a rival that rivals.py has, which needs some packages.
func (b *bencher) inPython(ctx context.Context, own bool, packages []string, args ...string) (sample, error) {
	for _, p := range packages {
		if why, ok := b.missing[p]; ok {
			return sample{}, skipped(why)
		}
	}
	return b.run(ctx, command{args: append([]string{b.python}, args...), own: own})
}

// cores are the numbers of threads worth trying: 1, 2, 4 and so on, and all.
func cores() []int {
	var n []int
	for c := 1; c < runtime.NumCPU(); c *= 2 {
		n = append(n, c)
	}
	return append(n, runtime.NumCPU())
}

// job is this program doing something in a process of its own, which prints how long it took.
func (b *bencher) job(ctx context.Context, name string, threads int, files []string) (sample, error) {
	return b.run(ctx, command{args: append([]string{b.self, "-job", name, strconv.Itoa(threads)}, files...), own: true})
}

// rows makes and measures rows, as far as they are asked for, and prints them.
func (b *bencher) rows(ctx context.Context, of func(context.Context) ([]row, error)) error {
	rows, err := of(ctx)
	if err != nil {
		return err
	}
	for _, r := range rows {
		if !b.only.MatchString(r.work) {
			continue
		}
		out, err := b.measure(ctx, r)
		if err != nil && ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			out.failed = "failed: " + err.Error()
			b.failures = append(b.failures, r.work)
		}
		fmt.Print(out)
	}
	return nil
}
