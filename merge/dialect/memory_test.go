package dialect

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"testing"

	"mixmatch/merge/checkpoint"
)

// A memory is a container whose tensors are in memory.
type memory struct {
	path    string
	tensors []checkpoint.Tensor
	data    [][]byte
	closed  int
}

func (m *memory) Info() checkpoint.Info {
	return checkpoint.Info{Path: m.path, Format: "memory", Stamp: checkpoint.Stamp{Header: m.path}}
}
func (m *memory) Tensors() []checkpoint.Tensor { return m.tensors }
func (m *memory) Changed() error               { return nil }
func (m *memory) Close() error                 { m.closed++; return nil }

func (m *memory) ReadBytes(dst []byte, i int, at int64) error {
	if at < 0 || at+int64(len(dst)) > int64(len(m.data[i])) {
		return fmt.Errorf("%d bytes from %d on of tensor %d, which has %d", len(dst), at, i, len(m.data[i]))
	}
	copy(dst, m.data[i][at:])
	return nil
}

// add adds a tensor of F16 numbers that depend on seed.
func (m *memory) add(name, seed string, shape ...int) {
	t := checkpoint.Tensor{Name: name, DType: checkpoint.F16, Shape: shape}
	m.tensors = append(m.tensors, t)
	h := fnv.New64a()
	h.Write([]byte(seed))
	state := h.Sum64()
	b := make([]byte, 0, t.Bytes()+8)
	for int64(len(b)) < t.Bytes() {
		state = state*6364136223846793005 + 1442695040888963407
		b = binary.LittleEndian.AppendUint64(b, state)
	}
	m.data = append(m.data, b[:t.Bytes()])
}

// put adds a tensor of F16 numbers that are given as bytes.
func (m *memory) put(name string, data []byte, shape ...int) {
	m.tensors = append(m.tensors, checkpoint.Tensor{Name: name, DType: checkpoint.F16, Shape: shape})
	m.data = append(m.data, data)
}

// read returns the bytes of the tensors of c by "name shape".
func read(t testing.TB, c checkpoint.Container) map[string]string {
	t.Helper()
	all := map[string]string{}
	for i, k := range c.Tensors() {
		b := make([]byte, k.Bytes())
		if err := c.ReadBytes(b, i, 0); err != nil {
			t.Fatalf("%s: %v", k.Name, err)
		}
		name := fmt.Sprint(k.Name, k.Shape)
		if _, twice := all[name]; twice {
			t.Errorf("%s is there twice", name)
		}
		all[name] = string(b)
	}
	return all
}

// same holds two containers to the same tensors.
func same(t testing.TB, what string, got, want checkpoint.Container) {
	t.Helper()
	a, b := read(t, got), read(t, want)
	shown := 0
	for name, data := range b {
		if x, ok := a[name]; !ok || x != data {
			if shown++; shown < 4 {
				t.Errorf("%s: %s: there %v, equal %v", what, name, ok, x == data)
			}
		}
	}
	for name := range a {
		if _, ok := b[name]; !ok {
			if shown++; shown < 4 {
				t.Errorf("%s: %s is too many", what, name)
			}
		}
	}
}
