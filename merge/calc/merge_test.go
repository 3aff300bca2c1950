package calc

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"mixmatch/merge/block"
)

var formats = []string{F16, BF16, F32}

// weights returns a tensor like a model's.
func weights(r *rand.Rand, dtype string, shape ...int) Tensor {
	t := Tensor{dtype, shape, make([]float32, product(shape))}
	for i := range t.Data {
		t.Data[i] = float32(0.05 * r.NormFloat64())
	}
	round(dtype, t.Data)
	return t
}

// chunk returns elements of t as a tensor.
func (t Tensor) chunk(at, end int) Tensor {
	return Tensor{t.DType, []int{end - at}, t.Data[at:end]}
}

// TestPassThrough checks that a weight sum at 0 is A, and at 1 B, whatever the
// bits.
func TestPassThrough(t *testing.T) {
	bits := []uint32{0, 1 << 31, 1, 0x7f800000, 0xff800000, 0x7fc00000, 0x7f7fe000, 0x38800000}
	var a, b Tensor
	for i, v := range bits {
		a.Data = append(a.Data, math.Float32frombits(v))
		b.Data = append(b.Data, math.Float32frombits(bits[(i+3)%len(bits)]))
	}
	a.Shape, b.Shape = []int{len(bits)}, []int{len(bits)}
	for _, era := range block.Eras() {
		for _, old := range []bool{false, true} {
			for _, a.DType = range formats {
				for _, b.DType = range formats {
					for alpha, want := range []Tensor{a, b} {
						s := Step{Era: era, OldCalc: old, Alpha: float64(alpha)}
						got, err := s.Merge(nil, "model.x.weight", a, b, Tensor{})
						if err != nil {
							t.Fatal(err)
						}
						if got.DType != want.DType || different(got.Data, want.Data) > 0 {
							t.Errorf("%s, alpha %d: got %v; want %v", era, alpha, got, want)
						}
					}
				}
			}
		}
	}
}

// TestChunks checks that elementwise modes give the same in pieces, in memory
// used before, and that DType foretells the format.
func TestChunks(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	const n = 2*part + 77
	dst := make([]float32, n)
	for i := range 600 {
		s := Step{
			Mode: Mode(i % 4), Era: block.Eras()[i/4%2], OldCalc: i/8%2 == 1,
			Alpha: []float64{0, 1, 0.3, -0.7, 1.2}[r.IntN(5)], Beta: []float64{0, 0.4, -0.3}[r.IntN(3)],
		}
		if i%5 == 0 && s.Era != block.SM2023 {
			s.Calc = Self
		}
		a := weights(r, formats[r.IntN(3)], n)
		b := weights(r, formats[r.IntN(3)], n)
		c := weights(r, formats[r.IntN(3)], n)
		whole, err := s.Merge(nil, "model.x.weight", a, b, c)
		if err != nil {
			t.Fatal(err)
		}
		if d := s.DType("model.x.weight", a.DType, b.DType, c.DType); d != whole.DType {
			t.Errorf("%+v: DType says %s; want %s", s, d, whole.DType)
		}
		rounded := slices.Clone(whole.Data)
		round(whole.DType, rounded)
		if different(rounded, whole.Data) > 0 {
			t.Errorf("%+v: not numbers of format %s", s, whole.DType)
		}
		for at := 0; at < n; {
			end := min(at+1+r.IntN(part), n)
			got, err := s.Merge(dst, "model.x.weight", a.chunk(at, end), b.chunk(at, end), c.chunk(at, end))
			if err != nil {
				t.Fatal(err)
			}
			if &got.Data[0] != &dst[0] {
				t.Fatal("dst not used")
			}
			if got.DType != whole.DType || different(got.Data, whole.Data[at:end]) > 0 {
				t.Fatalf("%+v: elements %d to %d differ", s, at, end)
			}
			at = end
		}
	}
}

