package safetensors

import (
	"encoding/binary"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mixmatch/merge/checkpoint"

	"github.com/google/go-cmp/cmp"
)

// write writes a file of which byte i of tensor t is content(t, i), in pieces
// of odd sizes.
func write(w *Writer, content func(t checkpoint.Tensor, i int) byte) error {
	defer w.Abort()
	var all []byte
	for _, t := range w.Tensors() {
		for i := range int(t.Bytes()) {
			all = append(all, content(t, i))
		}
	}
	for n := 1; len(all) > 0; n = n*3 + 1 {
		k := min(n, len(all))
		if _, err := w.Write(all[:k]); err != nil {
			return err
		}
		all = all[k:]
	}
	return w.Commit()
}

func byName(t checkpoint.Tensor, i int) byte { return byte(len(t.Name)*7 + i) }

// left returns the names in dir.
func left(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// TestWriterBytes checks the layout of the reference writer: wide numbers
// first, then by name, the header padded to a multiple of 8.
func TestWriterBytes(t *testing.T) {
	for _, tt := range []struct {
		name     string
		tensors  []checkpoint.Tensor
		metadata map[string]string
		header   string
	}{
		{"empty", nil, nil, "{}      "},
		{"metadata only", nil, map[string]string{"framework": "pt"}, `{"__metadata__":{"framework":"pt"}}     `},
		{
			"one",
			[]checkpoint.Tensor{{Name: "attn.0", DType: checkpoint.F32, Shape: []int{1, 2, 3}}},
			nil,
			`{"attn.0":{"dtype":"F32","shape":[1,2,3],"data_offsets":[0,24]}}`,
		},
		{
			"padded",
			[]checkpoint.Tensor{{Name: "attn0", DType: checkpoint.F32, Shape: []int{1, 1, 2, 3}}},
			nil,
			`{"attn0":{"dtype":"F32","shape":[1,1,2,3],"data_offsets":[0,24]}}       `,
		},
		{
			"order",
			[]checkpoint.Tensor{{Name: "a", DType: checkpoint.F16, Shape: []int{1}}, {Name: "b", DType: "I64"}, {Name: "c", DType: "F4", Shape: []int{2}}, {Name: "B", DType: checkpoint.BF16, Shape: []int{0}}, {Name: "A", DType: checkpoint.F16, Shape: []int{3}}},
			map[string]string{"z": "1", "a": "2"},
			`{"__metadata__":{"a":"2","z":"1"},"b":{"dtype":"I64","shape":[],"data_offsets":[0,8]},"B":{"dtype":"BF16","shape":[0],"data_offsets":[8,8]},"A":{"dtype":"F16","shape":[3],"data_offsets":[8,14]},"a":{"dtype":"F16","shape":[1],"data_offsets":[14,16]},"c":{"dtype":"F4","shape":[2],"data_offsets":[16,17]}} `,
		},
		{"escapes", nil, map[string]string{"\"\\/\b\f\n\r\t\x00\x1f\x7f": "é\u2028"}, `{"__metadata__":{"\"\\/\b\f\n\r\t\u0000\u001f` + "\x7f" + `":"é` + "\u2028" + `"}}  `},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "m.safetensors")
			w, err := Create(path, tt.tensors, tt.metadata, false)
			if err != nil {
				t.Fatal(err)
			}
			if err := write(w, byName); err != nil {
				t.Fatal(err)
			}
			got, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			n := binary.LittleEndian.Uint64(got)
			if diff := cmp.Diff(strings.TrimRight(tt.header, " "), strings.TrimRight(string(got[8:8+n]), " ")); diff != "" {
				t.Errorf("header: %s", diff)
			}
			if n%8 != 0 || int(n) >= len(strings.TrimRight(tt.header, " "))+8 {
				t.Errorf("header padded to %d bytes", n)
			}
			f, err := Open(path)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			if diff := cmp.Diff(tt.metadata, f.Metadata()); diff != "" {
				t.Errorf("metadata: %s", diff)
			}
			readAll(t, f)
		})
	}
}

