package safetensors

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"mixmatch/merge/checkpoint"
)

// manyTensors is a header of n empty tensors.
func manyTensors(n int) []byte {
	var b bytes.Buffer
	b.WriteByte('{')
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `"t%d":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}`, i)
	}
	b.WriteByte('}')
	return withHeader(b.String(), 0)
}

// greedy is a reader that notes the largest read asked of it.
type greedy struct {
	io.ReaderAt
	most int
}

func (g *greedy) ReadAt(p []byte, at int64) (int, error) {
	g.most = max(g.most, len(p))
	return g.ReaderAt.ReadAt(p, at)
}

func TestCorpus(t *testing.T) {
	for _, tt := range append(corpus(), corpusCase{"200,000 tensors", manyTensors(200_000), true, ""}) {
		t.Run(tt.name, func(t *testing.T) {
			r := &greedy{ReaderAt: bytes.NewReader(tt.file)}
			f, err := New(r, int64(len(tt.file)))
			if r.most > len(tt.file) {
				t.Errorf("reads %d bytes of a file of %d", r.most, len(tt.file))
			}
			if !tt.ok {
				if err == nil {
					t.Fatal("opens")
				}
				if !errors.Is(err, checkpoint.ErrFormat) {
					t.Errorf("error does not wrap checkpoint.ErrFormat: %v", err)
				}
				if msg := err.Error(); !strings.Contains(msg, tt.say) || strings.ContainsAny(msg, "\n\x1b") || len(msg) > 400 {
					t.Errorf("got %q; want one line with %q", msg, tt.say)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			readAll(t, f)
		})
	}
}

// readAll reads every tensor of f, and what is next to it must be refused.
func readAll(t *testing.T, f *checkpoint.File) {
	t.Helper()
	if !slices.IsSortedFunc(f.Tensors(), func(a, b checkpoint.Tensor) int { return strings.Compare(a.Name, b.Name) }) {
		t.Error("tensors are not sorted")
	}
	for i, x := range f.Tensors() {
		if i == 1000 {
			break // 200,000 are opened, not read
		}
		if got, ok := f.Tensor(x.Name); !ok || got.Name != x.Name {
			t.Errorf("tensor %s is not found", checkpoint.Short(x.Name))
		}
		b := make([]byte, x.Bytes())
		if err := f.ReadBytes(b, x, 0); err != nil {
			t.Errorf("accepted, but: %v", err)
		}
		if err := f.ReadBytes(make([]byte, 1), x, x.Bytes()); err == nil {
			t.Errorf("tensor %s: reads past the end", checkpoint.Short(x.Name))
		}
		v := make([]float32, min(x.Len(), 1<<20))
		if err := f.Read(v, nil, x, 0); (err == nil) != x.DType.Float() {
			t.Errorf("tensor %s of %s: Read: %v", checkpoint.Short(x.Name), x.DType, err)
		}
		if err := f.Read(make([]float32, 1), nil, x, x.Len()); err == nil {
			t.Errorf("tensor %s: reads past the end", checkpoint.Short(x.Name))
		}
	}
}

// TestHeaderMemory checks that a length that cannot be costs no memory.
func TestHeaderMemory(t *testing.T) {
	for _, n := range []uint64{math.MaxUint64, 1 << 62, 100_000_001, 99_000_000} {
		b := withLength(n, `{"a":{}}`, nil)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := New(bytes.NewReader(b), int64(len(b)))
		runtime.ReadMemStats(&after)
		if got := after.TotalAlloc - before.TotalAlloc; err == nil || got > 1<<20 {
			t.Errorf("length %d: %d bytes of memory, %v", n, got, err)
		}
	}
}

// TestLargeHeaders fills the 100 MB that a header may have with one thing each.
func TestLargeHeaders(t *testing.T) {
	if testing.Short() {
		t.Skip("headers of 100 MB")
	}
	const size = 99_000_000
	fill := func(head, unit, tail string, most int) []byte {
		var b strings.Builder
		b.Grow(size)
		b.WriteString(head)
		for i := range min(most, (size-len(head)-len(tail))/(len(unit)+6)) {
			if i > 0 {
				b.WriteByte(',')
			}
			if strings.Contains(unit, "%") {
				fmt.Fprintf(&b, unit, i)
			} else {
				b.WriteString(unit)
			}
		}
		b.WriteString(tail)
		return withHeader(b.String(), 0)
	}
	empty := `":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}`
	for _, tt := range []struct {
		name string
		file []byte
		say  string
	}{
		{"small tensors", fill("{", `"%x`+empty, "}", size), "more than 250000 tensors"},
		{"long names", fill("{", `"%06x`+strings.Repeat("n", 330)+empty, "}", maxTensors), ""},
		{"dimensions", fill(`{"a":{"dtype":"F32","shape":[`, "1", `],"data_offsets":[0,4]}}`, size), "shapes of more than 2000000 dimensions"},
		{"metadata", fill(`{"__metadata__":{`, `"%x":""`, "}}", size), "more than 100000 metadata"},
		{"long metadata", fill(`{"__metadata__":{`, `"%06x":"`+strings.Repeat("v", 980)+`"`, "}}", maxMetadata), ""},
		{"fields that are passed over", fill(`{"a":{`, `"%x":[]`, `,"dtype":"F32","shape":[0],"data_offsets":[0,0]}}`, size), ""},
	} {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		begun := time.Now()
		_, err := New(bytes.NewReader(tt.file), int64(len(tt.file)))
		took := time.Since(begun)
		runtime.ReadMemStats(&after)
		memory := (after.TotalAlloc - before.TotalAlloc) >> 20
		t.Logf("%s: %d MB of header take %d MB of memory and %v", tt.name, len(tt.file)>>20, memory, took.Round(time.Millisecond))
		if tt.say == "" && err != nil || tt.say != "" && (!errors.Is(err, checkpoint.ErrFormat) || !strings.Contains(err.Error(), tt.say)) {
			t.Errorf("%s: got %v; want %q", tt.name, err, tt.say)
		}
		if memory > 400 || took > 20*time.Second { // seconds at most, on a machine with nothing else to do
			t.Errorf("%s: takes too much", tt.name)
		}
	}
}

func FuzzNewFile(f *testing.F) {
	for _, tt := range corpus() {
		if len(tt.file) < 4096 {
			f.Add(tt.file)
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := New(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			if !errors.Is(err, checkpoint.ErrFormat) || strings.ContainsAny(err.Error(), "\n\x1b") {
				t.Errorf("error %q", err)
			}
			return
		}
		readAll(t, c)
		var end int64
		for _, x := range c.Tensors() {
			end += x.Bytes()
		}
		if n := int64(binary.LittleEndian.Uint64(b)); end != int64(len(b))-8-n {
			t.Errorf("tensors hold %d bytes of %d", end, int64(len(b))-8-n)
		}
	})
}

func BenchmarkNewFile(b *testing.B) {
	for _, n := range []int{1_000, 200_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			file := manyTensors(n)
			b.SetBytes(int64(len(file)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := New(bytes.NewReader(file), int64(len(file))); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
