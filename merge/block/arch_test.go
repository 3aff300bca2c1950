package block

import (
	"slices"
	"strings"
	"testing"
)

// TestArchitectures holds every architecture to what the rest of the program
// takes for granted.
func TestArchitectures(t *testing.T) {
	for _, arch := range Archs() {
		a, _ := find(arch)
		for _, r := range a.readings {
			l := layout(t, arch, r.era)
			if l.Len() < 1 || l.Len() > MaxLen || l.Len() != len(l.Names()) || l.Len() != l.Blocks().Len() {
				t.Errorf("%s has %d blocks", l, l.Len())
			}
			held := make([]int, l.Len())
			for _, s := range Keys(arch) {
				id, ok := l.Of(s.Name)
				if p := PartOf(s.Name); p == Other || p == EMA {
					t.Errorf("%s: %s is of %s", arch, s.Name, p)
				}
				if !ok {
					continue
				}
				if held[id]++; !slices.Contains(l.Groups(), l.GroupOf(id)) {
					t.Errorf("%s: %s is in %s of %s, which is none", l, s.Name, l.Name(id), l.GroupOf(id))
				}
			}
			for id := range l.Blocks().All() {
				if held[id] == 0 {
					t.Errorf("%s: no tensor is in %s", l, l.Name(id))
				}
			}
			if of, ok := l.Of("a.key.that.nobody.has"); ok {
				t.Errorf("%s: a strange key is in %s", l, l.Name(of))
			}
		}
		marked := false
		for _, s := range Keys(arch) {
			marked = marked || TellsEra(arch, s.Name)
		}
		if len(a.readings) > 1 && !marked {
			t.Errorf("%s: nothing tells its eras apart", arch)
		}
	}
}

// TestBlockNames checks that the names of blocks can stand in notation and name
// files, and are read back.
func TestBlockNames(t *testing.T) {
	for _, l := range layouts {
		for i, name := range l.Names() {
			if id, ok := l.Index(name); !ok || id != ID(i) || l.Name(id) != name {
				t.Errorf("%s: Index(%q) = %d, %v", l, name, id, ok)
			}
			if id, ok := l.Index(strings.ToLower(name)); !ok || id != ID(i) {
				t.Errorf("%s: Index(%q) = %d, %v", l, strings.ToLower(name), id, ok)
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
	for _, arch := range Archs() {
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
}
