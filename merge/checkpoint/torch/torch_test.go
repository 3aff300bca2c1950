package torch

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"mixmatch/merge/checkpoint"
	"mixmatch/merge/checkpoint/torch/torchtest"
)

// counted is a tensor of n numbers, i of which is i/8.
func counted(n int) *torchtest.Tensor {
	x := vector(n)
	for i := range n {
		binary.LittleEndian.PutUint32(x.Storage.Data[4*i:], math.Float32bits(float32(i)/8))
	}
	return x
}

func TestRead(t *testing.T) {
	const n = 200_001
	x := counted(n)
	turned := &torchtest.Tensor{Storage: x.Storage, Offset: 1, Shape: []int{400, 500}, Strides: []int{1, 400}}
	sd := dict{{"row", x}, {"turned", turned}, {"long", &torchtest.Tensor{
		Storage: &torchtest.Storage{Class: torchtest.Global{Module: "torch", Name: "LongStorage"}, Data: make([]byte, 16)}, Shape: []int{2},
	}}}
	for format, b := range map[string][]byte{Zip: torchtest.Zip("m", sd), Legacy: torchtest.Legacy(sd, 2)} {
		path := filepath.Join(t.TempDir(), "m.ckpt")
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		f, err := Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if f.Path() != path || f.Size() != int64(len(b)) || f.Format() != format || f.Stamp().ModTime.IsZero() || len(f.Stamp().Header) != 64 {
			t.Errorf("got %s, %d, %s, %+v", f.Path(), f.Size(), f.Format(), f.Stamp())
		}
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				row, _ := f.Tensor("row")
				v := make([]float32, n)
				if err := f.Read(v, nil, row, 0); err != nil {
					t.Error(err)
				}
				for i, x := range v {
					if x != float32(i)/8 {
						t.Errorf("row %d is %v", i, x)
						return
					}
				}
				turned, _ := f.Tensor("turned")
				v = make([]float32, 150_000)
				if err := f.Read(v, nil, turned, 777); err != nil {
					t.Error(err)
				}
				for i, x := range v {
					at := i + 777
					if x != float32(1+at/500+at%500*400)/8 {
						t.Errorf("turned %d is %v", at, x)
						return
					}
				}
			})
		}
		wg.Wait()
		if err := f.Changed(); err != nil {
			t.Error(err)
		}
		long, _ := f.Tensor("long")
		if err := f.Read(make([]float32, 1), nil, long, 0); err == nil || errors.Is(err, checkpoint.ErrFormat) {
			t.Errorf("whole numbers: %v", err)
		}
		if err := os.Truncate(path, int64(len(b))-1000); err != nil {
			t.Fatal(err)
		}
		if err := f.Changed(); !errors.Is(err, checkpoint.ErrChanged) {
			t.Errorf("cut off: %v", err)
		}
	}
}

// TestStamp checks that a stamp tells whether tensors lie elsewhere.
func TestStamp(t *testing.T) {
	stamp := func(b []byte) string {
		f, err := openBytes(b)
		if err != nil {
			t.Fatal(err)
		}
		return f.Stamp().Header
	}
	seen := map[string]string{}
	for name, x := range map[string]*torchtest.Tensor{
		"row": counted(6), "rows": {Storage: vector(6).Storage, Shape: []int{2, 3}}, "turned": {Storage: vector(6).Storage, Shape: []int{2, 3}, Strides: []int{1, 2}},
		"later": {Storage: vector(6).Storage, Shape: []int{5}, Offset: 1}, "earlier": {Storage: vector(6).Storage, Shape: []int{5}},
	} {
		h := stamp(torchtest.Zip("m", dict{{"x", x}}))
		if seen[h] != "" {
			t.Errorf("%s and %s are alike", name, seen[h])
		}
		seen[h] = name
		if again := stamp(torchtest.Zip("m", dict{{"x", x}})); again != h {
			t.Errorf("%s: differs", name)
		}
	}
}