// TestInpainting merges 9 channels with 4.
func TestInpainting(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 10))
	for _, channels := range []int{9, 8} {
		a, b := weights(r, F16, 5, channels, 3, 2), weights(r, F32, 5, 4, 3, 2)
		c := weights(r, BF16, 5, 4, 3, 2)
		for mode := range Mode(4) {
			for _, alpha := range []float64{0, 0.3, 1} {
				s := Step{Mode: mode, Alpha: alpha, Beta: 0.2}
				got, err := s.Merge(nil, "x", a, b, c)
				if err != nil {
					t.Fatal(err)
				}
				usual, err := s.Merge(nil, "x", a.head(4), b, c)
				if err != nil {
					t.Fatal(err)
				}
				round(F16, usual.Data) // SuperMerger stores it into a part of A
				for o := range 5 {
					for i := range channels * 6 {
						want := a.Data[o*channels*6+i]
						if i < 4*6 {
							want = usual.Data[o*4*6+i]
						}
						if v := got.Data[o*channels*6+i]; v != want {
							t.Fatalf("%s, %d channels, element %d of row %d: got %v; want %v", mode, channels, i, o, v, want)
						}
					}
				}
				if got.DType != F16 || !slices.Equal(got.Shape, a.Shape) {
					t.Errorf("got %s %v", got.DType, got.Shape)
				}
			}
		}
		// B may be the inpainting model that a usual one is subtracted from.
		s := Step{Mode: AddDifference, Alpha: 0.5}
		got, err := s.Merge(nil, "x", b, a, c)
		if err != nil {
			t.Fatal(err)
		}
		if want, _ := s.Merge(nil, "x", b, a.head(4), c); different(got.Data, want.Data) > 0 {
			t.Error("B of more channels than C: wrong values")
		}
	}
}

func TestRefused(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 12))
	t2, t3 := weights(r, F16, 2), weights(r, F16, 3)
	inpaint, usual := weights(r, F16, 2, 9, 1, 1), weights(r, F16, 2, 4, 1, 1)
	for _, tt := range []struct {
		s       Step
		a, b, c Tensor
		want    string
	}{
		{Step{Mode: 4}, t2, t2, t2, "no merge mode 4"},
		{Step{Calc: "plus random"}, t2, t2, t2, "without a seed"},
		{Step{Calc: "cosineC"}, t2, t2, t2, `no calculation mode "cosineC"`},
		{Step{Era: "sm2020"}, t2, t2, t2, `no era "sm2020"`},
		{Step{Era: block.SM2023, Calc: Self}, t2, t2, t2, "not known"},
		{Step{Alpha: math.NaN()}, t2, t2, t2, "ratio of NaN"},
		{Step{Beta: math.Inf(1)}, t2, t2, t2, "ratio of +Inf"},
		{Step{Calc: Extract, Alpha: 1.5}, t2, t2, t2, "alpha and beta from 0 to 1"},
		{Step{Calc: CosineA}, t2, t2, t2, "needs the range"},
		{Step{Calc: CosineB, Mode: AddDifference, Range: Range{0, 1}}, t2, t2, t2, "not a difference"},
		{Step{}, t2, t3, t2, "x: shapes do not fit together: model A has [2], B [3]"},
		{Step{Mode: SumTwice}, t2, t2, t3, "model B has [2], C [3]"},
		{Step{}, usual, inpaint, t2, "swap A and B"},
		{Step{Calc: Slices}, inpaint, usual, t2, "model A has"},
		{Step{Calc: Slices2}, Tensor{F16, nil, []float32{1}}, Tensor{F16, nil, []float32{2}}, t2, "do not fit together: a lone number"},
		{Step{Mode: TripleSum}, inpaint, inpaint, usual, "model B has"},
		{Step{}, Tensor{"I64", []int{1}, []float32{1}}, t2, t2, `x in model A: numbers of format "I64"`},
		{Step{}, t2, Tensor{F16, []int{3}, []float32{1}}, t2, "x in model B: 1 values for the shape [3]"},
		{Step{}, t2, Tensor{F16, []int{-1}, nil}, t2, "no tensor has the shape"},
		{Step{}, t2, Tensor{F16, []int{math.MaxInt, 8}, nil}, t2, "no tensor has the shape"},
	} {
		_, err := tt.s.Merge(nil, "x", tt.a, tt.b, tt.c)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%+v: got %v; want %q", tt.s, err, tt.want)
		}
		if err != nil && strings.Contains(err.Error(), "do not fit") != errors.Is(err, ErrShape) {
			t.Errorf("%v: ErrShape or not?", err)
		}
	}
}

