package studies

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"
	"time"

	"mixmatch/merge"
	"mixmatch/merge/block"
	"mixmatch/merge/cache"
	"mixmatch/merge/mergetest"
	"mixmatch/similarity"
)

// aged writes a small model that has not been changed for a while.
func aged(t *testing.T, name string, seed uint64) string {
	t.Helper()
	path := mergetest.Sketch{Div: 160, Seed: seed}.Write(t, name)
	backdate(t, path, time.Hour)
	return path
}

func backdate(t *testing.T, path string, age time.Duration) {
	t.Helper()
	at := time.Now().Add(-age)
	if err := os.Chtimes(path, at, at); err != nil {
		t.Fatal(err)
	}
}

// studied runs a study of T with a cache, and returns its products and how many bytes
// of models it read.
func studied(t *testing.T, c *cache.Cache, target string, seed int64, sources ...string) (products []byte, read int64) {
	t.Helper()
	config := Config{Target: FileOf(mergetest.Open(t, "T", target)), Plan: Plan{Sampler: "cmaes", Trials: 1, Seed: seed}}
	for _, path := range sources {
		base := filepath.Base(path)
		config.Sources = append(config.Sources, FileOf(mergetest.Open(t, base[:1], path)))
	}
	dir := filepath.Join(t.TempDir(), "s")
	s, err := Create(dir, config)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	progress := func(p Progress) {
		if p.Stage == "reading" {
			read = p.Done
		}
	}
	if _, err := s.Run(t.Context(), Options{Cache: c, Progress: progress}); err != nil {
		t.Fatal(err)
	}
	products, err = os.ReadFile(filepath.Join(dir, productsFile))
	if err != nil {
		t.Fatal(err)
	}
	return products, read
}

