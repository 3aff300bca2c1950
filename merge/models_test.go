package merge_test

import (
	"encoding/binary"
	"hash/fnv"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"mixmatch/merge"
	"mixmatch/merge/block"
	"mixmatch/merge/checkpoint"
	"mixmatch/merge/checkpoint/safetensors"
	"mixmatch/merge/recipe"
	"mixmatch/merge/vec"
)

// A sketch says what a small model of random numbers is like.
type sketch struct {
	arch  block.Arch // SD1 if empty
	div   int        // 320 if 0
	seed  uint64
	dtype checkpoint.DType // F16 if empty
	scale float64          // standard deviation, 0.05 if 0
	drop  string           // no keys that contain this
	keys  map[string]checkpoint.DType
	edit  func(key string, x []float32)
	name  func(key string) string // how the file spells a key
	shape func(key string, shape []int) []int
}

// write writes the model name.safetensors into a folder of the test's and
// returns its path.
func (s sketch) write(t testing.TB, name string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name+".safetensors")
	if s.arch == "" {
		s.arch = block.SD1
	}
	if s.div == 0 {
		s.div = 320
	}
	if s.dtype == "" {
		s.dtype = "F16"
	}
	if s.scale == 0 {
		s.scale = 0.05
	}
	var tensors []checkpoint.Tensor
	add := func(key string, dtype checkpoint.DType, shape []int) {
		if s.drop != "" && strings.Contains(key, s.drop) {
			return
		}
		if s.shape != nil {
			shape = s.shape(key, shape)
		}
		if s.name != nil {
			key = s.name(key)
		}
		tensors = append(tensors, checkpoint.Tensor{Name: key, DType: dtype, Shape: shape})
	}
	for _, k := range block.Scaled(s.arch, s.div) {
		if dtype, ok := s.keys[k.Name]; ok {
			add(k.Name, dtype, k.Shape)
			delete(s.keys, k.Name)
			continue
		}
		dtype := s.dtype
		if k.Integer {
			dtype = "I64"
		}
		add(k.Name, dtype, k.Shape)
	}
	for key, dtype := range s.keys {
		add(key, dtype, []int{8})
	}
	w, err := safetensors.Create(path, tensors, nil, false)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Abort()
	for _, k := range w.Tensors() {
		if _, err := w.Write(s.bytes(k)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Commit(); err != nil {
		t.Fatal(err)
	}
	return path
}

// bytes returns the content of one tensor.
func (s sketch) bytes(k checkpoint.Tensor) []byte {
	name := fnv.New64a()
	name.Write([]byte(block.Canonical(k.Name)))
	r := rand.New(rand.NewPCG(s.seed, name.Sum64()))
	x := make([]float32, k.Len())
	for i := range x {
		x[i] = float32(s.scale * r.NormFloat64())
	}
	if s.edit != nil {
		s.edit(k.Name, x)
	}
	b := make([]byte, k.Bytes())
	switch k.DType {
	case "F16":
		vec.NarrowF16(b, x)
	case "BF16":
		vec.NarrowBF16(b, x)
	case "F32":
		vec.NarrowF32(b, x)
	case "F64":
		vec.NarrowF64(b, x)
	case "I64":
		for i := range x {
			binary.LittleEndian.PutUint64(b[8*i:], s.seed<<32+uint64(i))
		}
	default:
		for i := range b {
			b[i] = byte(r.Uint32())
		}
	}
	return b
}

// open writes the model and opens it under its name.
func (s sketch) open(t testing.TB, name string) *merge.Model {
	t.Helper()
	return open(t, name, s.write(t, name))
}

func open(t testing.TB, name, path string) *merge.Model {
	t.Helper()
	m, err := merge.OpenModel(name, path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

func pool(t testing.TB, models ...*merge.Model) *merge.Pool {
	t.Helper()
	p, err := merge.NewPool(models)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// mix reads a recipe for the pool.
func mix(t testing.TB, p *merge.Pool, text string) *merge.Mix {
	t.Helper()
	l, err := block.For(p.Kind.Arch, block.SM2025)
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

// save saves a mix and opens what it wrote.
func save(t testing.TB, p *merge.Pool, m *merge.Mix, o merge.SaveOptions) (*merge.Model, *merge.Saved) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "out.safetensors")
	saved, err := merge.Save(t.Context(), p, m, path, o)
	if err != nil {
		t.Fatal(err)
	}
	return open(t, "out", path), saved
}

// raw returns the bytes of a tensor, and its dtype in front.
func raw(t testing.TB, m *merge.Model, key string) string {
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

// values returns the numbers of a tensor.
func values(t testing.TB, m *merge.Model, key string) []float32 {
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
