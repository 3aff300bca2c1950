package recipe

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"mixmatch/merge/block"
)

// TestHoles wants each form of a hole read, and written as it is.
func TestHoles(t *testing.T) {
	l := layout(t, block.SD1)
	own, shared := Open(Own, DefaultLo, DefaultHi), Open(Shared, DefaultLo, DefaultHi)
	text := "A x (1-?) + B x ? = T1\nT1 + (C - D) x ?[0.25,0.5] = T2\n" +
		"T2 x (1-alpha) + B x alpha = T3\nalpha = (?," + strings.Repeat("0,", 22) + "?[-0.5,-0.25],?all,?all[0,1])\n" +
		"(T3 x 0.5 + B x 0.5) x (1-beta) + C x beta = T4\nbeta = " + vector(26, "?") + "\n"
	want := "A x (1-alpha) + B x alpha = T1\nalpha = ?\n" + text[strings.Index(text, "T1 + "):]
	r, err := Parse(l, text, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if r.String() != want {
		t.Errorf("got:\n%s\nwant:\n%s", r, want)
	}
	for _, test := range []struct {
		id, pos int
		want    Ratio
	}{
		{0, 0, shared},
		{25, 0, shared},
		{3, 1, Ratio{Value: 0.25, Hole: Shared, Lo: 0.25, Hi: 0.5}},
		{0, 2, own},
		{1, 2, Ratio{}},
		{23, 2, Ratio{Value: -0.25, Hole: Own, Lo: -0.5, Hi: -0.25}},
		{24, 2, shared},
		{25, 2, Ratio{Hole: Shared, Lo: 0, Hi: 1}},
		{7, 3, Ratio{Value: 0.5}},
		{7, 4, own},
		{7, 5, Ratio{}},
	} {
		if got := r.Ratio(block.ID(test.id), test.pos); got != test.want {
			t.Errorf("block %d, position %d: %v; want %v", test.id, test.pos, got, test.want)
		}
	}
	if got := r.Holes(0); !slices.Equal(got, []int{0, 1, 2, 4}) {
		t.Errorf("holes of BASE: %v", got)
	}
	if got := r.Holes(1); !slices.Equal(got, []int{0, 1, 4}) {
		t.Errorf("holes of IN00: %v", got)
	}
}

// TestColumn sets one block's ratios of a search space, which leaves those of
// the others open.
func TestColumn(t *testing.T) {
	l := layout(t, block.SD1)
	r, err := Parse(l, "A x (1-?-?) + B x ? + C x ? = T1\nT1 + (B - C) x ? = T2\n(T2 x 0.5 + B x 0.5) x 0.25 + C x 0.75 = T3", Options{})
	if err != nil {
		t.Fatal(err)
	}
	before := r.Clone()
	if got := r.Column(4); !slices.Equal(got, []float64{0, 0, 0, 0.5, 0.75}) {
		t.Errorf("column %v", got)
	}
	x := []float64{0.1, 0.2, 1.0 / 3, -0.5, 1.5}
	r.SetColumn(4, x)
	if got := r.Column(4); !slices.Equal(got, x) {
		t.Errorf("column %v; want %v", got, x)
	}
	if len(r.Holes(4)) != 0 || len(r.Holes(5)) != 3 {
		t.Errorf("holes %v and %v", r.Holes(4), r.Holes(5))
	}
	again, err := Parse(l, r.String(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	equal(t, again, r)
	if len(before.Holes(4)) != 3 {
		t.Error("the clone changed too")
	}
}

// TestPrograms compares each mode with its formula.
func TestPrograms(t *testing.T) {
	l := layout(t, block.SD1)
	const a, b = 0.3, -0.2
	for _, test := range []struct {
		mode Mode
		want [3]float64
	}{
		{WeightSum, [3]float64{1 - a, a}},
		{AddDifference, [3]float64{1, a, -a}},
		{TripleSum, [3]float64{1 - a - b, a, b}},
		{SumTwice, [3]float64{(1 - b) * (1 - a), (1 - b) * a, b}},
	} {
		s := Step{Mode: test.mode, A: "A", B: "B", Alpha: Uniform(l, a), Out: "D"}
		if s.Mode.HasC() {
			s.C = "C"
		}
		if s.Mode.HasBeta() {
			s.Beta = Uniform(l, b)
		}
		r, err := New(l, []Step{s})
		if err != nil {
			t.Fatal(err)
		}
		w := append(r.Program().Weights(r.Column(9)), 0)[:3]
		flat := r.Flatten(9)
		for i := range w {
			if math.Abs(w[i]-test.want[i]) > 1e-15 {
				t.Errorf("%v: weights %v; want %v", test.mode, w, test.want)
			}
			if x := flat[string(rune('A'+i))]; x != nil {
				if exact, _ := x.Float64(); math.Abs(exact-test.want[i]) > 1e-15 {
					t.Errorf("%v: exact weight %v; want %v", test.mode, x, test.want[i])
				}
			}
		}
	}
}

// TestWeightsSum makes random recipes of all modes, and wants weights that sum
// to 1, and that are those of the exact ones.
func TestWeightsSum(t *testing.T) {
	l := layout(t, block.SD1)
	rng := rand.New(rand.NewPCG(1, 2))
	for range 50 {
		models := []string{"A", "B", "C", "D"}
		var steps []Step
		for i := range 12 {
			pick := func() string { return models[rng.IntN(len(models))] }
			s := Step{Mode: Mode(rng.IntN(4)), A: pick(), B: pick(), Alpha: Uniform(l, math.Round(rng.NormFloat64()*1000)/1000), Out: "T" + strconv.Itoa(i)}
			if s.Mode.HasC() {
				s.C = pick()
			}
			if s.Mode.HasBeta() {
				s.Beta = Uniform(l, rng.Float64())
			}
			steps, models = append(steps, s), append(models, s.Out)
		}
		r, err := New(l, steps)
		if err != nil {
			t.Fatal(err)
		}
		p, flat, sum := r.Program(), r.Flatten(2), 0.0
		for i, w := range p.Weights(r.Column(2)) {
			sum += w
			exact := 0.0
			if x := flat[p.Sources[i]]; x != nil {
				exact, _ = x.Float64()
			}
			if math.Abs(w-exact) > 1e-11*(1+math.Abs(exact)) {
				t.Errorf("%s: %v; want %v in\n%s", p.Sources[i], w, exact, r)
			}
		}
		if math.Abs(sum-1) > 1e-10 {
			t.Errorf("the weights sum to %v in\n%s", sum, r)
		}
		again, err := Parse(l, r.String(), Options{})
		if err != nil {
			t.Fatalf("%v in\n%s", err, r)
		}
		equal(t, again, r)
	}
}

// TestWeightsInto wants no allocation with scratch given.
func TestWeightsInto(t *testing.T) {
	r := article(t, "BlessingMix V1")
	p := r.Program()
	x := r.Column(20)
	if len(x) != p.Len() {
		t.Fatalf("a column of %d; want %d", len(x), p.Len())
	}
	dst, scratch := make([]float64, len(p.Sources)), make([]float64, p.Scratch())
	if n := testing.AllocsPerRun(10, func() { p.WeightsInto(dst, x, scratch) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
	if want := p.Weights(x); !slices.Equal(dst, want) {
		t.Errorf("%v; want %v", dst, want)
	}
	none := &Recipe{Layout: r.Layout}
	if w := none.Program().Weights(nil); len(w) != 0 || none.Flatten(0) != nil || none.String() != "" || none.Result() != "" {
		t.Error("a recipe without steps has weights")
	}
	r.SetColumn(20, slices.Repeat([]float64{math.NaN()}, p.Len()))
	if r.Flatten(20) != nil {
		t.Error("exact weights of NaN")
	}
}

// TestNew wants what Parse cannot be given refused too.
func TestNew(t *testing.T) {
	l := layout(t, block.SD1)
	ok := Step{Mode: WeightSum, A: "A", B: "B", Alpha: Uniform(l, 0.5), Out: "C"}
	for _, test := range []struct {
		name string
		edit func(*Step)
		want string
	}{
		{"mode", func(s *Step) { s.Mode = 9 }, "C: unknown mode"},
		{"name", func(s *Step) { s.B = "" }, "C: one of the models merged has no name"},
		{"result", func(s *Step) { s.Out = "" }, "the step's result has no name"},
		{"C", func(s *Step) { s.Mode = AddDifference }, "C: one of the models merged has no name"},
		{"short row", func(s *Step) { s.Alpha = s.Alpha[1:] }, "C: alpha has 25 ratios for 26 blocks"},
		{"no beta", func(s *Step) { s.Mode, s.C = TripleSum, "D" }, "C: beta has 0 ratios for 26 blocks"},
		{"NaN", func(s *Step) { s.Alpha = slices.Clone(s.Alpha); s.Alpha[3].Value = math.NaN() }, "C: alpha of IN02 is NaN, which is no ratio"},
		{"bounds", func(s *Step) { s.Alpha = slices.Clone(s.Alpha); s.Alpha[3].Hole = Own }, "C: alpha of IN02 has the bounds [0,0]"},
		{"line", func(s *Step) { s.Line, s.A = 7, "C" }, "line 7: C is made from itself"},
	} {
		s := ok
		test.edit(&s)
		if _, err := New(l, []Step{s}); err == nil || err.Error() != test.want {
			t.Errorf("%s: %v; want %s", test.name, err, test.want)
		}
	}
	if _, err := New(l, []Step{ok, ok}); err == nil || err.Error() != "C is made twice" {
		t.Error(err)
	}
	var none error
	if _, none = New(l, nil); none == nil {
		t.Error("a recipe without steps")
	}
	if errors.Unwrap(none) != nil {
		t.Error(none)
	}
}

// TestQuote writes names of all kinds so that they are read back.
func TestQuote(t *testing.T) {
	l := layout(t, block.SD1)
	for _, name := range []string{
		"v1-5-pruned-emaonly", "OpenBra1.1", "β", "a b", "a  b", " a", "x", "alpha", "beta", "0.5", "1-2", "-a", "+a", "a+", "a + b", "(a)", "a=b",
		"a,b", `a"b`, `a\b`, "a\nb", "a\r", "\xff", "\u00a0", "#a", "//a", "a//b", "?", "?all", "_cosineA", "0.5_cosineA", "NaN", "1e400", "é", "e\u0301", "models/a.safetensors", "×",
	} {
		r, err := New(l, []Step{
			{Mode: WeightSum, A: name, B: "B", Alpha: Uniform(l, 0.5), Out: "C"},
			{Mode: AddDifference, A: "C", B: name, C: "B", Alpha: Uniform(l, 0.5), Out: "D"},
			{Mode: AddDifference, A: "D", B: "B", C: name, Alpha: Uniform(l, 0.5), Out: name + name},
		})
		if err != nil {
			t.Fatal(err)
		}
		again, err := Parse(l, r.String(), Options{})
		if err != nil {
			t.Errorf("%v in:\n%s", err, r)
			continue
		}
		equal(t, again, r)
	}
	if quote("dreamshaper_6.31-NoVae") != "dreamshaper_6.31-NoVae" {
		t.Error("quotes for nothing")
	}
}

// TestResolveMany wants an error that can be read for many unknown names.
func TestResolveMany(t *testing.T) {
	l := layout(t, block.SD1)
	var b strings.Builder
	for i := range 5000 {
		b.WriteString("model" + strconv.Itoa(i) + " x 0.5 + other x 0.5 = T" + strconv.Itoa(i) + "\n")
	}
	r, err := Parse(l, b.String(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	err = r.Resolve([]string{"other"})
	if err == nil || strings.Count(err.Error(), "\n") != 10 || !strings.HasSuffix(err.Error(), "\nand 4990 more unknown models") {
		t.Error(err)
	}
}

func BenchmarkWeightsInto(b *testing.B) {
	r := article(b, "BlessingMix V1")
	p, x := r.Program(), r.Column(20)
	dst, scratch := make([]float64, len(p.Sources)), make([]float64, p.Scratch())
	b.ReportAllocs()
	for b.Loop() {
		p.WeightsInto(dst, x, scratch)
	}
}

func BenchmarkParse(b *testing.B) {
	text := readFile(b, "article.txt")
	l := layout(b, block.SD1)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(l, text, Options{Lenient: true}); err != nil {
			b.Fatal(err)
		}
	}
}
