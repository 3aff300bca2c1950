package block_test

import (
	"fmt"
	"strings"
	"testing"

	"mixmatch/merge/block"
)

// TestLoRAList puts the numbers 1, 2, 3, ... where a list of so many ratios has them.
func TestLoRAList(t *testing.T) {
	count := func(n int) []float64 {
		x := make([]float64, n)
		for i := range x {
			x[i] = float64(i + 1)
		}
		return x
	}
	for _, c := range []struct {
		arch block.Arch
		n    int
		want string
	}{
		{block.SD1, 17, "[1 0 2 3 0 4 5 0 6 7 0 0 0 8 0 0 0 9 10 11 12 13 14 15 16 17]"},
		{block.SD2, 17, "[1 0 2 3 0 4 5 0 6 7 0 0 0 8 0 0 0 9 10 11 12 13 14 15 16 17]"},
		{block.SDXL, 12, "[1 0 0 0 0 2 3 0 4 5 6 7 8 9 10 11 12 0 0 0]"},
		{block.SDXL, 20, fmt.Sprint(count(20))},
		{block.SD1, 26, fmt.Sprint(count(26))},
		{block.SDXL, 26, "[1 2 3 4 5 6 7 8 9 10 14 15 16 17 18 19 20 21 22 23]"},
		{block.SD1, 12, ""},
		{block.SDXL, 17, ""},
		{block.SD1, 0, ""},
	} {
		l, err := block.For(c.arch, block.SM2025)
		if err != nil {
			t.Fatal(err)
		}
		names := l.LoRAList(c.n)
		if c.want == "" {
			if names != nil {
				t.Errorf("%s, %d: %v; want none", c.arch, c.n, names)
			}
			continue
		}
		got := make([]float64, l.Len())
		for i, x := range count(c.n)[:len(names)] {
			if id, ok := l.Index(names[i]); ok {
				got[id] = x
			}
		}
		if len(names) != c.n || fmt.Sprint(got) != c.want {
			t.Errorf("%s, %d: %v of %d; want %s", c.arch, c.n, got, len(names), c.want)
		}
	}
}

// TestBlockListsNameAttention: the short lists name the blocks that have LoRAs of
// linear layers, and no others.
func TestBlockListsNameAttention(t *testing.T) {
	for _, arch := range []block.Arch{block.SD1, block.SD2, block.SDXL} {
		l, err := block.For(arch, block.SM2025)
		if err != nil {
			t.Fatal(err)
		}
		var want []string
		for _, name := range l.Names() {
			id, _ := l.Index(name)
			for _, k := range block.Keys(arch) {
				if of, ok := l.Of(k.Name); ok && of == id && (name == "BASE" || strings.HasSuffix(k.Name, "attn1.to_q.weight")) {
					want = append(want, name)
					break
				}
			}
		}
		found := false
		for _, list := range block.LoRAsOf(arch).Lists {
			found = found || strings.Join(list, " ") == strings.Join(want, " ")
		}
		if !found {
			t.Errorf("%s: no list names %v", arch, want)
		}
	}
}
