package torch

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"testing"

	"mixmatch/merge/checkpoint"
	"mixmatch/merge/checkpoint/torch/torchtest"
)

// random returns n bytes.
func random(r *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// naive returns the numbers of a view one by one.
func naive(data []byte, width int, begin int, shape, strides []int) []byte {
	var out []byte
	at := make([]int, len(shape))
	for {
		from := begin
		for i := range at {
			if shape[i] == 0 {
				return nil
			}
			from += at[i] * strides[i]
		}
		out = append(out, data[from*width:(from+1)*width]...)
		i := len(at) - 1
		for ; i >= 0; i-- {
			if at[i]++; at[i] < shape[i] {
				break
			}
			at[i] = 0
		}
		if i < 0 {
			return out
		}
	}
}

// TestGather compares ranges of random views with what reading one number after
// another gives.
func TestGather(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	classes := []string{"ByteStorage", "HalfStorage", "FloatStorage", "DoubleStorage"}
	for round := range 400 {
		class := r.IntN(len(classes))
		width := 1 << class
		begin := r.IntN(5)
		var shape, strides []int
		last := begin
		for range r.IntN(5) {
			n, stride := 1+r.IntN(6), r.IntN(40)
			if r.IntN(20) == 0 {
				n = 0
			}
			shape, strides = append(shape, n), append(strides, stride)
			last += max(0, n-1) * stride
		}
		data := random(r, (last+1+r.IntN(3))*width)
		s := &torchtest.Storage{Class: torchtest.Global{Module: "torch", Name: classes[class]}, Data: data}
		b := torchtest.Zip("m", torchtest.Dict{{"x", &torchtest.Tensor{Storage: s, Offset: begin, Shape: shape, Strides: strides}}})
		f, err := New(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			t.Fatalf("shape %d, strides %d: %v", shape, strides, err)
		}
		x, _ := f.Tensor("x")
		want := naive(data, width, begin, shape, strides)
		if x.Bytes() != int64(len(want)) || !slices.Equal(x.Shape, shape) && len(shape) > 0 {
			t.Fatalf("round %d: %d bytes, %d; want %d, %d", round, x.Bytes(), x.Shape, len(want), shape)
		}
		for range 10 {
			from := r.IntN(len(want) + 1)
			got := make([]byte, r.IntN(len(want)-from+1))
			if err := f.ReadBytes(got, x, int64(from)); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, want[from:from+len(got)]) {
				t.Fatalf("shape %d, strides %d, width %d: bytes %d to %d are %x; want %x", shape, strides, width, from, from+len(got), got, want[from:from+len(got)])
			}
		}
	}
}

// numbers is a file of n whole numbers in turn, of 32 bits, that is not held.
type numbers int64

func (n numbers) ReadAt(p []byte, at int64) (int, error) {
	for i := range p {
		if at+int64(i) >= 4*int64(n) {
			return i, io.EOF
		}
		var b [4]byte
		binary.LittleEndian.PutUint32(b[:], uint32((at+int64(i))/4))
		p[i] = b[(at+int64(i))%4]
	}
	return len(p), nil
}

// TestGatherLarge picks numbers from storages that exceed the window in ways that
// small ones cannot, and checks how much is read at a time.
func TestGatherLarge(t *testing.T) {
	for _, tt := range []struct {
		name           string
		shape, strides []int64
		most           int64 // reads that it may take
	}{
		{"every other", []int64{600_000}, []int64{2}, 6},
		{"every thousandth", []int64{1000}, []int64{1000}, 5},
		{"far apart", []int64{3, 2}, []int64{400_000, 200_000}, 6},
		{"transposed", []int64{1000, 700}, []int64{1, 1000}, 4},
		{"wide and transposed", []int64{100_000, 8}, []int64{1, 100_000}, 8},
		{"rows with gaps", []int64{900, 1000}, []int64{1100, 1}, 5},
		{"rows backed by one", []int64{1000, 900}, []int64{0, 1}, 1},
		{"planes turned", []int64{30, 200, 100}, []int64{100, 3000, 1}, 4},
	} {
		t.Run(tt.name, func(t *testing.T) {
			last := int64(0)
			for i, n := range tt.shape {
				last += (n - 1) * tt.strides[i]
			}
			file := numbers(last + 1)
			v, err := layOut(&storage{size: 4 * int64(file)}, 4, 0, tt.shape, tt.strides)
			if err != nil {
				t.Fatal(err)
			}
			reads := int64(0)
			read := func(p []byte, at int64) error {
				if reads++; len(p) > windowLen {
					t.Errorf("reads %d bytes at a time", len(p))
				}
				return checkpoint.ReadFull(file, p, at)
			}
			n := int64(1)
			for _, d := range tt.shape {
				n *= d
			}
			got := make([]byte, 4*n)
			if err := v.gather(read, got, 0); err != nil {
				t.Fatal(err)
			}
			if reads > tt.most {
				t.Errorf("%d reads; want at most %d", reads, tt.most)
			}
			for i := range n {
				want, rest := int64(0), i
				for d := len(tt.shape) - 1; d >= 0; d-- {
					want += rest % tt.shape[d] * tt.strides[d]
					rest /= tt.shape[d]
				}
				if x := binary.LittleEndian.Uint32(got[4*i:]); int64(x) != want {
					t.Fatalf("number %d is %d; want %d", i, x, want)
				}
			}
		})
	}
}

