package fingerprint

import (
	"bytes"
	"context"
	"errors"
	"math"
	"testing"

	"mixmatch/merge"
	"mixmatch/merge/block"
	"mixmatch/merge/checkpoint"
	"mixmatch/merge/mergetest"
)

func of(t testing.TB, m *merge.Model, o Options) *Fingerprint {
	t.Helper()
	f, err := Of(context.Background(), m, o)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// TestDefinition computes buckets by the words of docs/fingerprints.md.
func TestDefinition(t *testing.T) {
	for _, dtype := range []checkpoint.DType{checkpoint.F16, checkpoint.F32, checkpoint.BF16} {
		m := mergetest.Sketch{Div: 40, DType: dtype}.Open(t, "a")
		f := of(t, m, Options{})
		a, err := assignmentOf(block.SD1)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range f.Sections {
			want, n := make([]float64, Buckets), 0
			for _, key := range m.Keys() { // sorted
				if name, ok := a.section(key); !ok || name != s.Name {
					continue
				}
				x := mergetest.Values(t, m, key)
				if s.Tensors[n].Seed != Seed(key) || s.Tensors[n].Len != len(x) {
					t.Fatalf("%s: tensor %d is not %s", s.Name, n, key)
				}
				n++
				own := make([]float64, Buckets)
				for i, v := range x {
					g := uint64(i / Buckets)
					turn := word(Seed(key), 65*g) >> 52
					sign := word(Seed(key), 65*g+1+uint64(i%Buckets/64)) >> (i % 64) & 1
					own[uint64(i%Buckets)^turn] += float64(v) * float64(1-2*int(sign))
				}
				for b := range want {
					want[b] += own[b]
				}
			}
			if n != len(s.Tensors) {
				t.Fatalf("%s has %d tensors, not %d", s.Name, len(s.Tensors), n)
			}
			for b := range want {
				if s.Sums[b] != float32(want[b]) {
					t.Fatalf("%s: bucket %d is %g, not %g", s.Name, b, s.Sums[b], want[b])
				}
			}
		}
	}
}

// TestThreads holds fingerprints to the same bytes, whoever adds them up.
func TestThreads(t *testing.T) {
	m := mergetest.Sketch{Div: 16, DType: checkpoint.F32}.Open(t, "a")
	var want []byte
	for _, threads := range []int{1, 2, 7} {
		got, err := of(t, m, Options{Threads: threads}).Append(nil)
		if err != nil {
			t.Fatal(err)
		}
		if want == nil {
			want = got
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%d threads: other bytes", threads)
		}
	}
	f, err := Read(bytes.NewReader(want))
	if err != nil {
		t.Fatal(err)
	}
	if again, err := f.Append(nil); err != nil || !bytes.Equal(again, want) {
		t.Errorf("read back: %v, other bytes", err)
	}
}

// TestLinear holds the fingerprint of a mix to the mix of the fingerprints.
func TestLinear(t *testing.T) {
	a := mergetest.Sketch{Div: 40, Seed: 1, DType: checkpoint.F32}.Open(t, "a")
	b := mergetest.Sketch{Div: 40, Seed: 2, DType: checkpoint.F32}.Open(t, "b")
	fa, fb := of(t, a, Options{}), of(t, b, Options{})
	mix := mergetest.Sketch{Div: 40, DType: checkpoint.F32, Edit: func(key string, x []float32) {
		if u, _ := a.Tensor(key); !u.DType.Float() { // position ids
			return
		}
		y := mergetest.Values(t, b, key)
		for i, v := range mergetest.Values(t, a, key) {
			x[i] = float32(float64(0.25*float64(v)) + float64(0.75*float64(y[i])))
		}
	}}.Open(t, "mix")
	fm := of(t, mix, Options{})
	for i, s := range fm.Sections {
		for k, v := range s.Sums {
			want := 0.25*float64(fa.Sections[i].Sums[k]) + 0.75*float64(fb.Sections[i].Sums[k])
			if math.Abs(float64(v)-want) > 1e-6*math.Sqrt(float64(s.Len)/Buckets+1) {
				t.Fatalf("%s: bucket %d is %g, not %g", s.Name, k, v, want)
			}
		}
	}
}

// TestFlippedBit changes every byte in turn, here and there.
func TestFlippedBit(t *testing.T) {
	all, err := of(t, mergetest.Sketch{}.Open(t, "a"), Options{}).Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	for at := 0; at < len(all); at += 1 + at/7 {
		all[at] ^= 1 << (at % 8)
		if _, err := Read(bytes.NewReader(all)); !errors.Is(err, ErrDamaged) {
			t.Errorf("byte %d changed: %v", at, err)
		}
		all[at] ^= 1 << (at % 8)
		if _, err := Read(bytes.NewReader(all[:at])); !errors.Is(err, ErrDamaged) {
			t.Errorf("cut at %d: %v", at, err)
		}
	}
	if _, err := Read(bytes.NewReader(append(all, 0))); !errors.Is(err, ErrDamaged) {
		t.Errorf("a byte more: %v", err)
	}
}

func TestNonFinite(t *testing.T) {
	m := mergetest.Sketch{Edit: func(key string, x []float32) {
		if key == "model.diffusion_model.out.2.bias" {
			x[0] = float32(math.NaN())
		}
	}}.Open(t, "a")
	if _, err := Of(context.Background(), m, Options{}); !errors.Is(err, merge.ErrNonFinite) {
		t.Errorf("NaN: %v", err)
	}
}

func FuzzRead(f *testing.F) {
	all, err := of(f, mergetest.Sketch{}.Open(f, "a"), Options{}).Append(nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(all)
	f.Add(all[:200])
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := Read(bytes.NewReader(b))
		if err != nil {
			if !errors.Is(err, ErrDamaged) {
				t.Errorf("%v", err)
			}
			return
		}
		if again, err := p.Append(nil); err != nil || len(again) == 0 {
			t.Errorf("cannot be written again: %v", err)
		}
	})
}
