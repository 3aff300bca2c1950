package identify

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"math"
	"slices"
	"testing"

	"mixmatch/merge/block"
	"mixmatch/similarity"
	"mixmatch/similarity/fingerprint"
	"mixmatch/similarity/library"
)

// source returns the source of a record, or nil.
func (r *Result) source(w *world, i int) *Source {
	for k := range r.Sources {
		if r.Sources[k].Name == w.name(i) {
			return &r.Sources[k]
		}
	}
	return nil
}

// all returns the fingerprints of a world.
func (w *world) all() []*fingerprint.Fingerprint {
	all := make([]*fingerprint.Fingerprint, w.n)
	w.each(w.n, func(i int) { all[i] = w.fingerprint(i) })
	return all
}

func (w *world) first(kind kindOfRecord) int { return slices.Index(w.kinds, kind) }

func entriesOf(models []*fingerprint.Fingerprint) []*library.Entry {
	var all []*library.Entry
	for _, f := range models {
		all = append(all, library.EntryOf(f))
	}
	return all
}

func amongThese(models []*fingerprint.Fingerprint) Library {
	return Among(entriesOf(models), func(content string) (*fingerprint.Fingerprint, error) {
		return models[slices.IndexFunc(models, func(f *fingerprint.Fingerprint) bool { return f.Content == content })], nil
	})
}

// TestLoRA finds a LoRA that was added to a mix.
func TestLoRA(t *testing.T) {
	w := newWorld(t, 4, 120)
	p := w.plant(1, 3, 0, 0)
	i := w.first(lora)
	l := w.fingerprint(i)
	for b := range p.target.Sections {
		s := &p.target.Sections[b]
		if d := l.Section(s.Name); d != nil {
			for k, v := range d.Sums {
				s.Sums[k] += 0.7 * v
			}
		}
	}
	r := find(t, w, p, Options{})
	s := r.source(w, i)
	if r.Verdict != similarity.Exact || s == nil || !s.LoRA || s.Evidence != similarity.In || math.Abs(s.Share-0.7) > 0.002 {
		t.Errorf("%s, %+v", r.Verdict, s)
	}
	for _, i := range p.sources {
		if s := r.source(w, i); s == nil || s.Evidence != similarity.In {
			t.Errorf("%s: %+v", w.name(i), s)
		}
	}
}

// TestHeadless has a source without a text encoder, whose part is then the first's.
func TestHeadless(t *testing.T) {
	w := newWorld(t, 12, 400)
	a, h := w.first(version), w.first(headless)
	p := &planted{target: w.fingerprint(a), sources: []int{a, h}}
	p.target.Name, p.target.Content = "target", "target"
	of := w.fingerprint(h)
	for b := range p.target.Sections {
		s := &p.target.Sections[b]
		wide, own := make([]float64, len(s.Sums)), of.Section(s.Name)
		w.add(wide, atom{mixed(98), grainRatio, false}, b)
		for k, v := range s.Sums {
			share := float64(v)
			if own != nil {
				share = 0.75*share + 0.25*float64(own.Sums[k])
			}
			s.Sums[k] = float32(share + wide[k])
		}
	}
	r := find(t, w, p, Options{})
	s, first := r.source(w, h), r.source(w, a)
	if r.Verdict != similarity.Exact || s == nil || first == nil || len(r.Sources) != 2 || s.Of != 25 || math.Abs(s.Share-0.25) > 0.001 || math.Abs(first.High-1) > 0.001 {
		t.Errorf("%s, %+v, %+v", r.Verdict, s, first)
	}
}

