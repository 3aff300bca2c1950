package similarity_test

import (
	"reflect"
	"testing"

	"mixmatch/merge"
	"mixmatch/merge/mergetest"
	"mixmatch/similarity"
)

// TestFold is told of the same products, in order, that are kept otherwise.
func TestFold(t *testing.T) {
	var models []*merge.Model
	for i := range uint64(4) {
		models = append(models, mergetest.Sketch{Seed: i, Div: 80}.Open(t, string(rune('a'+i))))
	}
	pool, err := merge.NewPool(models[:2])
	if err != nil {
		t.Fatal(err)
	}
	want, err := similarity.MeasureAll(t.Context(), pool, models[2:], similarity.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, threads := range []int{1, 5} {
		got := make([][]similarity.Products, 2)
		left, err := similarity.MeasureAll(t.Context(), pool, models[2:], similarity.Options{
			Threads: threads, Fold: func(target int, p *similarity.Products) { got[target] = append(got[target], *p) },
		})
		if err != nil {
			t.Fatal(err)
		}
		for i, g := range want {
			if !reflect.DeepEqual(got[i], g.Tensors) {
				t.Errorf("%d threads: target %d has others", threads, i)
			}
			for _, q := range left[i].Tensors {
				if len(q.P.Own()) > 0 {
					t.Fatalf("%d threads: products of %s are kept", threads, q.Key)
				}
			}
		}
	}
}