func TestLayOut(t *testing.T) {
	s := &storage{size: 24}
	for _, tt := range []struct {
		begin          int64
		shape, strides []int64
		ok, row        bool
	}{
		{0, []int64{2, 3}, []int64{3, 1}, true, true},
		{0, nil, nil, true, true},
		{5, nil, nil, true, true},
		{6, nil, nil, false, false},
		{-1, nil, nil, false, false},
		{1, []int64{5}, []int64{1}, true, true},
		{2, []int64{5}, []int64{1}, false, false},
		{0, []int64{3, 2}, []int64{1, 3}, true, false},
		{1, []int64{3, 2}, []int64{1, 3}, false, false},
		{0, []int64{1, 6}, []int64{1 << 62, 1}, true, true},
		{0, []int64{6, 1}, []int64{1, 1 << 62}, true, true},
		{0, []int64{2}, []int64{1 << 62}, false, false},
		{0, []int64{3, 3}, []int64{1 << 62, 1 << 62}, false, false},
		{1 << 62, []int64{3}, []int64{1 << 62}, false, false},
		{0, []int64{-1}, []int64{1}, false, false},
		{0, []int64{2}, []int64{-1}, false, false},
		{0, []int64{0, -1}, []int64{1, 1}, false, false},
		{9, []int64{0, 3}, []int64{3, 1}, true, true},
		{-9, []int64{0, 3}, []int64{3, 1}, false, false},
		{0, []int64{1 << 40, 0}, []int64{1, 1}, false, false},
		{0, []int64{1000, 6}, []int64{0, 1}, true, false},
		{0, []int64{maxExpanded / 4}, []int64{0}, true, false},
		{0, []int64{maxExpanded/4 + 1}, []int64{0}, false, false},
		{0, []int64{1 << 32, 1 << 32}, []int64{0, 0}, false, false},
	} {
		t.Run(fmt.Sprintf("%d %d %d", tt.begin, tt.shape, tt.strides), func(t *testing.T) {
			v, err := layOut(s, 4, tt.begin, tt.shape, tt.strides)
			if (err == nil) != tt.ok {
				t.Fatalf("got %v", err)
			}
			if tt.ok && (v.strides == nil) != tt.row {
				t.Errorf("strides %d", v.strides)
			}
		})
	}
}

func BenchmarkGather(b *testing.B) {
	const n = 2048
	data := make([]byte, 4*n*n)
	for _, tt := range []struct {
		name           string
		shape, strides []int64
	}{
		{"transposed", []int64{n, n}, []int64{1, n}},
		{"rows", []int64{n, n - 8}, []int64{n, 1}},
	} {
		b.Run(tt.name, func(b *testing.B) {
			v, err := layOut(&storage{size: int64(len(data))}, 4, 0, tt.shape, tt.strides)
			if err != nil {
				b.Fatal(err)
			}
			r := bytes.NewReader(data)
			dst := make([]byte, 256<<10)
			b.SetBytes(int64(len(dst)))
			for b.Loop() {
				if err := v.gather(func(p []byte, at int64) error { return checkpoint.ReadFull(r, p, at) }, dst, 1<<20); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
