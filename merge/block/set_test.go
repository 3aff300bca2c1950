package block

import (
	"slices"
	"testing"
)

func TestSet(t *testing.T) {
	s := Set{}.With(255).With(3).With(3).With(64)
	if got := slices.Collect(s.All()); !slices.Equal(got, []ID{3, 64, 255}) {
		t.Errorf("All() = %v", got)
	}
	if s.Len() != 3 || !s.Has(3) || !s.Has(255) || s.Has(4) || s.Has(200) || s.Empty() {
		t.Errorf("set %v", s)
	}
	o := Set{}.With(64).With(65)
	if got := s.Union(o); got.Len() != 4 || !got.Has(65) || got != o.Union(s) {
		t.Errorf("%v and %v together: %v", s, o, got)
	}
	if got := s.Minus(o); got != (Set{}.With(3).With(255)) || s.Len() != 3 {
		t.Errorf("%v without %v: %v", s, o, got)
	}
	if !o.Minus(o).Empty() || !(Set{}).Empty() {
		t.Error("an empty set holds something")
	}
	for range s.All() {
		break
	}
}
