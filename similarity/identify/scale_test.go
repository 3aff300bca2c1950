package identify

import (
	"context"
	"fmt"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"mixmatch/similarity/library"
)

// TestScale measures how long a search takes, how much memory, and how good it is, in
// libraries of many records: the table of docs/scale.md.
func TestScale(t *testing.T) {
	if !*scale {
		t.Skip("takes minutes: make scale")
	}
	fmt.Println("| records | absent of 5 | n | precision | recall | in bar | worst error | missing off by | verdict | read | seconds | memory MB |")
	fmt.Println("| ------: | ----------: | -: | --------: | -----: | -----: | ----------: | -------------: | ------: | ---: | ------: | --------: |")
	for text := range strings.SplitSeq(*sizes, ",") {
		n, err := strconv.Atoi(text)
		if err != nil || n < 100 {
			t.Fatalf("-records %s", text)
		}
		w := newWorld(t, 3, n)
		var lib Library = w
		if *folder {
			lib = inFolder(t, w)
		}
		for _, absent := range []int{0, 1, 3} {
			measure(t, w, lib, absent)
		}
	}
}

func measure(t *testing.T, w *world, lib Library, absent int) {
	var s score
	var took time.Duration
	var memory uint64
	read := 0
	for k := range max(*mixes, 10) {
		last := 0.0
		if absent == 1 {
			last = 0.15
		}
		clear(w.without)
		p := w.plant(k, 5, absent, last)
		for _, i := range p.sources[5-absent:] {
			w.withhold(i)
		}
		w.making.Store(0)
		start, stop := time.Now(), peak()
		r, err := Find(t.Context(), p.target, without{lib, w}, Options{})
		if err != nil {
			t.Fatal(err)
		}
		took += time.Since(start) - time.Duration(w.making.Load())
		memory = max(memory, stop())
		s.add(w, p, r)
		read += r.Library.Read
	}
	off := "-"
	if len(s.missing) > 0 {
		off = fmt.Sprintf("%.2f", s.off())
	}
	fmt.Printf("| %d | %d | %d | %.3f | %.3f | %.3f | %.2g | %s | %.2f | %d | %.1f | %d |\n", w.n, absent, s.mixes, s.precision(), s.recall(), s.coverage(), s.worst,
		off, ratio(s.verdicts, s.mixes), read/s.mixes, took.Seconds()/float64(s.mixes), memory>>20)
}

// peak begins to watch the heap; what it returns ends that and tells by how much it has
// grown at the most.
func peak() func() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	before, most := m.HeapAlloc, m.HeapAlloc
	done := make(chan struct{})
	var wait sync.WaitGroup
	wait.Go(func() {
		for {
			select {
			case <-done:
				return
			case <-time.After(20 * time.Millisecond):
				runtime.ReadMemStats(&m)
				most = max(most, m.HeapAlloc)
			}
		}
	})
	return func() uint64 {
		close(done)
		wait.Wait()
		return most - before
	}
}

// without is a library of which the records that a world withholds are not seen.
type without struct {
	Library
	w *world
}

func (l without) Entries(ctx context.Context, use func(*library.Entry) error) error {
	return l.Library.Entries(ctx, func(e *library.Entry) error {
		if l.w.without[number(e.Content)] {
			return nil
		}
		return use(e)
	})
}

// inFolder keeps a world's records in a library on the disk.
func inFolder(t *testing.T, w *world) Library {
	l, err := library.OpenFolder(filepath.Join(t.TempDir(), "lib"), true)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	for i := range w.n {
		if _, err := l.Add(t.Context(), w.fingerprint(i)); err != nil {
			t.Fatal(err)
		}
	}
	return l
}

// number returns the record that a content is of.
func number(content string) int {
	i, err := strconv.ParseInt(content, 16, 64)
	if err != nil {
		return -1
	}
	return int(i)
}
