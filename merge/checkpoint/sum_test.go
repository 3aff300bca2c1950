package checkpoint

import (
	"hash/crc32"
	"math/rand/v2"
	"testing"
)

// A memory is a container of bytes, tensor i of which is the i-th.
type memory struct {
	tensors []Tensor
	bytes   [][]byte
	reads   *int64
}

func (m memory) Info() Info        { return Info{Format: "memory"} }
func (m memory) Tensors() []Tensor { return append([]Tensor{}, m.tensors...) }
func (m memory) Changed() error    { return nil }
func (m memory) Close() error      { return nil }
func (m memory) ReadBytes(dst []byte, i int, at int64) error {
	*m.reads += int64(copy(dst, m.bytes[i][at:]))
	return nil
}

// made returns a file of tensors of random bytes.
func made(t *testing.T) (memory, *File) {
	t.Helper()
	r := rand.New(rand.NewPCG(1, 2))
	m := memory{reads: new(int64)}
	for _, q := range []Tensor{
		{Name: "a", DType: F16, Shape: []int{300, 1000}},
		{Name: "b", DType: "I64", Shape: []int{7}},
		{Name: "c", DType: F32, Shape: []int{0}},
		{Name: "d", DType: F32, Shape: nil},
	} {
		b := make([]byte, q.Bytes())
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		m.tensors, m.bytes = append(m.tensors, q), append(m.bytes, b)
	}
	f, err := New(m)
	if err != nil {
		t.Fatal(err)
	}
	return m, f
}

// TestThen puts sums of pieces together.
func TestThen(t *testing.T) {
	b := make([]byte, 70_000)
	for i := range b {
		b[i] = byte(i * i >> 3)
	}
	want := Sum(crc32.ChecksumIEEE(b))
	for _, cut := range []int{0, 1, 2, 3, 1000, 1 << 16, len(b) - 1, len(b)} {
		one, two := Sum(0).And(b[:cut]), Sum(0).And(b[cut:])
		if got := one.Then(two, int64(len(b)-cut)); got != want {
			t.Errorf("cut at %d: %08x, want %08x", cut, got, want)
		}
	}
}

// TestContent changes one bit at a time, a name, a format and a shape.
func TestContent(t *testing.T) {
	m, f := made(t)
	content := func(f *File, known map[string]Sum) string {
		t.Helper()
		c, err := f.Content(t.Context(), known, nil)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	want := content(f, nil)
	for i, b := range m.bytes {
		for _, at := range []int{0, len(b) / 2, len(b) - 1} {
			if len(b) == 0 {
				continue
			}
			b[at] ^= 4
			if content(f, nil) == want {
				t.Errorf("byte %d of %s is not noticed", at, m.tensors[i].Name)
			}
			b[at] ^= 4
		}
	}
	for i, q := range []Tensor{{Name: "aa", DType: F16, Shape: []int{300, 1000}}, {Name: "a", DType: BF16, Shape: []int{300, 1000}}, {Name: "a", DType: F16, Shape: []int{1000, 300}}} {
		other := m
		other.tensors = append([]Tensor{q}, m.tensors[1:]...)
		g, err := New(other)
		if err != nil {
			t.Fatal(err)
		}
		if content(g, nil) == want {
			t.Errorf("change %d of the first tensor is not noticed", i)
		}
	}

	// What is known need not be read, and is what a reading in pieces sums.
	q, _ := f.Tensor("a")
	sum, err := f.SumOf(t.Context(), q, make([]byte, 5), nil)
	if err != nil {
		t.Fatal(err)
	}
	*m.reads = 0
	if content(f, map[string]Sum{"a": sum}) != want {
		t.Error("the sum of reading in pieces is another")
	}
	if *m.reads != 7*8+4 {
		t.Errorf("%d bytes were read beside what was known", *m.reads)
	}
}

func TestSample(t *testing.T) {
	m, f := made(t)
	one, err := f.Sample()
	if err != nil {
		t.Fatal(err)
	}
	if *m.reads > samples*sampleSize || *m.reads < samples*sampleSize/2 {
		t.Errorf("%d bytes were read", *m.reads)
	}
	for i := range m.bytes[0] {
		m.bytes[0][i] ^= byte(i)
	}
	two, err := f.Sample()
	if err != nil || one == two {
		t.Errorf("another model has the same sample (%v)", err)
	}
}
