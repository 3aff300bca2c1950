package similarity_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"mixmatch/merge"
	"mixmatch/merge/block"
	"mixmatch/similarity"
)

// A network without text encoders has nothing in BASE, except where an era has the
// time embedding there.
func TestEmpty(t *testing.T) {
	skip := func(key string) bool { return block.PartOf(key) != block.UNet }
	a, b, target := write(t, "a", 1, "F16", skip, nil), write(t, "b", 2, "F16", skip, nil), write(t, "target", 3, "F16", skip, nil)
	pool, err := merge.NewPool([]*merge.Model{a, b})
	if err != nil {
		t.Fatal(err)
	}
	g, err := similarity.Measure(t.Context(), pool, target, 1, nil)
	if err != nil {
		t.Fatal(err)
	}
	var stored bytes.Buffer
	if _, err := g.WriteTo(&stored); err != nil {
		t.Fatal(err)
	}
	back, err := similarity.ReadGram(&stored)
	if err != nil {
		t.Fatal(err)
	}
	for _, era := range block.ErasOf(block.SD1) {
		l, err := block.For(block.SD1, era)
		if err != nil {
			t.Fatal(err)
		}
		for _, g := range []*similarity.Gram{g, back} {
			blocks := g.Blocks(l)
			for id := range l.Blocks().All() {
				if want := id == 0 && era != block.Mecha; blocks.Empty(id) != want {
					t.Errorf("%s: %s empty: %v", era, l.Name(id), !want)
				}
			}
		}
	}
}

// Products stored when there was one list say the same of every era.
func TestEmptyOld(t *testing.T) {
	var g similarity.Gram
	if err := json.Unmarshal([]byte(`["BASE"]`), &g.Empty); err != nil {
		t.Fatal(err)
	}
	for _, era := range block.ErasOf(block.SD1) {
		l, err := block.For(block.SD1, era)
		if err != nil {
			t.Fatal(err)
		}
		if b := g.Blocks(l); !b.Empty(0) || b.Empty(1) {
			t.Errorf("%s: BASE empty: %v, IN00: %v", era, b.Empty(0), b.Empty(1))
		}
	}
}