// TestCached holds what studies take from the cache to what they measure without one.
func TestCached(t *testing.T) {
	a, b, d, target := aged(t, "A", 1), aged(t, "B", 2), aged(t, "D", 3), aged(t, "T", 4)
	folder := t.TempDir()
	c := cache.Open(folder)
	check := func(what string, reads bool, target string, seed int64, sources ...string) int64 {
		t.Helper()
		got, read := studied(t, c, target, seed, sources...)
		if want, _ := studied(t, nil, target, seed, sources...); !bytes.Equal(got, want) {
			t.Errorf("%s: other products than without a cache", what)
		}
		if reads != (read > 0) {
			t.Errorf("%s: %d bytes are read", what, read)
		}
		return read
	}
	check("the first time", true, target, 1, a, b)
	check("other settings", false, target, 2, a, b)
	check("a source more", true, target, 1, a, b, d)
	check("in another order", false, target, 1, a, d, b)
	check("a source less", false, target, 1, a, d)
	check("another first model", true, target, 1, b, a)
	all := check("another target", true, d, 1, a, b)
	if some := check("the sources of another target", true, aged(t, "T", 5), 1, a, b); some > all {
		t.Errorf("%d bytes are read with products of the sources, %d without", some, all)
	}

	// Content that changes with the size and the header as they were.
	other, err := os.ReadFile(aged(t, "B", 6))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(b, other, 0o600); err != nil {
		t.Fatal(err)
	}
	check("a file that was just changed", true, target, 1, a, b)
	check("which is not kept", true, target, 1, a, b)
	backdate(t, b, time.Minute)
	check("a file that was changed", true, target, 1, a, b)
	check("which is kept", false, target, 1, a, b)

	entries, err := os.ReadDir(folder)
	if err != nil || len(entries) == 0 {
		t.Fatalf("%d entries; %v", len(entries), err)
	}
	for _, e := range entries {
		if err := os.WriteFile(filepath.Join(folder, e.Name()), []byte("junk"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	check("a damaged cache", true, target, 1, a, b)
	check("mended", false, target, 1, a, b)
}

// TestWrongCache has products of other files under the names of these: what is measured
// beside them shows it, and nothing of them is used.
func TestWrongCache(t *testing.T) {
	a, b, d, target := aged(t, "A", 1), aged(t, "B", 2), aged(t, "D", 3), aged(t, "T", 4)
	c := cache.Open(t.TempDir())
	studied(t, c, target, 1, a, d)
	of := func(paths ...string) cachedStudy {
		var models []*merge.Model
		for _, p := range paths {
			models = append(models, mergetest.Open(t, "m", p))
		}
		return identify(models, mergetest.Open(t, "T", target))
	}
	was := of(a, d)
	g := was.products(c)
	wrong := of(a, b)
	toCache(c, wrong, wrong, g)
	got, _ := studied(t, c, target, 1, a, b, d)
	if want, _ := studied(t, nil, target, 1, a, b, d); !bytes.Equal(got, want) {
		t.Error("products of another file are taken")
	}
}

// TestCachedLikes holds similar.py's numbers from the cache to those that are computed.
func TestCachedLikes(t *testing.T) {
	a, b, target := aged(t, "A", 1), aged(t, "B", 2), aged(t, "T", 4)
	c := cache.Open(t.TempDir())
	summary := func(c *cache.Cache, seed int64) *Summary {
		t.Helper()
		config := Config{Target: FileOf(mergetest.Open(t, "T", target)), Plan: Plan{Sampler: "cmaes", Trials: 1, Seed: seed}}
		config.Sources = FilesOf([]*merge.Model{mergetest.Open(t, "A", a), mergetest.Open(t, "B", b)})
		s, err := Create(filepath.Join(t.TempDir(), "s"), config)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		sum, err := s.Run(t.Context(), Options{Cache: c})
		if err != nil {
			t.Fatal(err)
		}
		return sum
	}
	for range 2 { // the second time they are known
		want := summary(nil, 1)
		if want.Groups[0].Published == nil {
			t.Fatal("there are no such numbers")
		}
		if got := summary(c, 1); !reflect.DeepEqual(got.Groups, want.Groups) || !reflect.DeepEqual(got.Steps, want.Steps) {
			t.Error("other numbers than without a cache")
		}
	}
	// What is in the cache is what is shown: it is not computed again.
	likesOf := func(change func(*knownLike)) {
		t.Helper()
		var models []*merge.Model
		for _, p := range []string{a, b, target} {
			models = append(models, mergetest.Open(t, "m", p))
		}
		l, err := block.Default(models[2].Kind.Arch)
		if err != nil {
			t.Fatal(err)
		}
		heads, err := similarity.Heads(l, models[2].File)
		if err != nil {
			t.Fatal(err)
		}
		for _, group := range []block.Group{block.Inputs, block.Outputs} {
			some := slices.DeleteFunc(slices.Clone(heads), func(h similarity.Head) bool { return l.GroupOf(h.Block) != group })
			k := newLikes(c, similarity.Calculators()[0].Name, &attentionModels{opened: models}, l, some)
			if len(k.known) != len(some) {
				t.Fatalf("%d of %d heads are known", len(k.known), len(some))
			}
			for _, all := range k.known {
				for i := range all {
					change(&all[i])
				}
			}
			k.keep()
		}
	}
	likesOf(func(l *knownLike) { l.Value = 0.25 })
	if got := summary(c, 1); math.Abs(*got.Groups[0].Published-0.25) > 1e-12 {
		t.Errorf("%v is not from the cache", *got.Groups[0].Published)
	}
}

// TestCachedLook looks for a LoRA once.
func TestCachedLook(t *testing.T) {
	a, b, target := aged(t, "A", 1), aged(t, "B", 2), aged(t, "T", 4)
	c := cache.Open(t.TempDir())
	looks := func(c *cache.Cache) (is bool, found *LoRA) {
		t.Helper()
		config := Config{Target: FileOf(mergetest.Open(t, "T", target)), Plan: Plan{Sampler: "cmaes", Trials: 1, Seed: 1}}
		config.Sources = FilesOf([]*merge.Model{mergetest.Open(t, "A", a), mergetest.Open(t, "B", b)})
		s, err := Create(filepath.Join(t.TempDir(), "s"), config)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		sum, err := s.Run(t.Context(), Options{Cache: c, Progress: func(p Progress) { is = is || p.Stage == "looking for a LoRA" }})
		if err != nil {
			t.Fatal(err)
		}
		return is, sum.LoRA
	}
	_, want := looks(nil)
	for i, is := range []bool{true, false} {
		if looked, found := looks(c); looked != is || !reflect.DeepEqual(found, want) {
			t.Errorf("time %d: looked: %v, found %v; want %v", i, looked, found, want)
		}
	}
}
