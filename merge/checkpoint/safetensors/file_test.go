package safetensors

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"mixmatch/merge/checkpoint"
	"mixmatch/merge/vec"
)

const modelLen = 300_001 // several reads for every format

// model returns a file of one tensor in each format that is read, element i of
// which is i/8 as that format has it, behind one odd byte.
func model(t testing.TB) []byte {
	t.Helper()
	x := make([]float32, modelLen)
	for i := range x {
		x[i] = float32(i) / 8
	}
	narrow := map[checkpoint.DType]func([]byte, []float32){checkpoint.F16: vec.NarrowF16, checkpoint.BF16: vec.NarrowBF16, checkpoint.F32: vec.NarrowF32, checkpoint.F64: vec.NarrowF64}
	entries, data := []string{entry("odd", "U8", "1", "0,1")}, []byte{1}
	for _, d := range []checkpoint.DType{checkpoint.F16, checkpoint.BF16, checkpoint.F32, checkpoint.F64} {
		b := make([]byte, d.Bits()/8*modelLen)
		narrow[d](b, x)
		entries = append(entries, entry(string(d), string(d), fmt.Sprint(modelLen), fmt.Sprintf("%d,%d", len(data), len(data)+len(b))))
		data = append(data, b...)
	}
	h := obj(entries...)
	return withLength(uint64(len(h)), h, data)
}

// stored returns i/8 as d has it.
func stored(d checkpoint.DType, i int) float32 {
	x := []float32{float32(i) / 8}
	switch d {
	case checkpoint.F16:
		vec.RoundF16(x)
	case checkpoint.BF16:
		vec.RoundBF16(x)
	}
	return x[0]
}

func TestRead(t *testing.T) {
	b := model(t)
	path := filepath.Join(t.TempDir(), "m.safetensors")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if f.Path() != path || f.Size() != int64(len(b)) {
		t.Errorf("got %s, %d", f.Path(), f.Size())
	}
	var wg sync.WaitGroup
	for _, d := range []checkpoint.DType{checkpoint.F16, checkpoint.BF16, checkpoint.F32, checkpoint.F64} {
		for _, scratch := range [][]byte{nil, make([]byte, 7), make([]byte, 5000)[:0], make([]byte, 1<<20)} {
			wg.Go(func() {
				x, _ := f.Tensor(string(d))
				for _, r := range [][2]int{{0, modelLen}, {0, 0}, {modelLen, 0}, {1, 1}, {777, 150_000}, {modelLen - 1, 1}} {
					dst := make([]float32, r[1])
					if err := f.Read(dst, scratch, x, r[0]); err != nil {
						t.Error(err)
					}
					for i, v := range dst {
						if want := stored(d, r[0]+i); v != want {
							t.Errorf("%s, element %d: got %v; want %v", d, r[0]+i, v, want)
							return
						}
					}
				}
				for _, r := range [][2]int{{-1, 1}, {modelLen, 1}, {0, modelLen + 1}, {math.MaxInt, 1}, {math.MinInt, 0}} {
					if err := f.Read(make([]float32, r[1]), scratch, x, r[0]); err == nil {
						t.Errorf("%s: reads %d elements at %d", d, r[1], r[0])
					}
				}
			})
		}
	}
	wg.Wait()

	odd, _ := f.Tensor("odd")
	if err := f.Read(make([]float32, 1), nil, odd, 0); err == nil || errors.Is(err, checkpoint.ErrFormat) || !strings.Contains(err.Error(), `m.safetensors: tensor "odd": U8 numbers`) {
		t.Errorf("got %v", err)
	}
	if _, ok := f.Tensor("none"); ok {
		t.Error("finds a tensor that is not there")
	}
	for _, at := range []int64{-1, 1, math.MaxInt64, math.MinInt64} {
		if err := f.ReadBytes(make([]byte, 1), odd, at); err == nil {
			t.Errorf("reads byte %d of 1", at)
		}
	}
	if err := f.ReadBytes(nil, checkpoint.Tensor{Name: "made up", DType: checkpoint.F16, Shape: []int{1}}, 0); err == nil {
		t.Error("reads a tensor that is not the file's")
	}
}

