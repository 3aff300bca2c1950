package studies

import (
	"slices"
	"testing"

	"mixmatch/similarity"
)

// TestHeldOutSeeds: inputs that a search is scored on do not tell whether its gain
// is luck.
func TestHeldOutSeeds(t *testing.T) {
	for _, d := range []int{1, 8, 32, 64, 100, 320, 640, 1280, 20000} {
		h := similarity.Head{Dim: d}
		fitted, other := fittedSeeds(h), heldOutSeeds(h)
		if len(fitted) == 0 || len(other) == 0 {
			t.Errorf("width %d: %d and %d inputs", d, len(fitted), len(other))
		}
		for _, s := range other {
			if slices.Contains(fitted, s) {
				t.Fatalf("width %d: seed %d is in both", d, s)
			}
		}
	}
}