func TestRecognizes(t *testing.T) {
	for text, want := range map[string]bool{
		"": false, "PK\x03\x04": true, "PK\x05\x06": false, "\x80\x02}q\x00.": true, "\x80\x05N.": true, "\x80\x01N.": false, "\x80\x02": false,
		"cos\nsystem\n(S'x'\ntR.": true, "((cposix\nsystem\n": true, "cos system": false, "content: a\n": false, `{"a":1}`: false,
	} {
		if got := Recognizes([]byte(text), 100); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
	_, err := openBytes([]byte("neither"))
	if !errors.Is(err, checkpoint.ErrFormat) || !strings.Contains(err.Error(), "not a file that torch.save writes") {
		t.Errorf("got %v", err)
	}
	_, err = openBytes([]byte("\x80\x02}q\x00."))
	if !errors.Is(err, checkpoint.ErrFormat) || !strings.Contains(err.Error(), "a pickle, but none that torch.save wrote") {
		t.Errorf("got %v", err)
	}
}

type failing struct {
	io.ReaderAt
	calls, at int
	err       error
}

func (f *failing) ReadAt(p []byte, at int64) (int, error) {
	if f.calls++; f.calls > f.at {
		return 0, f.err
	}
	return f.ReaderAt.ReadAt(p, at)
}

// TestReadFails checks that what the system says comes through, wherever it says it.
func TestReadFails(t *testing.T) {
	turned := &torchtest.Tensor{Storage: vector(6).Storage, Shape: []int{2, 3}, Strides: []int{1, 2}}
	eio := errors.New("input/output error")
	for _, b := range [][]byte{torchtest.Zip("m", dict{{"x", vector(2)}, {"y", turned}}), torchtest.Legacy(dict{{"x", vector(2)}, {"y", turned}}, 2)} {
		for _, tt := range []struct{ give, want error }{{eio, eio}, {io.EOF, checkpoint.ErrChanged}} {
			failed := 0
			for at := 0; ; at++ {
				r := &failing{ReaderAt: bytes.NewReader(b), at: at, err: tt.give}
				f, err := New(r, int64(len(b)))
				if err == nil {
					for _, x := range f.Tensors() {
						if err == nil {
							err = f.ReadBytes(make([]byte, x.Bytes()), x, 0)
						}
					}
				}
				if err == nil {
					break
				}
				failed++
				if !errors.Is(err, tt.want) || errors.Is(err, checkpoint.ErrFormat) {
					t.Errorf("read %d: %v; want %v", at, err, tt.want)
				}
			}
			if failed < 8 {
				t.Errorf("%d reads", failed)
			}
		}
	}
}

// TestMemory opens files that say much in few bytes.
func TestMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("pickles of many MB")
	}
	ones := "(" + strings.Repeat("K\x01", 64) + "t"
	head := "\x80\x02ctorch._utils\n_rebuild_tensor_v2\nq\x000" + "(X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpuK\x01tQq\x010" + ones + "q\x020}q\x030"
	for name, tt := range map[string]struct{ head, unit, tail, say string }{
		"one shape of many dimensions": {head + "}(", "X\x06\x00\x00\x00%06dh\x00(h\x01K\x00h\x02h\x02\x89h\x03tR", "u.", "1000000 dimensions together"},
		"many storages":                {head + "](", "(X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpuK\x01tQ", "e.", "more than 1000000 values"},
		"long names":                   {head + "}X" + "\x00\x00\x10\x00" + strings.Repeat("x", 1<<20) + "}(", "X\x06\x00\x00\x00%06dh\x00(h\x01K\x00))\x89h\x03tR", "us.", "the names of tensors take more than"},
	} {
		t.Run(name, func(t *testing.T) {
			var b strings.Builder
			b.WriteString(tt.head)
			for i := range 300_000 {
				if strings.Contains(tt.unit, "%") {
					fmt.Fprintf(&b, tt.unit, i)
				} else {
					b.WriteString(tt.unit)
				}
			}
			b.WriteString(tt.tail)
			file := torchtest.Archive(torchtest.Member{Name: "m/data.pkl", Data: []byte(b.String())}, torchtest.Member{Name: "m/data/0", Data: make([]byte, 4)})
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			_, err := openBytes(file)
			runtime.ReadMemStats(&after)
			if err == nil || !strings.Contains(err.Error(), tt.say) {
				t.Errorf("got %v; want %s", err, tt.say)
			}
			t.Logf("%d MiB of memory for a file of %d", (after.TotalAlloc-before.TotalAlloc)>>20, len(file)>>20)
			if got := after.TotalAlloc - before.TotalAlloc; got > 400<<20 {
				t.Errorf("%d MiB of memory", got>>20)
			}
		})
	}
}
