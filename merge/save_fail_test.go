package merge_test

import (
	"context"
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"mixmatch/merge"
	"mixmatch/merge/block"
	"mixmatch/merge/checkpoint"
	"mixmatch/merge/mergetest"
)

func TestSaveOverflow(t *testing.T) {
	for _, c := range []struct {
		in, out   checkpoint.DType
		value     float32 // the sum is three times that
		overflows bool
	}{
		{"F16", "F16", 30000, true},
		{"F16", "F16", 20000, false},
		{"F16", "BF16", 30000, false},
		{"F16", "F32", 30000, false},
		{"F32", "F16", 1e5, true},
		{"F32", "F32", 3e38, true},
		{"BF16", "BF16", 3e38, true},
		{"F32", "F32", 1e30, false},
	} {
		p := pool(t, sketch{DType: c.in, Edit: fill(c.value)}.Open(t, "A"), sketch{DType: c.in, Edit: fill(-c.value)}.Open(t, "B"))
		m := mix(t, p, "A + (A - B) x 1 = M")
		dir := t.TempDir()
		path := filepath.Join(dir, "out.safetensors")
		_, err := merge.Save(t.Context(), weighted(t, p, m, c.out), path, merge.SaveOptions{})
		if errors.Is(err, merge.ErrOverflow) != c.overflows || !c.overflows && err != nil {
			t.Errorf("%s to %s at %g: %v", c.in, c.out, c.value, err)
		}
		if !c.overflows {
			continue
		}
		mergetest.Empty(t, dir)
		saved, err := merge.Save(t.Context(), weighted(t, p, m, c.out), path, merge.SaveOptions{AllowInf: true})
		if err != nil {
			t.Fatal(err)
		}
		inf := 0
		out := open(t, "out", path)
		for _, k := range out.File.Tensors() {
			if k.DType.Float() {
				for _, v := range values(t, out, k.Name) {
					if math.IsInf(float64(v), 0) {
						inf++
					}
				}
			}
		}
		if saved.Inf != inf || inf == 0 {
			t.Errorf("%s to %s: %d infinite elements reported, %d written", c.in, c.out, saved.Inf, inf)
		}
	}
}

// fill sets every element to v.
func fill(v float32) func(string, []float32) {
	return func(_ string, x []float32) {
		for i := range x {
			x[i] = v
		}
	}
}

func TestSaveCanceled(t *testing.T) {
	p := pool(t, sketch{Seed: 1}.Open(t, "A"), sketch{Seed: 2}.Open(t, "B"))
	m := mix(t, p, "A x 0.5 + B x 0.5 = M")
	for _, after := range []int{0, 1, 500, 1130} {
		dir := t.TempDir()
		ctx, cancel := context.WithCancel(t.Context())
		calls := 0
		if after == 0 {
			cancel()
		}
		before := runtime.NumGoroutine()
		_, err := merge.Save(ctx, weighted(t, p, m, ""), filepath.Join(dir, "out.safetensors"), merge.SaveOptions{Progress: func(_, _ int64) {
			if calls++; calls == after {
				cancel()
			}
		}})
		cancel()
		if !errors.Is(err, context.Canceled) {
			t.Errorf("canceled after %d pieces: %v", after, err)
		}
		mergetest.Empty(t, dir)
		for i := 0; runtime.NumGoroutine() > before && i < 100; i++ {
			time.Sleep(10 * time.Millisecond)
		}
		if n := runtime.NumGoroutine(); n > before {
			t.Errorf("canceled after %d pieces: %d goroutines are left", after, n-before)
		}
	}
}

// A source that changes while it is read spoils the result, so there is none.
func TestSaveChanged(t *testing.T) {
	for name, spoil := range map[string]func(path string) error{
		"touched": func(path string) error {
			at := time.Now().Add(time.Hour)
			return os.Chtimes(path, at, at)
		},
		"truncated": func(path string) error { return os.Truncate(path, 200_000) },
		"emptied":   func(path string) error { return os.Truncate(path, 0) },
		"longer": func(path string) error {
			f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
			if err != nil {
				return err
			}
			_, err = f.WriteString("more")
			return errors.Join(err, f.Close())
		},
	} {
		for _, when := range []int{0, 1, 300} {
			path := sketch{Seed: 2}.Write(t, "B")
			p := pool(t, sketch{Seed: 1}.Open(t, "A"), open(t, "B", path))
			m := mix(t, p, "A x 0.5 + B x 0.5 = M")
			if when == 0 {
				if err := spoil(path); err != nil {
					t.Fatal(err)
				}
			}
			dir, calls := t.TempDir(), 0
			_, err := merge.Save(t.Context(), weighted(t, p, m, ""), filepath.Join(dir, "out.safetensors"), merge.SaveOptions{Progress: func(_, _ int64) {
				if calls++; calls == when {
					if err := spoil(path); err != nil {
						t.Error(err)
					}
				}
			}})
			if !errors.Is(err, checkpoint.ErrChanged) {
				t.Errorf("%s after %d pieces: %v", name, when, err)
			}
			mergetest.Empty(t, dir)
		}
	}
}

