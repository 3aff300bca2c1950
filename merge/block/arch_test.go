package block

import (
	"slices"
	"strings"
	"testing"
)

// TestArchitectures holds every architecture to what the rest of the program
// takes for granted.
func TestArchitectures(t *testing.T) {
	for _, l := range everyLayout(t) {
		if l.Len() < 1 || l.Len() > MaxLen || l.Len() != len(l.Names()) || l.Len() != l.Blocks().Len() {
			t.Errorf("%s has %d blocks", l, l.Len())
		}
		keys := Keys(l.Arch())
		held := make([]int, l.Len())
		marked := 0
		for _, s := range keys {
			id, ok := l.Of(s.Name)
			if p := l.Part(s.Name); p == Other || p == EMA {
				t.Errorf("%s: %s is of %s", l, s.Name, p)
			}
			if l.TellsEra(s.Name) {
				marked++
			}
			if !ok {
				continue
			}
			if int(id) >= l.Len() {
				t.Fatalf("%s: %s is in block %d of %d", l, s.Name, id, l.Len())
			}
			if held[id]++; !slices.Contains(l.Groups(), l.GroupOf(id)) {
				t.Errorf("%s: %s is in %s of %s, which is none", l, s.Name, l.Name(id), l.GroupOf(id))
			}
		}
		for id := range l.Blocks().All() {
			if len(keys) > 0 && held[id] == 0 {
				t.Errorf("%s: no tensor is in %s", l, l.Name(id))
			}
		}
		if len(ErasOf(l.Arch())) > 1 && marked == 0 {
			t.Errorf("%s: nothing tells its eras apart", l)
		}
	}
}

// TestLengths checks the lengths of vectors.
func TestLengths(t *testing.T) {
	for arch, want := range map[Arch]int{
		SD1: 26, SD2: 26, SDXL: 20, Refiner: 26, Flux: 61, "sd3-24": 28, "sd3-38": 42, "sd3-1": 5, "auto:a*3,b*20+x,y": 26, "auto:a*3+*": 4, "auto:a*255": 256,
	} {
		l, err := Default(arch)
		if err != nil || l.Len() != want {
			t.Errorf("%s: %v, %v; want %d blocks", arch, l, err, want)
		}
	}
}

// TestBlockNames checks that the names of blocks can stand in notation and name
// files, and are read back.
func TestBlockNames(t *testing.T) {
	for _, l := range everyLayout(t) {
		for i, name := range l.Names() {
			if id, ok := l.Index(name); !ok || id != ID(i) || l.Name(id) != name {
				t.Errorf("%s: Index(%q) = %d, %v", l, name, id, ok)
			}
			if id, ok := l.Index(strings.ToLower(name)); !ok || id != ID(i) {
				t.Errorf("%s: Index(%q) = %d, %v", l, strings.ToLower(name), id, ok)
			}
			if l.Series(ID(i)) == "" {
				t.Errorf("%s: %s is of no series", l, name)
			}
			if strings.Trim(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789") != "" || name == "NOT" || name == "" {
				t.Errorf("%s: the name %q cannot stand in a list", l, name)
			}
		}
		for _, g := range l.Groups() {
			if g == "" || strings.Trim(string(g), "abcdefghijklmnopqrstuvwxyz_0123456789") != "" {
				t.Errorf("%s: the name %q cannot be of a file", l, g)
			}
		}
	}
}

// TestHeads checks that the attentions that calculators compare are there.
func TestHeads(t *testing.T) {
	for _, arch := range []Arch{SD1, SD2, SDXL, Refiner} {
		l := layout(t, arch, SM2025)
		shapes := Header{}
		for _, s := range Keys(arch) {
			shapes[s.Name] = s.Shape
		}
		var found []string
		for _, h := range l.Heads() {
			id, ok := l.Of(h + "q.weight")
			if !ok || !shapes.has(h+"q.weight") {
				continue
			}
			for _, letter := range []string{"q", "k", "v"} {
				if x := shapes[h+letter+".weight"]; len(x) != 2 || x[0] != x[1] {
					t.Errorf("%s: %s%s.weight is %v", arch, h, letter, x)
				}
			}
			found = append(found, l.Name(id))
		}
		if want := l.HeadsExpected(); want != nil && !slices.Equal(found, want) {
			t.Errorf("%s: attention in %v; want %v", arch, found, want)
		}
	}
}

func TestAdjusts(t *testing.T) {
	l := layout(t, SD1, SM2025)
	n := 0
	for _, s := range Keys(SD1) {
		if l.Adjusts(s.Name) {
			n++
		}
	}
	if n != 6 {
		t.Errorf("Adjust changes %d tensors; want 6", n)
	}
	if layout(t, Flux, Whole).Adjusts("model.diffusion_model.img_in.weight") {
		t.Error("Adjust knows Flux")
	}
}
