package exchange

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"mixmatch/merge/block"
	"mixmatch/merge/recipe"
)

// layouts are those of architectures beside Stable Diffusion 1, 2 and XL, each in
// all its eras.
func layouts(t *testing.T) []*block.Layout {
	t.Helper()
	var all []*block.Layout
	for _, arch := range []block.Arch{block.Refiner, block.Flux, "sd3-24", "sd3-38", "auto:double_layers*4,single_layers*32+final_linear,modF", "auto:model.layers*200+*"} {
		for _, era := range block.ErasOf(arch) {
			all = append(all, layoutOf(t, arch, era))
		}
	}
	return all
}

// strangeKeys returns keys of a model of l that Keys does not list.
func strangeKeys(l *block.Layout) []string {
	if !strings.HasPrefix(string(l.Arch()), "auto:") {
		return nil
	}
	var keys []string
	for i := range 200 {
		for _, path := range []string{"double_layers", "single_layers", "model.layers"} {
			if key := fmt.Sprintf("%s.%d.attn.weight", path, i); l.Part(key) == block.UNet {
				if _, ok := l.Of(key); ok {
					keys = append(keys, key)
				}
			}
		}
	}
	return append(keys, "modF.1.weight", "final_linear.weight")
}

// TestArchitectures wants the recipe back from every format that holds it, and a
// refusal from the others.
func TestArchitectures(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	done := map[string]int{}
	for _, l := range layouts(t) {
		opt := Options{Keys: strangeKeys(l)}
		for _, format := range formatsWritten() {
			r := random(t, rng, l, tame(), []recipe.Mode{recipe.WeightSum, recipe.AddDifference}, false)
			for len(r.Sources()) < 2 { // which mergekit does not merge
				r = random(t, rng, l, tame(), []recipe.Mode{recipe.WeightSum, recipe.AddDifference}, false)
			}
			opt.Models = digests(r)
			text, _, err := Export(r, format, opt)
			if err != nil {
				if knows(format, l.Arch()) == nil && format != "mecha" && format != "metadata-webui" && format != "metadata-mixer" && format != "comfyui" {
					t.Errorf("%s of %s: %v", format, l, err)
				}
				continue
			}
			read := format
			if strings.HasPrefix(read, "metadata") {
				read = "metadata"
			}
			if c, err := find(read); err != nil || !c.CanRead || read == "presets" {
				continue
			}
			done[format]++
			for _, given := range []*block.Layout{l, nil} {
				if given == nil && (format == "text" || format == "history" || strings.HasPrefix(format, "metadata-")) {
					continue // which do not say what models they are for
				}
				opt.Recipe.Result = r.Result()
				if format == "mergekit" {
					opt.Recipe.Result = ""
				}
				got, _, err := Import(text, read, given, opt)
				if err != nil {
					t.Errorf("%s of %s: %v", format, l, err)
					continue
				}
				if got.Layout != l {
					t.Errorf("%s of %s is of %s, given %v", format, l, got.Layout, given)
					continue
				}
				if format == "mergekit" {
					sameWeights(t, got, r, 1e-9)
					continue
				}
				want, err := prune(r, r.Result())
				if err != nil {
					t.Fatal(err)
				}
				same(t, got, want)
			}
		}
	}
	for format, want := range map[string]int{"text": 8, "json": 8, "metadata": 8, "mergekit": 8, "history": 4, "metadata-supermerger": 4, "mecha": 3} {
		if done[format] != want {
			t.Errorf("%s holds %d of the layouts; want %d", format, done[format], want)
		}
	}
}

func formatsWritten() []string {
	var names []string
	for _, f := range Formats() {
		if f.CanWrite {
			names = append(names, f.Name)
		}
	}
	return names
}

// TestVectorLengths wants every vector in full where SuperMerger reads it.
func TestVectorLengths(t *testing.T) {
	for arch, n := range map[block.Arch]int{block.SD1: 26, block.SDXL: 26, block.Refiner: 26, block.Flux: 61} {
		l, err := block.Default(arch)
		if err != nil {
			t.Fatal(err)
		}
		row := slices.Repeat(recipe.Row{{Value: .5}}, l.Len())
		row[0].Value = .25
		if got := strings.Count(vector26(l, row), ",") + 1; got != n {
			t.Errorf("%s: a preset of %d numbers; want %d", arch, got, n)
		}
	}
}