// TestTwins has one source twice, the second time with other rounding, and the target
// itself.
func TestTwins(t *testing.T) {
	w := newWorld(t, 5, 60)
	p := w.plant(2, 3, 0, 0)
	all := w.all()
	twin := *all[p.sources[1]]
	twin.Name, twin.Content = "twin", "another"
	twin.Sections = slices.Clone(twin.Sections)
	for b := range twin.Sections {
		s := &twin.Sections[b]
		wide := make([]float64, len(s.Sums))
		w.add(wide, atom{mixed(99), grainRatio / 2, false}, b)
		s.Sums = slices.Clone(s.Sums)
		for k, v := range wide {
			s.Sums[k] += float32(v)
		}
	}
	itself := *p.target
	itself.Name = "itself"
	all = append(all, &twin, &itself)
	r, err := Find(t.Context(), p.target, amongThese(all), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if r.Itself != "itself" || r.Verdict != similarity.Exact {
		t.Errorf("%q is the target; %s", r.Itself, r.Verdict)
	}
	answers := r.Answer(entriesOf([]*fingerprint.Fingerprint{all[p.sources[1]], &twin, all[p.sources[0]]}))
	if a, b := answers[0], answers[1]; a.Evidence == similarity.Out || b.Evidence == similarity.Out || a.As == "" && b.As == "" {
		t.Errorf("%+v", answers)
	}
	if a := answers[2]; a.Evidence != similarity.In || a.In == 0 {
		t.Errorf("%+v", a)
	}
}

// TestSame has the target among few models that are weighed outright.
func TestSame(t *testing.T) {
	w := newWorld(t, 6, 12)
	target := *w.fingerprint(3)
	target.Content, target.Name = "copy", "copy"
	r, err := Find(t.Context(), &target, w, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if r.Verdict != similarity.Exact || len(r.Sources) != 1 || r.Sources[0].Name != w.name(3) || math.Abs(r.Sources[0].Share-1) > 1e-3 {
		t.Errorf("%+v", r)
	}
	one, err := Find(t.Context(), &target, amongThese([]*fingerprint.Fingerprint{w.fingerprint(3)}), Options{})
	if err != nil || one.Verdict != similarity.Exact {
		t.Errorf("alone: %v, %+v", err, one)
	}
}

// TestParts compares what is not mixed.
func TestParts(t *testing.T) {
	w := newWorld(t, 7, 10)
	p := w.plant(0, 2, 0, 0)
	all := w.all()
	p.target.Parts = map[string]string{block.VAE.String(): "v", block.TextEncoder.String(): "e"}
	all[5].Parts = map[string]string{block.VAE.String(): "v"}
	r, err := Find(t.Context(), p.target, amongThese(all), Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range r.Parts {
		if want := part.Part == block.VAE.String(); want != (len(part.Same) == 1) {
			t.Errorf("%+v", part)
		}
	}
}

// TestRefused is what there is no answer for.
func TestRefused(t *testing.T) {
	w := newWorld(t, 8, 200)
	model, change, other := w.fingerprint(1), w.fingerprint(w.first(lora)), w.fingerprint(w.first(stranger))
	target := w.plant(0, 2, 0, 0).target
	for _, c := range []struct {
		target, base *fingerprint.Fingerprint
		among        []*fingerprint.Fingerprint
		want         error
	}{
		{target, nil, nil, ErrNothing},
		{target, nil, []*fingerprint.Fingerprint{other}, ErrNothing},
		{target, model, []*fingerprint.Fingerprint{model}, ErrNothing},
		{target, nil, []*fingerprint.Fingerprint{change}, fingerprint.ErrMismatch},
		{change, nil, []*fingerprint.Fingerprint{model}, fingerprint.ErrMismatch},
		{target, other, []*fingerprint.Fingerprint{model}, fingerprint.ErrMismatch},
		{target, change, []*fingerprint.Fingerprint{model}, fingerprint.ErrMismatch},
	} {
		if _, err := Find(t.Context(), c.target, amongThese(c.among), Options{Base: c.base}); !errors.Is(err, c.want) {
			t.Errorf("%v, not %v", err, c.want)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Find(ctx, target, amongThese(w.all()), Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
}

// TestThreads holds results to the same bytes.
func TestThreads(t *testing.T) {
	w := newWorld(t, 9, 500)
	p := w.plant(0, 4, 1, 0.15)
	w.withhold(p.sources[3])
	var want []byte
	for _, threads := range []int{1, 3} {
		got, err := json.Marshal(find(t, w, p, Options{Threads: threads}))
		if err != nil {
			t.Fatal(err)
		}
		if want == nil {
			want = got
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%d threads: other bytes", threads)
		}
	}
}