// TestUnsorted reads tensors that lie in another order than that of their names.
func TestUnsorted(t *testing.T) {
	h := obj(entry("b", "F32", "1", "4,8"), entry("a", "F32", "1", "0,4"), entry("c", "F64", "1", "9,17"), entry("d", "U8", "1", "8,9"))
	b := withLength(uint64(len(h)), h, []byte("\x00\x00\x80\x3f\x00\x00\x00\x40\x07\x00\x00\x00\x00\x00\x00\x08\x40"))
	f, err := New(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]float32{"a": 1, "b": 2, "c": 3} {
		x, _ := f.Tensor(name)
		var got [1]float32
		if err := f.Read(got[:], nil, x, 0); err != nil || got[0] != want {
			t.Errorf("%s is %v, %v; want %v", name, got[0], err, want)
		}
	}
}

// A slow reader returns a byte at a time, and now and then none.
type slow struct {
	io.ReaderAt
	calls int
}

func (s *slow) ReadAt(p []byte, at int64) (int, error) {
	if s.calls++; s.calls%3 == 0 {
		return 0, nil
	}
	return s.ReaderAt.ReadAt(p[:min(1, len(p))], at)
}

type broken struct {
	io.ReaderAt
	from int64
	err  error
}

func (b *broken) ReadAt(p []byte, at int64) (int, error) {
	if at+int64(len(p)) <= b.from {
		return b.ReaderAt.ReadAt(p, at)
	}
	n := int(max(0, b.from-at))
	n, _ = b.ReaderAt.ReadAt(p[:n], at)
	return n, b.err
}

func TestReaders(t *testing.T) {
	b := withHeader(obj(entry("a", "F32", "2", "0,8")), 8)
	size := int64(len(b))
	f, err := New(&slow{ReaderAt: bytes.NewReader(b)}, size)
	if err != nil {
		t.Fatal(err)
	}
	a, _ := f.Tensor("a")
	if err := f.Read(make([]float32, 2), nil, a, 0); err != nil {
		t.Error(err)
	}
	if f.Path() != "" || f.Changed() != nil || f.Close() != nil || !f.Stamp().ModTime.IsZero() {
		t.Error("a file without a name has state")
	}

	eio := errors.New("input/output error")
	for from := range size {
		for _, tt := range []struct{ give, want error }{{io.EOF, checkpoint.ErrChanged}, {io.ErrUnexpectedEOF, checkpoint.ErrChanged}, {eio, eio}, {nil, io.ErrNoProgress}} {
			f, err := New(&broken{bytes.NewReader(b), from, tt.give}, size)
			if err == nil {
				err = f.Read(make([]float32, 2), nil, a, 0)
				if err == nil || !strings.HasPrefix(err.Error(), `tensor "a": `) {
					t.Errorf("ends at %d: got %v", from, err)
				}
			}
			if !errors.Is(err, tt.want) || errors.Is(err, checkpoint.ErrFormat) {
				t.Errorf("ends at %d with %v: got %v; want %v", from, tt.give, err, tt.want)
			}
		}
	}
	// io.ReaderAt may return the end of the file along with the last bytes.
	if f, err = New(&broken{bytes.NewReader(b), size, io.EOF}, size); err != nil {
		t.Fatal(err)
	}
	if err := f.Read(make([]float32, 2), nil, a, 0); err != nil {
		t.Error(err)
	}
}

