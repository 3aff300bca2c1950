package difference

import (
	"slices"
	"testing"

	"mixmatch/merge/checkpoint"
)

// numbers is a tensor of a file that tests make.
type numbers struct {
	shape []int
	x     []float32
}

// of returns a tensor of a shape with the numbers x.
func of(x []float32, shape ...int) numbers { return numbers{shape, x} }

// A memory is a container of float32 tensors in memory.
type memory struct {
	info    checkpoint.Info
	tensors []checkpoint.Tensor
	bytes   [][]byte
	closed  bool
}

func (m *memory) Info() checkpoint.Info        { return m.info }
func (m *memory) Tensors() []checkpoint.Tensor { return m.tensors }
func (m *memory) Changed() error               { return nil }
func (m *memory) Close() error                 { m.closed = true; return nil }
func (m *memory) ReadBytes(dst []byte, i int, at int64) error {
	copy(dst, m.bytes[i][at:])
	return nil
}

// file returns a file of the tensors, with metadata.
func file(t testing.TB, tensors map[string]numbers, metadata map[string]string) *checkpoint.File {
	t.Helper()
	m := &memory{info: checkpoint.Info{Metadata: metadata}}
	for name, n := range tensors {
		m.tensors = append(m.tensors, checkpoint.Tensor{Name: name, DType: checkpoint.F32, Shape: n.shape})
		b := make([]byte, 4*len(n.x))
		checkpoint.F32.Narrow(b, n.x)
		m.bytes = append(m.bytes, b)
	}
	f, err := checkpoint.New(m)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// shapes is the shape function of a model of these tensors.
func shapes(model map[string][]int) func(string) ([]int, bool) {
	return func(key string) ([]int, bool) { s, ok := model[key]; return s, ok }
}

// expand reads tensors as a LoRA and returns what it adds to a model.
func expand(t testing.TB, tensors map[string]numbers, model map[string][]int) map[string]numbers {
	t.Helper()
	l, err := Read(file(t, tensors, nil))
	if err != nil {
		t.Fatal(err)
	}
	e, err := l.Expand(shapes(model))
	if err != nil {
		t.Fatal(err)
	}
	f, err := checkpoint.New(e)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]numbers{}
	for _, k := range f.Tensors() {
		x := make([]float32, k.Len())
		if err := f.Read(x, nil, k, 0); err != nil {
			t.Fatal(err)
		}
		got[k.Name] = numbers{k.Shape, x}
	}
	return got
}

// same compares what was made with what was to be made.
func same(t *testing.T, got, want map[string]numbers) {
	t.Helper()
	for key, w := range want {
		g, ok := got[key]
		if !ok {
			t.Errorf("no %s", key)
		} else if !slices.Equal(g.shape, w.shape) || !slices.Equal(g.x, w.x) {
			t.Errorf("%s is %v, %v; want %v, %v", key, g.shape, g.x, w.shape, w.x)
		}
	}
	for key := range got {
		if _, ok := want[key]; !ok {
			t.Errorf("changes %s too", key)
		}
	}
}
