package calc

import (
	"errors"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
)

// TestRange compares with numpy 2.4.6's percentile(method="midpoint"), taken
// twice as SuperMerger does.
func TestRange(t *testing.T) {
	for _, tt := range []struct {
		n      int
		lo, hi float64
	}{
		{100, 0.009999999776482582, 96.04000091552734},
		{101, 0.009900989942252636, 97.03960418701172},
		{150, 0.02666666731238365, 144.05999755859375},
		{201, 0.019900497049093246, 195.04476928710938},
		{701, 0.06990014016628265, 685.09130859375},
	} {
		s := &Similarities{calc: CosineA}
		for i := range tt.n {
			v := i * 7919 % tt.n
			s.values = append(s.values, float32(float64(v*v)/float64(tt.n)))
		}
		got, err := s.Range()
		if want := (Range{tt.lo, tt.hi}); err != nil || got != want {
			t.Errorf("%d values: got %v, %v; want %v", tt.n, got, err, want)
		}
	}
	for _, few := range [][]float32{nil, {0.5}, {0.5, 0.7}} {
		if r, err := (&Similarities{calc: CosineA, values: few}).Range(); err == nil {
			t.Errorf("%v: got %v; want an error", few, r)
		}
	}
}

// TestSums compares the sums, in torch's order or BLAS's, with float64's, for
// sizes that take all ways through them.
func TestSums(t *testing.T) {
	r := rand.New(rand.NewPCG(15, 16))
	near := func(what string, rows, cols int, got float32, want, scale float64) {
		if math.Abs(float64(got)-want) > 1e-6*scale+1e-12 {
			t.Errorf("%s of %dx%d: got %v; want %v", what, rows, cols, got, want)
		}
	}
	for _, rows := range []int{1, 2, 5, 15, 16, 17, 67, 300, 1100} {
		for _, cols := range []int{1, 2, 3, 4, 7, 8, 9, 31, 33, 47, 65} {
			x, y := weights(r, F32, rows, cols), weights(r, F32, rows, cols)
			xy, xx, yy := make([]float64, cols), make([]float64, cols), make([]float64, cols)
			var all, sum float64
			for i := range x.Data {
				p, q := float64(x.Data[i]), float64(y.Data[i])
				xy[i%cols] += p * q
				xx[i%cols] += p * p
				yy[i%cols] += q * q
				all += p * q
				sum += p * p
			}
			for i, v := range cosines(x.Data, y.Data, rows, cols) {
				near("cosine", rows, cols, v, xy[i]/math.Sqrt(xx[i]*yy[i]), 1)
			}
			for i, v := range normalized(x.Data, rows, cols) {
				near("normalized", rows, cols, v, float64(x.Data[i])/math.Sqrt(xx[i%cols]), 3)
			}
			near("dot", rows, cols, dot(x.Data, y.Data), all, 10*sum)
			near("squares", rows, cols, squares(x.Data), sum, 10*sum)
			near("row", rows, cols, rowSum(x.Data, y.Data, 1, 1), all, sum)
		}
	}
}

func TestSimilarities(t *testing.T) {
	if _, err := NewSimilarities(Normal); err == nil {
		t.Error("normal: no error")
	}
	r := rand.New(rand.NewPCG(17, 18))
	for _, c := range []Calc{CosineA, CosineB} {
		s, err := NewSimilarities(c)
		if err != nil {
			t.Fatal(err)
		}
		a, b := weights(r, F16, 6, 5, 3), weights(r, F32, 6, 5, 3)
		for _, key := range []string{"betas", "first_stage_model.x.weight"} { // not asked
			if err := s.Add(key, a, Tensor{}); err != nil || len(s.values) > 0 {
				t.Errorf("%s: %v, %d values", key, err, len(s.values))
			}
		}
		if err := s.Add("model.x", a, b); err != nil || len(s.values) != 15 {
			t.Errorf("%v, %d values; want 15", err, len(s.values))
		}
		ids := Tensor{"I64", []int{1, 3}, []float32{0, 1, 2}}
		if err := s.Add("cond_stage_model.position_ids", ids, ids); err != nil || len(s.values) != 18 {
			t.Errorf("integers: %v, %d values; want 18", err, len(s.values))
		}
		if err := s.Add("model.logit_scale", Tensor{F32, nil, []float32{2}}, Tensor{F32, nil, []float32{3}}); err != nil || len(s.values) != 19 {
			t.Errorf("a number: %v, %d values; want 19", err, len(s.values))
		}
		if err := s.Add("model.x", a, weights(r, F16, 6, 15)); !errors.Is(err, ErrShape) {
			t.Errorf("other shape: %v", err)
		}
		if err := s.Add("model.x", a, Tensor{F16, []int{2}, nil}); err == nil || !strings.Contains(err.Error(), "model B") {
			t.Errorf("no values: %v", err)
		}
		zero := Tensor{F16, []int{3}, make([]float32, 3)}
		n := len(s.values)
		if err := s.Add("model.zero.bias", zero, zero); err != nil {
			t.Error(err)
		}
		if want := map[Calc]int{CosineA: n + 1, CosineB: n}[c]; len(s.values) != want { // 0, or NaN
			t.Errorf("%s of zeros: %d values; want %d", c, len(s.values)-n, want-n)
		}
	}
}
