package demo

import (
	"crypto/sha256"
	"fmt"
	"testing"

	"mixmatch/merge/block"
)

// TestGolden pins the numbers, which must be the same on every machine: a study
// of the demo's models is only worth comparing with another if they are.
func TestGolden(t *testing.T) {
	r := parse(t, blessing)
	w, err := newWork(Family{Div: 40, Seed: 1}, r, characters)
	if err != nil {
		t.Fatal(err)
	}
	h := sha256.New()
	for i := range w.tensors {
		x := &w.tensors[i]
		if block.PartOf(x.Name) == block.VAE {
			continue
		}
		slots := 0
		if x.target != nil {
			slots = x.target.size
		}
		s := newScratch(len(characters), max(slots, len(characters)+1))
		w.fill(&job{scratch: s, t: x, n: min(x.Len(), chunk)})
		for _, b := range s.out {
			h.Write(b)
		}
	}
	const want = "fdf120a775f90f54"
	if got := fmt.Sprintf("%x", h.Sum(nil)[:8]); got != want {
		t.Errorf("digest %s; want %s", got, want)
	}
}
