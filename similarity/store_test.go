package similarity

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
)

// TestPack packs rows of all kinds and gets them back to the bit.
func TestPack(t *testing.T) {
	r := rand.New(rand.NewPCG(61, 62))
	draw := map[string]func() float64{
		"zeros":     func() float64 { return 0 },
		"any":       r.NormFloat64,
		"halves":    func() float64 { return math.Round(4096*r.NormFloat64()) / 4096 },
		"few":       func() float64 { return float64(r.IntN(3) - 1) },
		"all sizes": func() float64 { return math.Ldexp(r.NormFloat64(), r.IntN(2000)-1000) },
		"tiny":      func() float64 { return math.Float64frombits(r.Uint64() & (1<<20 - 1)) },
		"largest":   func() float64 { return math.MaxFloat64 * float64(1-2*r.IntN(2)) },
		"not finite": func() float64 {
			return []float64{math.Inf(1), math.Inf(-1), math.NaN(), math.Copysign(0, -1), 1}[r.IntN(5)]
		},
	}
	for name, v := range draw {
		for rows := 1; rows < 80; rows++ {
			p := make([]float64, triangle(rows))
			for i := range p {
				p[i] = v()
			}
			b := packTriangle(nil, p, rows)
			packed, err := readTriangle(b, rows)
			back := packed.Unpack(make([]float64, 7)) // what was in the room is gone
			same := func(a, b float64) bool { return math.Float64bits(a) == math.Float64bits(b) }
			if err != nil || !slices.EqualFunc(p, back, same) {
				t.Fatalf("%s, %d rows: %v\n%v\n%v", name, rows, err, p, back)
			}
			if _, err := readTriangle(b[:len(b)-1], rows); err == nil {
				t.Errorf("%s, %d rows: cut short unnoticed", name, rows)
			}
		}
	}
}

// stored are products in both formats.
func stored(t testing.TB) (lines, packed []byte) {
	r := newRand(8)
	w := newWorld(r, 3, 50, keyOut, keyVAE)
	w.mix(r, 0, []float64{1, 0, 0}, 0)
	g := w.gram(1e-9)
	g.Tensors[1].Absent, g.Tensors[1].Grid = []int{1}, "BF16"
	g.Tensors[0].Sums = []string{"00000001", "", "fedcba98", "89abcdef"}
	g.Contents, g.Empty = []string{"a", "b", "", "c"}, EmptyBlocks{"sm2025-10": {"IN00"}}
	var a, b bytes.Buffer
	_, err := g.WriteLines(&a)
	_, bad := g.WriteTo(&b)
	if err := errors.Join(err, bad); err != nil {
		t.Fatal(err)
	}
	return a.Bytes(), b.Bytes()
}

