package main

import (
	"context"
	"fmt"
	"hash/fnv"
	"maps"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strconv"

	"golang.org/x/sync/errgroup"

	"mixmatch/merge/block"
	"mixmatch/merge/checkpoint"
	"mixmatch/merge/checkpoint/safetensors"
	"mixmatch/studies/demo"
)

// makeModels makes models in a folder. With one number that is the family of mixmatch
// demo, all widths divided by it. With two it is as many sources, of so many million
// parameters each, with a base and targets that some of them are in.
func makeModels(ctx context.Context, args []string) error {
	dir := args[0]
	n, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	if len(args) == 2 {
		_, err := demo.Write(ctx, dir, demo.Family{Div: n, Seed: 1}, nil)
		return err
	}
	millions, err := strconv.ParseFloat(args[2], 64)
	if err != nil {
		return err
	}
	return makeMany(ctx, dir, n, int64(millions*1e6))
}

// parts are the weights of the sources that the target of makeMany is mixed of, spread
// over all of them; the base has the rest.
var parts = []float32{0.3, 0.2, 0.15, 0.1, 0.05}

// What makeMany calls them. The second target, which few sources
// do without, has one in it that is not there.
const baseFile, targetFile, missingFile, sourceDir = "base.safetensors", "target.safetensors", "missing.safetensors", "sources"

func sourceFile(i int) string {
	return filepath.Join(sourceDir, fmt.Sprintf("source%03d.safetensors", i))
}

func makeMany(ctx context.Context, dir string, n int, parameters int64) error {
	tensors := scaled(parameters)
	if err := os.MkdirAll(filepath.Join(dir, sourceDir), 0o777); err != nil {
		return err
	}
	group, inside := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	add := func(name string, weights map[int]float32) {
		group.Go(func() error { return writeModel(inside, filepath.Join(dir, name), tensors, weights) })
	}
	add(baseFile, nil)
	target := map[int]float32{}
	for k, w := range parts {
		target[k*n/len(parts)] += w
	}
	add(targetFile, target)
	if n >= len(parts) {
		missing := maps.Clone(target)
		missing[n] = 0.15
		add(missingFile, missing)
	}
	for i := range n {
		add(sourceFile(i), map[int]float32{i: 1})
	}
	return group.Wait()
}

// scaled returns the tensors of a Stable Diffusion 1.5 with widths such that it has
// about so many parameters. Any number will do, where [block.Scaled] takes divisors.
func scaled(parameters int64) []checkpoint.Tensor {
	full := block.Keys(block.SD1)
	at := func(f float64) (tensors []checkpoint.Tensor, sum int64) {
		for _, s := range full {
			t := checkpoint.Tensor{Name: s.Name, DType: checkpoint.F16}
			if s.Integer {
				t.DType = "I64"
			}
			for _, d := range s.Shape {
				if d >= 32 {
					d = max(1, int(f*float64(d)))
				}
				t.Shape = append(t.Shape, d)
			}
			tensors = append(tensors, t)
			sum += int64(t.Len())
		}
		return tensors, sum
	}
	low, high := 0.0, 2.0
	for range 40 {
		if _, sum := at((low + high) / 2); sum < parameters {
			low = (low + high) / 2
		} else {
			high = (low + high) / 2
		}
	}
	tensors, _ := at(high)
	return tensors
}

// writeModel writes the base's numbers plus so much of each source's own.
func writeModel(ctx context.Context, path string, tensors []checkpoint.Tensor, weights map[int]float32) error {
	w, err := safetensors.Create(path, tensors, nil, true)
	if err != nil {
		return err
	}
	defer w.Abort()
	for _, t := range w.Tensors() {
		if err := ctx.Err(); err != nil {
			return err
		}
		stored := make([]byte, t.Bytes())
		if t.DType.Float() {
			x := make([]float32, t.Len())
			noise(x, t.Name, -1, 0.05)
			for i := range 1 + last(weights) {
				if v := weights[i]; v != 0 {
					noise(x, t.Name, i, 0.01*v)
				}
			}
			t.DType.Narrow(stored, x)
		}
		if _, err := w.Write(stored); err != nil {
			return err
		}
	}
	return w.Commit()
}

func last(weights map[int]float32) int {
	most := -1
	for i := range weights {
		most = max(most, i)
	}
	return most
}

// noise adds numbers to x that depend on the tensor and the model, between -scale and scale.
func noise(x []float32, key string, model int, scale float32) {
	h := fnv.New64a()
	fmt.Fprintf(h, "%s %d", key, model)
	state := h.Sum64()
	scale /= math.MaxInt32
	for i := range x { // splitmix64
		state += 0x9e3779b97f4a7c15
		z := state
		z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
		z = (z ^ z>>27) * 0x94d049bb133111eb
		x[i] += scale * float32(int32(z>>32))
	}
}
