package recovery

import (
	"maps"
	"math"
	"slices"
	"testing"

	"mixmatch/merge/block"
)

// TestTensors pins how many numbers the blocks have, which the comments state.
func TestTensors(t *testing.T) {
	l := layout(t)
	sizes, total := make([]int, l.Len()), 0
	for _, x := range tensors(l, 48) {
		sizes[x.block] += x.Len()
		total += x.Len()
	}
	for id, n := range sizes {
		least := 20_000
		if name := l.Name(block.ID(id)); name == "IN00" {
			least = 11_000
		}
		if n < least {
			t.Errorf("%s has %d numbers", l.Name(block.ID(id)), n)
		}
	}
	if total < 5e6 || total > 9e6 {
		t.Errorf("%d numbers", total)
	}
}

// TestFloat8 compares with values of the format's table.
func TestFloat8(t *testing.T) {
	for x, want := range map[float32]float32{
		0: 0, 1: 1, 1.05: 1, 1.07: 1.125, -1.0625: -1, 1.1875: 1.25, 17.5: 18, 1000: 448,
		0.015625: 0.015625, 0.001953125: 0.001953125, 0.0009: 0, 0.003: 0.00390625, -0.016: -0.015625,
	} {
		got := []float32{x}
		if float8(got); got[0] != want {
			t.Errorf("%v is stored as %v; want %v", x, got[0], want)
		}
	}
}

// TestNormals checks mean, variance and that seeds and names matter.
func TestNormals(t *testing.T) {
	const n = 1 << 18
	x := normals(source(1, "a"), n, 2)
	mean, square := 0.0, 0.0
	for _, v := range x {
		mean += float64(v) / n
		square += float64(v) * float64(v) / n
	}
	if math.Abs(mean) > 0.02 || math.Abs(square-4) > 0.05 {
		t.Errorf("mean %v, mean square %v; want 0 and 4", mean, square)
	}
	if !slices.Equal(x, normals(source(1, "a"), n, 2)) {
		t.Error("one seed, two streams")
	}
	if slices.Equal(x[:8], normals(source(1, "b"), 8, 2)) || slices.Equal(x[:8], normals(source(2, "a"), 8, 2)) {
		t.Error("another name or seed, the same stream")
	}
}

// TestLowRank checks that a matrix of rank 1 has rows that are multiples of each
// other, and how large its numbers are.
func TestLowRank(t *testing.T) {
	x := &tensor{Spec: block.Spec{Name: "x", Shape: []int{40, 50}}}
	d := lowRank(source(1, "x"), x, 1, 0.5)
	for i := 1; i < 40; i++ {
		for k := 1; k < 50; k++ {
			if e := d[50*i+k]*d[0] - d[50*i]*d[k]; math.Abs(float64(e)) > 1e-5 {
				t.Fatalf("row %d is no multiple of row 0", i)
			}
		}
	}
	square := 0.0
	for _, v := range lowRank(source(1, "x"), x, 16, 0.5) {
		square += float64(v) * float64(v) / 2000
	}
	if math.Abs(square-0.25) > 0.1 {
		t.Errorf("mean square %v; want 0.25", square)
	}
}

// TestRow checks that ratios are such as people type, and that none wipes out
// what was merged before.
func TestRow(t *testing.T) {
	r, l := source(1, "rows"), layout(t)
	for range 2000 {
		row := row(r, l)
		some := false
		for _, q := range row {
			if q.Value < 0 || q.Value > 0.95 || math.Abs(100*q.Value-math.Round(100*q.Value)) > 1e-9 {
				t.Fatalf("ratio %v", q.Value)
			}
			some = some || q.Value > 0
		}
		if !some || len(row) != l.Len() {
			t.Fatalf("row %v", row)
		}
	}
}

// TestSituations checks that what is planted is told apart from what is not.
func TestSituations(t *testing.T) {
	seen := map[string]bool{}
	for _, s := range Situations() {
		if seen[s.Name] {
			t.Errorf("two situations are called %q", s.Name)
		}
		seen[s.Name] = true
		if s.trained {
			continue
		}
		for seed := range uint64(20) {
			p := s.plant(draw{Rand: source(seed, s.Name), seed: seed, layout: layout(t)})
			all := p.truth()
			for id := range p.recipe.Layout.Blocks().All() {
				sum := 0.0
				for _, name := range slices.Sorted(maps.Keys(all)) {
					if _, more := p.also[name]; !more {
						sum += all[name][id]
					}
				}
				if math.Abs(sum-1) > 1e-9 {
					t.Errorf("%s: the weights of %s sum to %v", s.Name, p.recipe.Layout.Name(id), sum)
				}
			}
			want := oneMissing
			if p.neutral != "" { // a version of it is offered, so that little may be left
				want = notExact
			}
			if lacks := !math.IsNaN(p.missing()); lacks != (p.want == want) && (lacks || p.want == oneMissing) {
				t.Errorf("%s: a model is missing: %v, and the right verdict is %d", s.Name, lacks, p.want)
			}
			if slices.Contains(p.offered, p.base) {
				t.Errorf("%s: the base is among the sources", s.Name)
			}
		}
	}
}

// TestSame checks that a mix is the same files each time it is planted.
func TestSame(t *testing.T) {
	l := layout(t)
	var last []map[string]uint64
	for range 2 {
		p := draw{Rand: source(3, "same"), seed: 3, layout: l}.fromClusters(0.05)
		w, err := p.write(t.Context(), t.TempDir(), tensors(l, 12))
		if err != nil {
			t.Fatal(err)
		}
		for id := range w.alike {
			for _, name := range p.offered {
				if w.twin(block.ID(id), name) {
					t.Errorf("%s is the same as another in %s", name, l.Name(block.ID(id)))
				}
				if last != nil && last[id][name] != w.alike[id][name] {
					t.Errorf("%s differs in %s", name, l.Name(block.ID(id)))
				}
			}
		}
		last = w.alike
	}
}
