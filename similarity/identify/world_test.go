package identify

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"mixmatch/merge/block"
	"mixmatch/merge/mergetest"
	"mixmatch/similarity/fingerprint"
	"mixmatch/similarity/library"
)

// A world is a library of made-up fingerprints that has no files: each is made when it
// is asked for, from the world's seed and its own number. Record 0 is the base of all;
// the others are, by their numbers, fine-tunes, versions of earlier ones, merges of
// earlier ones with and without something of their own, merges of merges, LoRAs,
// models without a text encoder and of another architecture. Fine-tunes share a
// direction, and more of it within a cluster of some 25.
//
// The buckets of a fingerprint are sums of thousands of numbers, so that those of a
// random model are normal; sections are as long as those of Stable Diffusion 1.5.
type world struct {
	seed     uint64
	n        int
	clusters uint64
	sections []fingerprint.Section // without buckets
	scale    []float64             // by section: standard deviation of the base's buckets
	entries  []*library.Entry
	kinds    []kindOfRecord
	without  map[int]bool // records that are not there

	// Apart is how far half of the clusters are from the others, as if they were trained
	// from another base, as a share of the base's size; together, what all fine-tunes
	// have in common, as a share of what training changed.
	apart, together float64

	making atomic.Int64 // nanoseconds that went into making fingerprints, on all threads
}

type kindOfRecord byte

const (
	theBase kindOfRecord = iota
	tuned
	version
	merged      // of others, and nothing else
	mergedTuned // and trained on
	lora
	headless // a fine-tune without a text encoder
	stranger // of another architecture
)

const (
	common     = 0.10 // shares of a fine-tune's squared difference from the base: of all,
	ofCluster  = 0.25 // and of its cluster
	grainRatio = 2.1e-4
)

// normals are numbers of a normal distribution, at equal steps of probability.
var normals = sync.OnceValue(func() []float32 {
	t := make([]float32, 1<<16)
	for i := range t {
		t[i] = float32(math.Sqrt2 * math.Erfinv(2*(float64(i)+0.5)/float64(len(t))-1))
	}
	return t
})

func mixed(words ...uint64) uint64 {
	h := uint64(0x9e3779b97f4a7c15)
	for _, w := range words {
		h += w
		h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
		h = (h ^ h>>27) * 0x94d049bb133111eb
		h ^= h >> 31
	}
	return h
}

// unit returns a number from 0 to 1.
func unit(words ...uint64) float64 { return float64(mixed(words...)>>11) / (1 << 53) }

func newWorld(t testing.TB, seed uint64, n int) *world { return newKin(t, seed, n, 0, common) }

func newKin(t testing.TB, seed uint64, n int, apart, together float64) *world {
	t.Helper()
	m := mergetest.Sketch{}.Open(t, "template")
	f, err := fingerprint.Of(context.Background(), m, fingerprint.Options{})
	if err != nil {
		t.Fatal(err)
	}
	lens := map[uint64]int{}
	for _, k := range block.Keys(block.SD1) {
		n := 1
		for _, d := range k.Shape {
			n *= d
		}
		lens[fingerprint.Seed(k.Name)] = n
	}
	w := &world{seed: seed, n: n, clusters: uint64(max(4, n/25)), sections: f.Sections, kinds: make([]kindOfRecord, n), entries: make([]*library.Entry, n), without: map[int]bool{}, apart: apart, together: together}
	for i := range w.sections {
		s := &w.sections[i]
		s.Sums, s.Len, s.Tensors = nil, 0, slices.Clone(s.Tensors)
		for k := range s.Tensors {
			s.Tensors[k].Len = lens[s.Tensors[k].Seed]
			s.Len += s.Tensors[k].Len
		}
		w.scale = append(w.scale, 0.03*math.Sqrt(float64(s.Len)/fingerprint.Buckets))
		s.Floor = grainRatio * grainRatio * w.scale[i] * w.scale[i] * fingerprint.Buckets
		s.Half = s.Floor
	}
	for i := range w.kinds {
		w.kinds[i] = w.kind(i)
	}
	w.each(n, func(i int) { w.entries[i] = library.EntryOf(w.fingerprint(i)) })
	return w
}

// each calls do for all numbers below n, on all processors.
func (w *world) each(n int, do func(i int)) {
	var next atomic.Int64
	var wait sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wait.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				do(i)
			}
		})
	}
	wait.Wait()
}

func (w *world) kind(i int) kindOfRecord {
	u := unit(w.seed, 1, uint64(i))
	switch {
	case i == 0:
		return theBase
	case i < 8 || u < 0.62:
		return tuned
	case u < 0.76:
		return version
	case u < 0.86:
		return merged
	case u < 0.95:
		return mergedTuned
	case u < 0.97:
		return lora
	case u < 0.985:
		return headless
	}
	return stranger
}

// An atom is something random that models are sums of.
type atom struct {
	id    uint64
	share float64 // of the base's size
	vary  bool    // from section to section
}

// cluster of a fine-tune.
func (w *world) cluster(i int) uint64 { return mixed(w.seed, 2, uint64(i)) % w.clusters }

