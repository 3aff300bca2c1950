package torchrand

import (
	"compress/gzip"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"strings"
	"testing"
)

// A draw is a recorded tensor: its ends, and the sum of all of it in float64.
type draw struct {
	Op          string
	N           int
	First, Last []float64
	Sum         float64
}

// testdata/torch_randn.json.gz was recorded with torch 1.13.1 on a CPU with
// AVX2. "randn": torch.manual_seed(seed), torch.randn(n) twice. "chain": what a
// similarity calculator draws, an input and three nn.Linear a block.
type recorded struct {
	Randn []struct {
		Seed      uint64
		N         int
		Randn     draw
		ThenRandn draw `json:"then_randn"`
	}
	Chain []struct {
		Seed   uint64
		Events []draw
	}
}

func load(t *testing.T) (r recorded) {
	t.Helper()
	f, err := os.Open("testdata/torch_randn.json.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.NewDecoder(z).Decode(&r); err != nil {
		t.Fatal(err)
	}
	return r
}

// compare checks got against a record to the last bit.
func compare(t *testing.T, what string, got []float32, want draw) {
	t.Helper()
	sum := 0.0
	for _, v := range got {
		sum += float64(v)
	}
	bad := 0
	for i, v := range want.First {
		if float32(v) != got[i] {
			bad++
			t.Logf("%s: number %d is %v, not %v", what, i, got[i], float32(v))
		}
	}
	for i, v := range want.Last {
		k := len(got) - len(want.Last) + i
		if float32(v) != got[k] {
			bad++
			t.Logf("%s: number %d is %v, not %v", what, k, got[k], float32(v))
		}
	}
	// Sums of so many float32 numbers in float64, in any order, agree to 1e-10;
	// one wrong last bit of a number above 0.01 shows as 1e-9 or more.
	if bad > 0 || math.Abs(sum-want.Sum) > 2e-10 {
		t.Errorf("%s: %d wrong, sum off by %g", what, bad, sum-want.Sum)
	}
}

func TestNormal(t *testing.T) {
	for _, c := range load(t).Randn {
		g := New(c.Seed)
		x := make([]float32, c.N)
		g.Normal(x)
		compare(t, fmt.Sprintf("seed %d: randn(%d)", c.Seed, c.N), x, c.Randn)
		g.Normal(x)
		compare(t, fmt.Sprintf("seed %d: randn(%d) again", c.Seed, c.N), x, c.ThenRandn)
	}
}

func TestChain(t *testing.T) {
	for _, c := range load(t).Chain {
		g, skipping := New(c.Seed), New(c.Seed)
		for i, e := range c.Events {
			x := make([]float32, e.N)
			if strings.HasPrefix(e.Op, "randn") {
				g.Normal(x)
				y := make([]float32, e.N)
				skipping.Normal(y)
				compare(t, "after Skip: "+e.Op, y, e)
			} else {
				g.Linear(x, int(math.Sqrt(float64(e.N))))
				skipping.Skip(e.N)
			}
			compare(t, fmt.Sprintf("seed %d: event %d, %s", c.Seed, i, e.Op), x, e)
		}
	}
}

// untemper is the inverse of temper.
func untemper(y uint32) uint32 {
	y ^= y >> 18
	y ^= y << 15 & 0xefc60000
	x := y
	for range 4 {
		x = y ^ x<<7&0x9d2c5680
	}
	return x ^ x>>11 ^ x>>22
}

// TestFast compares what this processor does side by side with plain loops: all
// 2^24 uniform numbers in each place of a pair, and every length of a twist.
func TestFast(t *testing.T) {
	g := New(1)
	state := make([]uint32, 1<<16)
	got, want := make([]float32, len(state)), make([]float32, len(state))
	batches := 1 << 25 / len(state)
	if testing.Short() {
		batches = 8
	}
	for batch := range batches {
		for _, place := range []int{0, vector / 2} {
			for i := range state {
				state[i] = g.Uint32()
			}
			next := uint32(batch * len(state) / 2)
			for i := range state {
				if i&(vector/2) == place {
					state[i] = untemper(next)
					next++
				}
			}
			normals(got, state)
			normalsGo(want, state)
			for i, v := range want {
				if math.Float32bits(got[i]) != math.Float32bits(v) {
					t.Fatalf("batch %d, place %d: number %d is %v, not %v", batch, place, i, got[i], v)
				}
			}
		}
	}
	for n := range 40 {
		far, a := state[1000:1000+n], state[:n+1]
		b := append([]uint32{}, a...)
		twistGo(b, far)
		twist(a, far)
		for i := range a {
			if a[i] != b[i] {
				t.Fatalf("twist of %d: word %d is %#x, not %#x", n, i, a[i], b[i])
			}
		}
	}
}

func BenchmarkSkip(b *testing.B) {
	g := New(0)
	b.SetBytes(1 << 16)
	for b.Loop() {
		g.Skip(1 << 16)
	}
}

func BenchmarkNormal(b *testing.B) {
	g := New(0)
	x := make([]float32, 1<<16)
	b.SetBytes(int64(len(x)))
	for b.Loop() {
		g.Normal(x)
	}
}
