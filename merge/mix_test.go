package merge_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"mixmatch/merge"
	"mixmatch/merge/block"
	"mixmatch/merge/recipe"
)

func TestMix(t *testing.T) {
	p := pool(t, sketch{Seed: 1}.Open(t, "A"), sketch{Seed: 2}.Open(t, "B"), sketch{Seed: 3}.Open(t, "C"))
	for _, c := range []struct {
		name, text string
		weights    []float64 // of BASE; nil to look at blocks instead
		root       string
		fill       string
	}{
		{"alpha is the share of B", "A x 0.9 + B x 0.1 = M", []float64{0.9, 0.1, 0}, "A", "B"},
		{"the other way round", "B x 0.9 + A x 0.1 = M", []float64{0.1, 0.9, 0}, "B", "A"},
		{"difference", "A + (B - C) x 0.25 = M", []float64{1, 0.25, -0.25}, "A", ""},
		{"beyond one", "A x -0.5 + B x 1.5 = M", []float64{-0.5, 1.5, 0}, "A", "B"},
		{"chain", "A x 0.5 + B x 0.5 = T\nT x 0.5 + C x 0.5 = M", []float64{0.25, 0.25, 0.5}, "A", "B C"},
		{"chain, later first", "M = T x 0.5 + C x 0.5\nT = B x 0.5 + A x 0.5", []float64{0.25, 0.25, 0.5}, "B", "A C"},
		{"twice in it", "A x 0.5 + B x 0.5 = T\nT x 0.5 + A x 0.5 = M", []float64{0.75, 0.25, 0}, "A", "B"},
		{"nothing is filled from a difference", "A + (B - A) x 0.5 = T\nT x 0.5 + C x 0.5 = M", []float64{0.25, 0.25, 0.5}, "A", "C"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := mix(t, p, c.text)
			for i, w := range m.Weights[0] {
				if math.Abs(w-c.weights[i]) > 1e-15 {
					t.Errorf("weights %v, want %v", m.Weights[0], c.weights)
				}
			}
			if len(m.Weights) != m.Layout.Len() {
				t.Errorf("%d blocks", len(m.Weights))
			}
			var fill []string
			for _, i := range m.Fill {
				fill = append(fill, p.Models[i].Name)
			}
			if p.Models[m.Root].Name != c.root || strings.Join(fill, " ") != c.fill || m.VAE != -1 {
				t.Errorf("root %s, fill %v, VAE %d; want %s, %s, -1", p.Models[m.Root].Name, fill, m.VAE, c.root, c.fill)
			}
		})
	}
}

// A vector's numbers go to the blocks in their order.
func TestMixBlocks(t *testing.T) {
	p := pool(t, sketch{Seed: 1}.Open(t, "A"), sketch{Seed: 2}.Open(t, "B"))
	var numbers []string
	for i := range 26 {
		numbers = append(numbers, "0."+string(rune('0'+i/10))+string(rune('0'+i%10)))
	}
	m := mix(t, p, "A x (1-alpha) + B x alpha = M\nalpha = ("+strings.Join(numbers, ",")+")")
	for id, w := range m.Weights {
		if want := float64(id) / 100; math.Abs(w[1]-want) > 1e-15 || math.Abs(w[0]+w[1]-1) > 1e-15 {
			t.Errorf("%s: %v, want %v of B", m.Layout.Name(block.ID(id)), w, want)
		}
	}
}

func TestMixRefuses(t *testing.T) {
	p := pool(t, sketch{Seed: 1}.Open(t, "A"), sketch{Seed: 2}.Open(t, "B"))
	l, err := block.For(block.SD1, block.SM2025)
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		"A x 0.5 + C x 0.5 = M":    "unknown model C",
		"A x (1-?) + B x ? = M":    "holes",
		"A + (B - Anna) x 0.5 = M": "unknown model Anna",
		"A x (1-alpha) + B x alpha = M\nalpha = (" + strings.Repeat("0,", 25) + "?)": "OUT11",
	} {
		r, err := recipe.Parse(l, text, recipe.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := merge.NewMix(p, r); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v does not say %q", text, err, want)
		}
	}
	if names := p.Names(); !slices.Equal(names, []string{"A", "B"}) {
		t.Errorf("the pool changed: %v", names)
	}
}