func TestCreateRefuses(t *testing.T) {
	x := checkpoint.Tensor{Name: "a", DType: checkpoint.F16, Shape: []int{2}}
	for _, tt := range []struct {
		name     string
		tensors  []checkpoint.Tensor
		metadata map[string]string
		say      string
	}{
		{"name twice", []checkpoint.Tensor{x, {Name: "a", DType: checkpoint.F32}}, nil, `tensor "a": given twice`},
		{"name not UTF-8", []checkpoint.Tensor{{Name: "a\xff", DType: checkpoint.F16}}, nil, "valid UTF-8"},
		{"reserved name", []checkpoint.Tensor{{Name: "__metadata__", DType: checkpoint.F16}}, nil, "another use"},
		{"no dtype", []checkpoint.Tensor{{Name: "a"}}, nil, "unknown dtype"},
		{"unknown dtype", []checkpoint.Tensor{{Name: "a", DType: "F12"}}, nil, `unknown dtype "F12"`},
		{"negative dimension", []checkpoint.Tensor{{Name: "a", DType: checkpoint.F16, Shape: []int{-1, -2}}}, nil, "negative dimension -1"},
		{"overflow", []checkpoint.Tensor{{Name: "a", DType: checkpoint.F16, Shape: []int{1 << 30, 1 << 30, 1 << 30}}}, nil, "more elements"},
		{"overflow of the sum", []checkpoint.Tensor{{Name: "a", DType: "U8", Shape: []int{math.MaxInt}}, {Name: "b", DType: "U8", Shape: []int{math.MaxInt}}}, nil, "more"},
		{"half a byte", []checkpoint.Tensor{{Name: "a", DType: "F4", Shape: []int{3}}}, nil, "whole number of bytes"},
		{"metadata not UTF-8", nil, map[string]string{"a": "\xff"}, `metadata "a": must be valid UTF-8`},
		{"header too long", nil, map[string]string{"a": strings.Repeat("x", maxHeader)}, "the format allows 100000000"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			_, err := Create(filepath.Join(dir, "m"), tt.tensors, tt.metadata, true)
			if err == nil || !strings.Contains(err.Error(), tt.say) {
				t.Errorf("got %v; want an error with %q", err, tt.say)
			}
			if names := left(t, dir); len(names) != 0 {
				t.Errorf("left behind: %q", names)
			}
		})
	}
}

func TestWriterLength(t *testing.T) {
	for _, n := range []int{0, 3, 5, 1 << 20} {
		dir := t.TempDir()
		w, err := Create(filepath.Join(dir, "m"), []checkpoint.Tensor{{Name: "a", DType: checkpoint.F16, Shape: []int{2}}}, nil, false)
		if err != nil {
			t.Fatal(err)
		}
		_, err = w.Write(make([]byte, n))
		if (err != nil) != (n > 4) {
			t.Errorf("%d bytes: %v", n, err)
		}
		if err := w.Commit(); err == nil {
			t.Errorf("%d bytes: committed", n)
		}
		if names := left(t, dir); len(names) != 0 {
			t.Errorf("%d bytes: left behind: %q", n, names)
		}
		if _, err := w.Write([]byte{0}); !errors.Is(err, os.ErrClosed) {
			t.Errorf("after an error: %v; want ErrClosed", err)
		}
		w.Abort()
	}
}

func TestSetMetadata(t *testing.T) {
	dir := t.TempDir()
	tensors := []checkpoint.Tensor{{Name: "a", DType: checkpoint.F16, Shape: []int{2}}}
	make := func(name string, first, then map[string]string) (string, error) {
		path := filepath.Join(dir, name)
		w, err := Create(path, tensors, first, false)
		if err != nil {
			t.Fatal(err)
		}
		defer w.Abort()
		if _, err := w.Write([]byte("1234")); err != nil {
			t.Fatal(err)
		}
		if then != nil {
			if err := w.SetMetadata(then); err != nil {
				return "", err
			}
		}
		if err := w.Commit(); err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(path)
		return string(b), err
	}
	want, err := make("at once", map[string]string{"hash": "abcd"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := make("later", map[string]string{"hash": "0000"}, map[string]string{"hash": "abcd"}); err != nil || got != want {
		t.Errorf("got %q, %v; want %q", got, err, want)
	}
	if _, err := make("longer", map[string]string{"hash": "0000"}, map[string]string{"hash": strings.Repeat("a", 12)}); !errors.Is(err, ErrRoom) {
		t.Errorf("longer: %v", err)
	}
	if names := left(t, dir); len(names) != 2 {
		t.Errorf("in the folder: %q", names)
	}
}

func BenchmarkWriter(b *testing.B) {
	path := filepath.Join(b.TempDir(), "m")
	chunk := make([]byte, 512<<10)
	b.SetBytes(64 * int64(len(chunk)))
	for b.Loop() {
		w, err := Create(path, []checkpoint.Tensor{{Name: "a", DType: "U8", Shape: []int{64, len(chunk)}}}, nil, true)
		if err != nil {
			b.Fatal(err)
		}
		for range 64 {
			if _, err := w.Write(chunk); err != nil {
				b.Fatal(err)
			}
		}
		if err := w.Commit(); err != nil {
			b.Fatal(err)
		}
	}
}