// FuzzMerge checks what holds for all steps and numbers: nothing panics, inputs
// stay, and the format is the one foretold.
func FuzzMerge(f *testing.F) {
	f.Add(uint8(0), uint8(0), uint8(0), 0.3, 0.2, 1.0, []byte{3, 2}, []byte{0, 60, 1, 2, 3, 4, 0, 124, 0, 126})
	for i := range len(Calcs()) {
		f.Add(uint8(i), uint8(i), uint8(3*i), 0.8, 0.5, 0.3, []byte{2, 3, 3, 3}, []byte{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12})
		f.Add(uint8(i), uint8(7), uint8(5*i), -1.5, 1e9, 2.0, []byte{0, 3}, []byte{})
		f.Add(uint8(i), uint8(7), uint8(7*i), 1.0, 0.0, 0.0, []byte{}, []byte{7})
	}
	f.Fuzz(func(t *testing.T, calc, mode, dtypes uint8, alpha, beta, gamma float64, dims, data []byte) {
		all := Calcs()
		s := Step{
			Calc: all[int(calc)%len(all)], Mode: Mode(mode % 4), Era: block.Eras()[mode/4%3], OldCalc: mode&128 != 0,
			Alpha: alpha, Beta: beta, Gamma: gamma, Range: Range{0.1, 0.9},
		}
		shape := []int{}
		for _, d := range dims[:min(len(dims), 4)] {
			shape = append(shape, int(d)%6)
		}
		var in [3]Tensor
		for i := range in {
			in[i] = Tensor{formats[dtypes%3], shape, make([]float32, product(shape))}
			dtypes /= 3
			for k := range in[i].Data {
				var v [4]byte
				if len(data) > 0 {
					for j := range v {
						v[j] = data[(4*k+j+i*5)%len(data)]
					}
				}
				in[i].Data[k] = math.Float32frombits(binary.LittleEndian.Uint32(v[:]))
			}
			round(in[i].DType, in[i].Data)
		}
		before := fmt.Sprint(in)
		key := "model.diffusion_model.x.weight"
		got, err := s.Merge(nil, key, in[0], in[1], in[2])
		if fmt.Sprint(in) != before {
			t.Fatal("the inputs changed")
		}
		if err != nil {
			return
		}
		if !slices.Equal(got.Shape, shape) || len(got.Data) != product(shape) {
			t.Fatalf("shape %v with %d values; want %v", got.Shape, len(got.Data), shape)
		}
		want := s.DType(key, in[0].DType, in[1].DType, in[2].DType)
		if s.Calc == TrainDifference && slices.Equal(in[1].Data, in[2].Data) {
			want = in[0].DType
		}
		if got.DType != want {
			t.Fatalf("format %s; want %s", got.DType, want)
		}
		rounded := slices.Clone(got.Data)
		round(got.DType, rounded)
		for i, v := range rounded {
			if v != got.Data[i] && v == v {
				t.Fatalf("%v is no number of format %s", got.Data[i], got.DType)
			}
		}
		if !Elementwise(s.Calc) {
			return
		}
		for i := range got.Data {
			one, err := s.Merge(nil, key, in[0].chunk(i, i+1), in[1].chunk(i, i+1), in[2].chunk(i, i+1))
			if err != nil || one.DType != got.DType || one.Data[0] != got.Data[i] && got.Data[i] == got.Data[i] {
				t.Fatalf("element %d alone: %v, %v; want %v", i, one, err, got.Data[i])
			}
		}
	})
}

func BenchmarkMerge(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 2))
	const n = 1 << 18
	dst := make([]float32, n)
	for _, dtype := range []string{F16, F32} {
		x, y, z := weights(r, dtype, n), weights(r, dtype, n), weights(r, dtype, n)
		for _, era := range []block.Era{block.SM2025, block.SM2023} {
			for mode := range Mode(4) {
				b.Run(fmt.Sprintf("%s/%s/%s", dtype, era, mode), func(b *testing.B) {
					s := Step{Mode: mode, Era: era, Alpha: 0.3, Beta: 0.2}
					b.SetBytes(n) // so MB/s reads as millions of elements a second
					for b.Loop() {
						if _, err := s.Merge(dst, "x", x, y, z); err != nil {
							b.Fatal(err)
						}
					}
				})
			}
		}
	}
}
