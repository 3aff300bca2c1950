package demo

import (
	"math"
	"slices"
	"testing"
)

func TestNormals(t *testing.T) {
	s := newStream(1, "a")
	x := make([]float32, 1<<20)
	s.normals(x, 0)
	var m1, m2, m4 float64
	for _, v := range x {
		d := float64(v)
		m1 += d
		m2 += d * d
		m4 += d * d * d * d
	}
	n := float64(len(x))
	// The sum of four uniform numbers has kurtosis 3 - 6/5/4.
	if math.Abs(m1/n) > 0.005 || math.Abs(m2/n-1) > 0.005 || math.Abs(m4/n-2.7) > 0.03 {
		t.Errorf("moments %v, %v, %v", m1/n, m2/n, m4/n)
	}

	part := make([]float32, 100)
	s.normals(part, 777)
	if !slices.Equal(part, x[777:877]) {
		t.Error("numbers from 777 on differ from the same numbers from 0 on")
	}

	y := make([]float32, len(x))
	newStream(1, "b").normals(y, 0)
	var c float64
	for i := range x {
		c += float64(x[i]) * float64(y[i])
	}
	if math.Abs(c/n) > 0.005 {
		t.Errorf("two streams correlate at %v", c/n)
	}
	if newStream(1, "ab", "c") == newStream(1, "a", "bc") {
		t.Error("names run together")
	}
}