func TestStamp(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m")
	b := withHeader(obj(entry("a", "F32", "2", "0,8")), 8)
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	then := time.Date(2024, 2, 3, 4, 5, 6, 0, time.FixedZone("", 3600))
	if err := os.Chtimes(path, then, then); err != nil {
		t.Fatal(err)
	}
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	s := f.Stamp()
	if s.Size != int64(len(b)) || !s.ModTime.Equal(then) || s.ModTime.Location() != time.UTC {
		t.Errorf("got %+v", s)
	}
	// From Python: hashlib.sha256(struct.pack("<Q", len(header)) + header).
	if want := "09475f311a02a7159ae5511f1b427f4d590b5924a2227b04ac3fe37150d2cb23"; s.Header != want {
		t.Errorf("header: got %s; want %s", s.Header, want)
	}
	if err := f.Changed(); err != nil {
		t.Error(err)
	}
	if err := os.Chtimes(path, then, then.Add(time.Second)); err != nil {
		t.Fatal(err)
	}
	if err := f.Changed(); !errors.Is(err, checkpoint.ErrChanged) || !strings.HasPrefix(err.Error(), path) {
		t.Errorf("touched: got %v; want checkpoint.ErrChanged", err)
	}
	if err := os.Truncate(path, int64(len(b))-1); err != nil {
		t.Fatal(err)
	}
	if err := f.Changed(); !errors.Is(err, checkpoint.ErrChanged) {
		t.Errorf("truncated: got %v; want checkpoint.ErrChanged", err)
	}
	a, _ := f.Tensor("a")
	if err := f.Read(make([]float32, 2), nil, a, 0); !errors.Is(err, checkpoint.ErrChanged) {
		t.Errorf("truncated: Read: got %v; want checkpoint.ErrChanged", err)
	}
	if err := f.Read(make([]float32, 1), nil, a, 0); err != nil {
		t.Errorf("truncated, but not here: %v", err)
	}
}

func TestOpen(t *testing.T) {
	dir := t.TempDir()
	if _, err := Open(filepath.Join(dir, "none")); !errors.Is(err, fs.ErrNotExist) || errors.Is(err, checkpoint.ErrFormat) {
		t.Errorf("got %v; want ErrNotExist", err)
	}
	path := filepath.Join(dir, "model.safetensors")
	if err := os.WriteFile(path, []byte("<!doctype html>"), 0o600); err != nil {
		t.Fatal(err)
	}
	want := path + ": a web page, not a model: the download needs a login or another link"
	if _, err := Open(path); !errors.Is(err, checkpoint.ErrFormat) || err.Error() != want {
		t.Errorf("got %v; want %s", err, want)
	}
	if _, err := New(bytes.NewReader(nil), -1); !errors.Is(err, checkpoint.ErrFormat) {
		t.Errorf("negative size: %v", err)
	}
}

func TestShort(t *testing.T) {
	for _, s := range []string{"", "a\x1b[31m\n\u202e", strings.Repeat("é", 1000), strings.Repeat("\xff", 1000), strings.Repeat("\x00", 121)} {
		if got := checkpoint.Short(s); len(got) > 450 || strings.ContainsAny(got, "\n\x1b\u202e") || len(s) > 200 && !strings.Contains(got, fmt.Sprintf("(%d bytes)", len(s))) {
			t.Errorf("%q: got %s", s, got)
		}
	}
	if got := checkpoint.Short("a.weight"); got != `"a.weight"` {
		t.Errorf("got %s", got)
	}
}

func BenchmarkRead(b *testing.B) {
	file := model(b)
	path := filepath.Join(b.TempDir(), "m")
	if err := os.WriteFile(path, file, 0o600); err != nil {
		b.Fatal(err)
	}
	f, err := Open(path)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	dst, scratch := make([]float32, modelLen), make([]byte, 256<<10)
	for _, d := range []checkpoint.DType{checkpoint.F16, checkpoint.F32} {
		b.Run(string(d), func(b *testing.B) {
			x, _ := f.Tensor(string(d))
			b.SetBytes(x.Bytes())
			for b.Loop() {
				if err := f.Read(dst, scratch, x, 0); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
