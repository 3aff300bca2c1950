// Package demo makes a family of models to try the search on: files of the
// shape of Stable Diffusion 1.x that hold random numbers, related as real
// fine-tunes are, and a target that a known recipe made from them.
//
// The recipe is that of BlessingMix V1, whose author searched it by hand, and
// the models bear the names of his. They draw nothing.
package demo

import (
	"context"
	_ "embed"
	"fmt"
	"os"
	"path/filepath"

	"mixmatch/merge/block"
	"mixmatch/merge/checkpoint"
	"mixmatch/merge/recipe"
)

//go:embed blessing.txt
var blessing string

// A Family says which models to make. Equal families are equal files.
type Family struct {
	// Div divides all widths of the network. At 1 the models have full size, 2
	// GB each and 4 GB for the base; at 10 they have about 22 MB each.
	Div int

	// Seed chooses among families.
	Seed uint64

	// Era is how the target's maker read the recipe's vectors; "" for the
	// default.
	Era block.Era

	// Decoys adds two models that have no part in the target.
	Decoys bool

	// Force replaces files that exist.
	Force bool
}

// A Source is a model file and the name that the recipe calls it by.
type Source struct{ Name, Path string }

// Names returns the names of a family's sources, decoys included.
func Names() []string {
	var names []string
	for _, c := range characters {
		names = append(names, c.name)
	}
	return names
}

// A Planted is a family on disk, and the truth about it.
type Planted struct {
	Target  string   // path of the target, in float16
	Base    string   // path of the model that the others come from, in float32
	Sources []Source // the models but base and target, in float16; decoys come last
	Recipe  string   // how the target was made, in SuperMerger's notation
	Era     block.Era

	parsed *recipe.Recipe
}

// Weight returns the exact weight in block id of the model called name, which
// may be that of the base. A model that has no part in the block weighs 0.
func (p Planted) Weight(id block.ID, name string) float64 {
	program := p.parsed.Program()
	w := program.Weights(p.parsed.Column(id))
	for i, n := range program.Sources {
		if n == name {
			return w[i]
		}
	}
	return 0
}

// Layout returns the blocks of the family's models.
func (p Planted) Layout() *block.Layout { return p.parsed.Layout }

// Write makes the models of f in dir, which it creates if need be. It calls
// progress, unless that is nil, with the bytes written so far and in total.
//
// The target is made step by step, each step's model rounded to float16, as
// people make them; only its VAE is OpenBra's, bit for bit. On an error or when
// ctx is done no file is left half-written, though some may be complete.
func Write(ctx context.Context, dir string, f Family, progress func(done, total int64)) (Planted, error) {
	if f.Div < 1 {
		return Planted{}, fmt.Errorf("width divisor %d: want 1 or more", f.Div)
	}
	if f.Era == "" {
		f.Era = block.Eras()[0]
	}
	layout, err := block.For(block.SD1, f.Era)
	if err != nil {
		return Planted{}, err
	}
	r, err := recipe.Parse(layout, blessing, recipe.Options{})
	if err != nil {
		return Planted{}, fmt.Errorf("planted recipe: %w", err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return Planted{}, err
	}

	planted := Planted{Recipe: blessing, Era: f.Era, parsed: r}
	path := func(name string) string { return filepath.Join(dir, name+".safetensors") }
	var cast []character
	for _, c := range characters {
		if c.decoy && !f.Decoys {
			continue
		}
		cast = append(cast, c)
		planted.Sources = append(planted.Sources, Source{c.name, path(c.name)})
	}
	planted.Base, planted.Target = path(baseName), path(targetName)

	w, err := newWork(f, r, cast)
	if err != nil {
		return Planted{}, err
	}
	files, err := create(planted, f, cast, w.tensors)
	defer files.abort()
	if err != nil {
		return Planted{}, err
	}
	if err := w.run(ctx, files, progress); err != nil {
		return Planted{}, err
	}
	return planted, files.commit()
}

// work is what to make.
type work struct {
	cast    []character
	tensors []tensor // in the order of the files
}

// newWork plans the tensors of f.
func newWork(f Family, r *recipe.Recipe, cast []character) (*work, error) {
	names := make([]string, 0, len(cast)+1)
	for _, c := range cast {
		names = append(names, c.name)
	}
	names = append(names, baseName)

	programs := make([]*program, r.Layout.Len())
	for id := range r.Layout.Blocks().All() {
		p, err := compile(r, id, names)
		if err != nil {
			return nil, fmt.Errorf("planted recipe: %w", err)
		}
		programs[id] = p
	}
	// The sources are the same files whatever the era of the target.
	blocks, err := block.For(block.SD1, block.Mecha)
	if err != nil {
		return nil, err
	}
	w := &work{cast: cast}
	for _, spec := range block.Scaled(block.SD1, f.Div) {
		t := newTensor(spec, blocks, f.Seed, cast)
		if id, ok := r.Layout.Of(spec.Name); ok && block.PartOf(spec.Name) != block.VAE {
			t.target = programs[id]
		}
		w.tensors = append(w.tensors, t)
	}
	return w, nil
}

// header returns the tensors of one file.
func header(tensors []tensor, dtype checkpoint.DType, noVAE bool) []checkpoint.Tensor {
	var h []checkpoint.Tensor
	for _, t := range tensors {
		if noVAE && block.PartOf(t.Name) == block.VAE {
			continue
		}
		d := dtype
		if t.Integer {
			d = "I64"
		}
		h = append(h, checkpoint.Tensor{Name: t.Name, DType: d, Shape: t.Shape})
	}
	return h
}