// before returns a model before record i, itself a fine-tune or, if deep, any.
func (w *world) before(i int, deep bool, words ...uint64) int {
	for try := uint64(0); ; try++ {
		far := min(i-1, 4000)
		j := i - 1 - int(mixed(append([]uint64{w.seed, 3, uint64(i), try}, words...)...)%uint64(far))
		if k := w.kinds[j]; k == tuned || deep && (k == version || k == merged || k == mergedTuned) || try > 100 {
			if try > 100 {
				j = 1
			}
			return j
		}
	}
}

// atoms returns what record i is beside the base, scaled by share. Depth is how many
// merges it may go through.
func (w *world) atoms(i int, share float64, depth int) []atom {
	id := uint64(i)
	size := 0.02 + 0.06*unit(w.seed, 4, id)
	own := func(part float64) atom { return atom{mixed(w.seed, 10, id), share * size * part, true} }
	rounding := atom{mixed(w.seed, 11, id), share * grainRatio, false}
	switch w.kinds[i] {
	case theBase:
		return nil
	case version:
		return append(w.atoms(w.before(i, false), 0.95*share, depth), own(0.35))
	case merged, mergedTuned:
		var all []atom
		parents := 2 + int(mixed(w.seed, 5, id)%3)
		total, shares := 0.0, make([]float64, parents)
		for k := range shares {
			shares[k] = 0.2 + unit(w.seed, 6, id, uint64(k))
			total += shares[k]
		}
		for k, v := range shares {
			all = append(all, w.atoms(w.before(i, depth > 0, uint64(k)), share*v/total, depth-1)...)
		}
		if w.kinds[i] == mergedTuned {
			all = append(all, own(0.4))
		}
		return append(all, rounding)
	case lora:
		return []atom{{mixed(w.seed, 12, w.cluster(i)), share * size * 0.25, false}, own(0.45)}
	}
	all := []atom{
		{mixed(w.seed, 13), share * size * math.Sqrt(w.together), false},
		{mixed(w.seed, 12, w.cluster(i)), share * size * math.Sqrt(ofCluster), false},
		own(math.Sqrt(1 - w.together - ofCluster)),
	}
	if w.apart > 0 && w.cluster(i)%2 == 1 {
		all = append(all, atom{mixed(w.seed, 15), share * w.apart, false})
	}
	return all
}

// add adds an atom to sums, the buckets of section b.
func (w *world) add(sums []float64, a atom, b int) {
	f := a.share * w.scale[b]
	if a.vary {
		f *= 0.6 + 0.8*unit(a.id, 1, uint64(b))
	}
	table, at := normals(), mixed(a.id, 2, uint64(b))
	for k := 0; k < len(sums); k += 4 {
		at += 0x9e3779b97f4a7c15
		z := (at ^ at>>30) * 0xbf58476d1ce4e5b9
		z = (z ^ z>>27) * 0x94d049bb133111eb
		z ^= z >> 31
		sums[k] += f * float64(table[z&0xffff])
		sums[k+1] += f * float64(table[z>>16&0xffff])
		sums[k+2] += f * float64(table[z>>32&0xffff])
		sums[k+3] += f * float64(table[z>>48])
	}
}

func (w *world) name(i int) string { return fmt.Sprintf("model-%06d", i) }

// fingerprint makes record i.
func (w *world) fingerprint(i int) *fingerprint.Fingerprint {
	start := time.Now()
	defer func() { w.making.Add(int64(time.Since(start))) }()
	kind := w.kinds[i]
	f := &fingerprint.Fingerprint{
		Card: fingerprint.Card{Name: w.name(i), Bytes: 2132625918, Licence: "creativeml-openrail-m"}, Arch: block.SD1,
		Difference: kind == lora, Content: fmt.Sprintf("%064x", i),
	}
	if kind == stranger {
		f.Arch = block.SDXL
	}
	list := append(w.atoms(i, 1, 2), atom{mixed(w.seed, 14), 1, false})
	if kind == lora {
		list = list[:len(list)-1]
	}
	sums := make([]float64, fingerprint.Buckets)
	for b := range w.sections {
		s := w.sections[b]
		if s.Part == block.TextEncoder && (kind == headless || kind == lora) {
			continue
		}
		clear(sums)
		for _, a := range list {
			w.add(sums, a, b)
		}
		s.Sums = make([]float32, fingerprint.Buckets)
		for k, v := range sums {
			s.Sums[k] = float32(v)
		}
		f.Sections = append(f.Sections, s)
	}
	return f
}

func (w *world) Entries(_ context.Context, use func(*library.Entry) error) error {
	for i, e := range w.entries {
		if w.without[i] {
			continue
		}
		if err := use(e); err != nil {
			return err
		}
	}
	return nil
}

func (w *world) Load(_ context.Context, contents []string, use func(*fingerprint.Fingerprint) error) error {
	for _, c := range contents {
		var i int
		if _, err := fmt.Sscanf(c, "%x", &i); err != nil || w.without[i] {
			return fmt.Errorf("%w: %s", library.ErrUnknown, c)
		}
		if err := use(w.fingerprint(i)); err != nil {
			return err
		}
	}
	return nil
}
