package torch

import (
	"errors"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"mixmatch/merge/checkpoint"
)

func sumOf(b []byte) checkpoint.Sum { return checkpoint.Sum(0).And(b) }

// TestChecksum reads storages in parts, in any order and by several at a time.
func TestChecksum(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 200 {
		data := random(r, 1+r.IntN(5000))
		for _, wrong := range []checkpoint.Sum{0, 1} {
			c := &checksum{key: "7", size: int64(len(data)), want: sumOf(data) ^ wrong}
			var parts [][2]int
			for at := 0; at < len(data); {
				n := min(len(data)-at, 1+r.IntN(2000))
				parts = append(parts, [2]int{at, at + n})
				at += n
			}
			r.Shuffle(len(parts), func(i, j int) { parts[i], parts[j] = parts[j], parts[i] })
			parts = append(parts, parts...) // twice, which does not matter
			var wg sync.WaitGroup
			var mu sync.Mutex
			var failed error
			for half := range 2 {
				wg.Go(func() {
					for _, p := range parts[half*len(parts)/2 : (half+1)*len(parts)/2] {
						if err := c.add(int64(p[0]), data[p[0]:p[1]]); err != nil {
							mu.Lock()
							failed = err
							mu.Unlock()
						}
					}
				})
			}
			wg.Wait()
			if !c.done || c.parts != nil {
				t.Fatal("not done after all was read")
			}
			if (failed != nil) != (wrong != 0) {
				t.Fatalf("got %v", failed)
			}
			if err := c.add(0, data[:1]); (err != nil) != (wrong != 0) || err != nil && (!errors.Is(err, checkpoint.ErrFormat) || !strings.Contains(err.Error(), `storage "7"`)) {
				t.Fatalf("after it: %v", err)
			}
		}
	}
}

// TestChecksumParts checks that what overlaps is not counted twice.
func TestChecksumParts(t *testing.T) {
	data := []byte("0123456789")
	c := &checksum{size: 10, want: sumOf(data) ^ 1}
	for _, p := range [][2]int{{2, 5}, {4, 8}, {0, 3}, {1, 4}, {8, 10}, {5, 8}} {
		if err := c.add(int64(p[0]), data[p[0]:p[1]]); err != nil {
			t.Fatalf("%d: %v", p, err)
		}
	}
	if len(c.parts) != 1 || c.parts[0] != (part{2, 10, sumOf(data[2:])}) {
		t.Errorf("got %+v", c.parts)
	}
	if err := c.add(0, data[:2]); err == nil {
		t.Error("the whole is not compared")
	}
	var none *checksum
	if err := none.add(0, data); err != nil {
		t.Errorf("without a sum: %v", err)
	}
}
