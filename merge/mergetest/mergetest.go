// Package mergetest makes small models of random numbers for the tests of
// package merge and of those that stand on it.
package mergetest

import (
	"encoding/binary"
	"hash/fnv"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mixmatch/merge"
	"mixmatch/merge/block"
	"mixmatch/merge/checkpoint"
	"mixmatch/merge/checkpoint/safetensors"
	"mixmatch/merge/recipe"
)

// A Sketch says what a small model of random numbers is like.
type Sketch struct {
	Arch  block.Arch // SD1 if empty
	Div   int        // 320 if 0
	Seed  uint64
	DType checkpoint.DType // F16 if empty
	Scale float64          // standard deviation, 0.05 if 0
	Drop  string           // no keys that contain this
	Keys  map[string]checkpoint.DType
	Edit  func(key string, x []float32)
	Name  func(key string) string // how the file spells a key
	Shape func(key string, shape []int) []int
}

// Write writes the model name.safetensors into a folder of the test's and
// returns its path.
func (s Sketch) Write(t testing.TB, name string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name+".safetensors")
	if s.Arch == "" {
		s.Arch = block.SD1
	}
	if s.Div == 0 {
		s.Div = 320
	}
	if s.DType == "" {
		s.DType = "F16"
	}
	if s.Scale == 0 {
		s.Scale = 0.05
	}
	var tensors []checkpoint.Tensor
	known := map[string]string{} // what the file calls a key -> the key
	add := func(key string, dtype checkpoint.DType, shape []int) {
		if s.Drop != "" && strings.Contains(key, s.Drop) {
			return
		}
		if s.Shape != nil {
			shape = s.Shape(key, shape)
		}
		own := key
		if s.Name != nil {
			own = s.Name(key)
		}
		known[own] = key
		tensors = append(tensors, checkpoint.Tensor{Name: own, DType: dtype, Shape: shape})
	}
	for _, k := range block.Scaled(s.Arch, s.Div) {
		if dtype, ok := s.Keys[k.Name]; ok {
			add(k.Name, dtype, k.Shape)
			delete(s.Keys, k.Name)
			continue
		}
		dtype := s.DType
		if k.Integer {
			dtype = "I64"
		}
		add(k.Name, dtype, k.Shape)
	}
	for key, dtype := range s.Keys {
		add(key, dtype, []int{8})
	}
	w, err := safetensors.Create(path, tensors, nil, false)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Abort()
	for _, k := range w.Tensors() {
		if _, err := w.Write(s.bytes(known[k.Name], k)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Commit(); err != nil {
		t.Fatal(err)
	}
	return path
}

// bytes returns the content of the tensor k, which is that of key whatever it is called.
func (s Sketch) bytes(key string, k checkpoint.Tensor) []byte {
	name := fnv.New64a()
	name.Write([]byte(key))
	r := rand.New(rand.NewPCG(s.Seed, name.Sum64()))
	x := make([]float32, k.Len())
	for i := range x {
		x[i] = float32(s.Scale * r.NormFloat64())
	}
	if s.Edit != nil {
		s.Edit(key, x)
	}
	b := make([]byte, k.Bytes())
	switch {
	case k.DType.Float():
		k.DType.Narrow(b, x)
	case k.DType == "I64":
		for i := range x {
			binary.LittleEndian.PutUint64(b[8*i:], s.Seed<<32+uint64(i))
		}
	default:
		for i := range b {
			b[i] = byte(r.Uint32())
		}
	}
	return b
}

// Open writes the model and opens it under its name.
func (s Sketch) Open(t testing.TB, name string) *merge.Model {
	t.Helper()
	return Open(t, name, s.Write(t, name))
}

// Open opens the model at path until the test ends.
func Open(t testing.TB, name, path string) *merge.Model {
	t.Helper()
	m, err := merge.OpenModel(name, path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

// Raw returns the bytes of a tensor, and its dtype in front.
func Raw(t testing.TB, m *merge.Model, key string) string {
	t.Helper()
	k, ok := m.Tensor(key)
	if !ok {
		t.Fatalf("%s has no %s", m.Name, key)
	}
	b := make([]byte, k.Bytes())
	if err := m.File.ReadBytes(b, k, 0); err != nil {
		t.Fatal(err)
	}
	return string(k.DType) + " " + string(b)
}

// Values returns the numbers of a tensor.
func Values(t testing.TB, m *merge.Model, key string) []float32 {
	t.Helper()
	k, ok := m.Tensor(key)
	if !ok {
		t.Fatalf("%s has no %s", m.Name, key)
	}
	x := make([]float32, k.Len())
	if err := m.File.Read(x, nil, k, 0); err != nil {
		t.Fatal(err)
	}
	return x
}

// Mix reads a recipe for the pool, with the blocks of era.
func Mix(t testing.TB, p *merge.Pool, text string, era block.Era) *merge.Mix {
	t.Helper()
	l, err := block.For(p.Kind.Arch, era)
	if err != nil {
		t.Fatal(err)
	}
	r, err := recipe.Parse(l, text, recipe.Options{})
	if err != nil {
		t.Fatal(err)
	}
	m, err := merge.NewMix(p, r)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// Empty checks that nothing is in the folder dir.
func Empty(t testing.TB, dir string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		t.Errorf("left behind: %s", e.Name())
	}
}
