package demo

import (
	"slices"
	"strings"
	"testing"

	"mixmatch/merge/block"
	"mixmatch/merge/recipe"
)

func parse(t testing.TB, text string) *recipe.Recipe {
	t.Helper()
	l, err := block.For(block.SD1, block.SM2025)
	if err != nil {
		t.Fatal(err)
	}
	r, err := recipe.Parse(l, text, recipe.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestRun works a small chain out by hand.
func TestRun(t *testing.T) {
	for _, tt := range []struct {
		text string
		want float32
		ops  int
	}{
		{"A x 0.5 + B x 0.5 = R", 2, 1},
		{"A + (B - C) x 0.5 = R", -1, 1},
		{"A + (B - C) x 0 = R", 1, 0},
		{"A x 0 + B x 1 = R", 3, 0},
		{"(A x 0.5 + B x 0.5) x 0.75 + C x 0.25 = R", 3.25, 1},
		{"A x 0.5 + B x 0.5 = T\nT + (C - A) x 1 = R", 8, 2},
		{"A x 0.5 + B x 0.5 = T\nA + (C - A) x 1 = R", 7, 1}, // T is not needed
		{"A x 0.9 + B x 0.1 = R", 1.2001953125, 1},           // 1.2 in float16
	} {
		r := parse(t, tt.text)
		p, err := compile(r, 3, []string{"A", "B", "C"})
		if err != nil {
			t.Errorf("%s: %v", tt.text, err)
			continue
		}
		slots := [][]float32{{1}, {3}, {7}}
		for len(slots) < p.size {
			slots = append(slots, []float32{0})
		}
		if got := p.run(slots); !slices.Equal(got, []float32{tt.want}) || len(p.ops) != tt.ops {
			t.Errorf("%s = %v in %d merges; want %v in %d", tt.text, got, len(p.ops), tt.want, tt.ops)
		}
	}
}

func TestCompile(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"A x 0.5 + D x 0.5 = R", "no model called D"},
		{"A x 0.5 + B x 0.3 + C x 0.2 = R", "Triple sum"},
	} {
		_, err := compile(parse(t, tt.text), 0, []string{"A", "B", "C"})
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v; want %s", tt.text, err, tt.want)
		}
	}
}

// TestLerp pins the rounding on both sides of one half: b - (1-w)(b-a) is not
// a + w(b-a) in float32.
func TestLerp(t *testing.T) {
	x, y := []float32{0.1, -3, 1e-3}, []float32{0.7, 5, 2e4}
	for _, w := range []float32{-0.5, 0, 0.25, 0.5, 0.75, 1.5} {
		got := make([]float32, len(x))
		lerp(got, x, y, w)
		for i := range x {
			want := float64(x[i]) + float64(w)*(float64(y[i])-float64(x[i]))
			if d := float64(got[i]) - want; d > 2e-7*20000 || d < -2e-7*20000 {
				t.Errorf("lerp(%v, %v, %v) = %v; want %v", x[i], y[i], w, got[i], want)
			}
		}
	}
	got := make([]float32, len(x))
	if lerp(got, x, y, 0); !slices.Equal(got, x) {
		t.Errorf("lerp at 0: %v", got)
	}
	if lerp(got, x, y, 1); !slices.Equal(got, y) {
		t.Errorf("lerp at 1: %v", got)
	}
}
