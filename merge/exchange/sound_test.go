package exchange

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mixmatch/merge/block"
	"mixmatch/merge/recipe"
)

// A sound is a document that can be read.
type sound struct {
	name, format string
	text         []byte
	layout       *block.Layout
	opt          Options
}

// soundDocuments returns the samples of other programs, the cases, and what is
// exported of random recipes.
func soundDocuments(t *testing.T) []sound {
	var all []sound
	add := func(name, format string, text []byte, l *block.Layout, opt Options) {
		if format == "" {
			format = Recognize(text)
		}
		if _, _, err := Import(text, format, l, opt); err == nil && format != "text" {
			all = append(all, sound{name, format, text, l, opt})
		}
	}
	for _, s := range samples(t) {
		add(s.name, "", []byte(s.text), nil, Options{})
	}
	for _, pattern := range []string{"testdata/*.*", "testdata/cases/*"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			text, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			if text, _, err := Decode(text); err == nil {
				add(f, "", text, nil, Options{})
			}
		}
	}
	rng := rand.New(rand.NewPCG(7, 8))
	for i := range 2 {
		l := layoutOf(t, block.SD1, block.Eras()[0])
		if i == 1 {
			l = layoutOf(t, block.SDXL, block.SM2025)
		}
		r := random(t, rng, l, tame(), allModes(), false)
		flat := random(t, rng, l, tame(), []recipe.Mode{recipe.WeightSum, recipe.AddDifference}, false)
		loras := random(t, rng, l, tame(), []recipe.Mode{recipe.SumTwice, recipe.AddLoRA}, false)
		for _, c := range codecs() {
			read := c.Name
			if strings.HasPrefix(read, "metadata") {
				read = "metadata"
			}
			if f, err := find(read); err != nil || !f.CanRead {
				continue
			}
			opt := Options{}
			for _, r := range []*recipe.Recipe{r, flat, loras} {
				text, _, err := Export(r, c.Name, Options{Models: digests(r), Keys: fewKeys()})
				if c.Name == "mecha" || c.Name == "mergekit" {
					opt.Keys = fewKeys()
				}
				if err == nil {
					add(fmt.Sprintf("%s-%d", c.Name, i), read, text, l, opt)
				}
			}
		}
	}
	return all
}

// fewKeys has a key or two for each block of SD1.x and SDXL.
func fewKeys() []string {
	keys := []string{"cond_stage_model.transformer.text_model.final_layer_norm.bias", "conditioner.embedders.0.transformer.text_model.final_layer_norm.bias", "model.diffusion_model.middle_block.1.norm.bias", "first_stage_model.quant_conv.bias"}
	for i := range 12 {
		keys = append(keys, fmt.Sprintf("model.diffusion_model.input_blocks.%d.0.in_layers.0.bias", i), fmt.Sprintf("model.diffusion_model.output_blocks.%d.0.in_layers.0.bias", i))
	}
	return append(keys, "model.diffusion_model.input_blocks.0.0.weight", "model.diffusion_model.time_embed.0.weight", "model.diffusion_model.out.2.weight")
}
