package fingerprint

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"math"
	"os"
	"path/filepath"
	"testing"

	"mixmatch/merge/checkpoint"
	"mixmatch/merge/mergetest"
)

// TestVectors compares with what an implementation in Python made of the same numbers
// (.ci/fingerprint_vectors.py), to the bit.
func TestVectors(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("testdata", "vectors.json"))
	if err != nil {
		t.Fatal(err)
	}
	var vectors []struct {
		Tensors []struct {
			Key       string
			Len, Step int
			Seed      string
			Words     []string
		}
		First []string
		CRC32 string
	}
	if err := json.Unmarshal(text, &vectors); err != nil {
		t.Fatal(err)
	}
	for _, v := range vectors {
		var sums [Buckets]float64
		for _, u := range v.Tensors {
			seed := Seed(u.Key)
			if got := fmt.Sprintf("%016x", seed); got != u.Seed {
				t.Errorf("%s: seed %s, not %s", u.Key, got, u.Seed)
			}
			for n, want := range u.Words {
				if got := fmt.Sprintf("%016x", word(seed, uint64(n))); got != want {
					t.Errorf("%s: word %d is %s, not %s", u.Key, n, got, want)
				}
			}
			x := make([]float32, u.Len)
			for i := range x {
				x[i] = float32(i*u.Step%97-48) / 64
			}
			for from := 0; from < len(x); from += pieceLen {
				piece := x[from:min(from+pieceLen, len(x))]
				var own [Buckets]float64
				var squares [8]float64
				for at := 0; at < len(piece); at += Buckets {
					add(&own, &squares, seed, uint64(from+at)/Buckets, piece[at:min(at+Buckets, len(piece))])
				}
				for i, s := range own {
					sums[i] += s
				}
			}
		}
		var b []byte
		for _, s := range sums {
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(float32(s)))
		}
		for i, want := range v.First {
			if got := fmt.Sprintf("%08x", binary.LittleEndian.Uint32(b[4*i:])); got != want {
				t.Errorf("%s: bucket %d is %s, not %s", v.Tensors[0].Key, i, got, want)
			}
		}
		if got := fmt.Sprintf("%08x", crc32.ChecksumIEEE(b)); got != v.CRC32 {
			t.Errorf("%s: buckets %s, not %s", v.Tensors[0].Key, got, v.CRC32)
		}
	}
}

// TestSameBits holds the fingerprint of a model to recorded bytes, which do not depend
// on the processor or on how the loops are written.
func TestSameBits(t *testing.T) {
	for _, c := range []struct {
		dtype checkpoint.DType
		want  string
	}{
		{checkpoint.F16, "e07db96e"},
		{checkpoint.F32, "8eb10971"},
		{checkpoint.E4M3, "08771820"},
	} {
		f, err := Of(context.Background(), mergetest.Sketch{Div: 40, DType: c.dtype}.Open(t, "a"), Options{})
		if err != nil {
			t.Fatal(err)
		}
		b, err := f.Append(nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprintf("%08x", binary.LittleEndian.Uint32(b[len(b)-4:])); got != c.want {
			t.Errorf("%s: %s, not %s", c.dtype, got, c.want)
		}
	}
}