func TestSaveExisting(t *testing.T) {
	path := sketch{Seed: 1}.Write(t, "A")
	p := pool(t, open(t, "A", path), sketch{Seed: 2}.Open(t, "B"))
	m := mix(t, p, "A x 0.5 + B x 0.5 = M")
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := merge.Save(t.Context(), weighted(t, p, m, ""), path, merge.SaveOptions{}); !errors.Is(err, fs.ErrExist) {
		t.Errorf("an existing file: %v", err)
	}
	if after, _ := os.ReadFile(path); string(after) != string(before) {
		t.Error("the file changed")
	}
	if _, err := merge.Save(t.Context(), weighted(t, p, m, ""), filepath.Join(t.TempDir(), "no", "x"), merge.SaveOptions{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no such folder: %v", err)
	}
	if runtime.GOOS == "windows" {
		return // open files cannot be replaced there
	}
	// Over a source, by force: read to the end, then replaced.
	want, _ := save(t, p, m, "", merge.SaveOptions{})
	if _, err := merge.Save(t.Context(), weighted(t, p, m, ""), path, merge.SaveOptions{Force: true}); err != nil {
		t.Fatal(err)
	}
	if got := open(t, "out", path); raw(t, got, conv) != raw(t, want, conv) {
		t.Error("replaced by something else")
	}
}

// However large the models, a merge takes a few chunks of memory.
func TestSaveMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("writes 60 MB")
	}
	big := func(seed uint64) sketch {
		s := sketch{Seed: seed, Div: 40}
		s.Shape = func(key string, shape []int) []int {
			if key == vae {
				return []int{10_000_000}
			}
			return shape
		}
		return s
	}
	p := pool(t, big(1).Open(t, "A"), big(2).Open(t, "B"))
	m := mix(t, p, "A x 0.5 + B x 0.5 = M")
	var most uint64
	calls := 0
	path := filepath.Join(t.TempDir(), "out.safetensors")
	runtime.GC()
	var start runtime.MemStats
	runtime.ReadMemStats(&start)
	_, err := merge.Save(t.Context(), weighted(t, p, m, ""), path, merge.SaveOptions{Progress: func(done, total int64) {
		if calls++; calls%16 > 0 {
			return
		}
		var s runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&s)
		most = max(most, s.HeapAlloc-min(s.HeapAlloc, start.HeapAlloc))
	}})
	if err != nil {
		t.Fatal(err)
	}
	// 24 bytes of each of 1<<18 elements for each chunk under way.
	if limit := uint64(runtime.GOMAXPROCS(0)+3) * 24 << 18; most > limit {
		t.Errorf("%d MB at most, want below %d", most>>20, limit>>20)
	}
}

// Weights that sum to something else are arithmetic all the same; number
// formats that nothing can be rounded to are refused.
func TestSaveLimits(t *testing.T) {
	a := sketch{Seed: 1}.Open(t, "A")
	p := pool(t, a)
	l, err := block.For(block.SD1, block.SM2025)
	if err != nil {
		t.Fatal(err)
	}
	m := &merge.Mix{Layout: l, Root: 0, VAE: -1}
	for range l.Len() {
		m.Weights = append(m.Weights, []float64{2})
	}
	out, _ := save(t, p, m, "", merge.SaveOptions{})
	x, y := values(t, a, conv), values(t, out, conv)
	for i := range x {
		if 2*x[i] != y[i] {
			t.Fatalf("element %d: %v, want %v", i, y[i], 2*x[i])
		}
	}
	dir := t.TempDir()
	_, err = merge.Save(t.Context(), weighted(t, p, m, "I8"), filepath.Join(dir, "x"), merge.SaveOptions{})
	if err == nil || !strings.Contains(err.Error(), "I8") {
		t.Errorf("saving as I8: %v", err)
	}
	mergetest.Empty(t, dir)
}