// TestFormats reads products in each format and writes them in the other.
func TestFormats(t *testing.T) {
	lines, packed := stored(t)
	for _, text := range [][]byte{lines, packed} {
		g, err := ReadGram(bytes.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		var a, b bytes.Buffer
		_, err = g.WriteLines(&a)
		_, bad := g.WriteTo(&b)
		if err != nil || bad != nil || !bytes.Equal(a.Bytes(), lines) || !bytes.Equal(b.Bytes(), packed) {
			t.Errorf("%v, %v\n%s\n%s\n%q\n%q", err, bad, a.Bytes(), lines, b.Bytes(), packed)
		}
	}
	for i := range lines { // the lines as the other is tested in TestReadGram
		bad := bytes.Clone(lines)
		bad[i] ^= 1
		if _, err := ReadGram(bytes.NewReader(bad)); !errors.Is(err, ErrDamaged) {
			t.Fatalf("byte %d changed: %v", i, err)
		}
	}
}

// TestPromises reads files that promise more than they hold: nothing is made room for.
func TestPromises(t *testing.T) {
	names := make([]string, 30000) // 450 million products a tensor
	head, err := json.Marshal(format{Format: packedName, Models: names, Count: math.MaxInt})
	if err != nil {
		t.Fatal(err)
	}
	text := seal(append(begin([]byte(magic)), head...), len(magic))
	body := append([]byte{2, 0, 0, 0, '{', '}', 0}, make([]byte, 1000)...)
	for _, bad := range [][]byte{
		append(bytes.Clone(text), 0xff, 0xff, 0xff, 0x3f),
		seal(append(begin(bytes.Clone(text)), body...), len(text)),
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if _, err := ReadGram(bytes.NewReader(bad)); !errors.Is(err, ErrDamaged) {
			t.Errorf("%v", err)
		}
		runtime.ReadMemStats(&after)
		if n := after.TotalAlloc - before.TotalAlloc; n > 64<<20 {
			t.Errorf("%d bytes allocated for a file of %d", n, len(bad))
		}
	}
}

// FuzzReadGram wants that whatever is read is written and read again as it was.
func FuzzReadGram(f *testing.F) {
	lines, packed := stored(f)
	f.Add(lines)
	f.Add(packed)
	f.Add(packed[:len(packed)/2])
	f.Add([]byte(magic))
	f.Add(seal(append(begin([]byte(magic)), `{"format":"mixmatch products 2"}`...), len(magic)))
	f.Fuzz(func(t *testing.T, text []byte) {
		g, err := ReadGram(bytes.NewReader(text))
		if err != nil {
			if !errors.Is(err, ErrDamaged) {
				t.Fatal(err)
			}
			return
		}
		var once, twice bytes.Buffer
		if _, err := g.WriteTo(&once); err != nil {
			return // sums that are none
		}
		again, err := ReadGram(bytes.NewReader(once.Bytes()))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := again.WriteTo(&twice); err != nil || !bytes.Equal(once.Bytes(), twice.Bytes()) {
			t.Fatalf("written otherwise the second time: %v", err)
		}
	})
}

// FuzzUnpack reads rows without a checksum before them.
func FuzzUnpack(f *testing.F) {
	for rows := range 9 {
		p := make([]float64, triangle(rows))
		for i := range p {
			p[i] = float64(i*i) / 8
		}
		f.Add(packTriangle(nil, p, rows), uint8(rows))
		for _, power := range []int{-1074, -1030, 900} {
			for i := range p {
				p[i] = math.Ldexp(float64(i*i), power)
			}
			f.Add(packTriangle(nil, p, rows), uint8(rows))
		}
	}
	f.Add([]byte{0, 0, 0, 0, 0, 0, 0, 0, 60, 0, 4, 255, 255, 255, 255, 255, 255, 255, 255, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0}, uint8(2)) // more than float64 has
	f.Fuzz(func(t *testing.T, b []byte, rows uint8) {
		read, err := readTriangle(b, int(rows))
		if err != nil {
			return
		}
		p := read.Unpack(nil)
		back := NewTriangle(p, int(rows)).Unpack(nil)
		same := func(a, b float64) bool { return math.Float64bits(a) == math.Float64bits(b) }
		if !slices.EqualFunc(p, back, same) {
			t.Fatalf("%v\n%v", p, back)
		}
		own := read.Own()
		for i, row := range read.Rows() {
			if from := at(i, i, int(rows)); !slices.EqualFunc(row, p[from:from+len(row)], same) || !same(own[i], row[0]) {
				t.Fatalf("row %d is %v of %v, its own %v", i, row, p, own[i])
			}
		}
		if read.finite() == slices.ContainsFunc(p, func(v float64) bool { return v-v != 0 }) {
			t.Fatalf("finite is wrong of %v", p)
		}
	})
}

// TestEarlierFormat reads what a study kept before products were packed.
func TestEarlierFormat(t *testing.T) {
	recorded, err := os.ReadFile(filepath.Join("testdata", "products-1.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	lines, packed := stored(t)
	g, err := ReadGram(bytes.NewReader(recorded))
	if err != nil {
		t.Fatal(err)
	}
	var now bytes.Buffer
	if _, err := g.WriteTo(&now); err != nil || !bytes.Equal(now.Bytes(), packed) || !bytes.Equal(recorded, lines) {
		t.Errorf("%v\n%s\n%s", err, recorded, lines)
	}
}
