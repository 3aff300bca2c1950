package recipe

import (
	"testing"

	"mixmatch/merge/block"
)

// TestLoRABlocks: the short lists are for the architectures that have them, and
// name blocks that are there.
func TestLoRABlocks(t *testing.T) {
	for _, arch := range block.Archs() {
		l, err := block.Default(arch)
		if err != nil {
			t.Fatal(err)
		}
		for n := range l.Len() + 2 {
			names := LoRABlocks(l, n)
			want := 0
			if (arch == block.SD1 || arch == block.SD2) && n == 17 || arch == block.SDXL && n == 12 {
				want = n
			}
			if len(names) != want {
				t.Errorf("%s: %d numbers are for the blocks %v", arch, n, names)
			}
			for _, name := range names {
				if _, ok := l.Index(name); !ok {
					t.Errorf("%s has no block %s", arch, name)
				}
			}
		}
	}
}
