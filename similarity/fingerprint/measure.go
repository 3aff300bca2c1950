package fingerprint

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"
	"runtime"
	"slices"
	"strings"

	"mixmatch/merge"
	"mixmatch/merge/block"
	"mixmatch/merge/checkpoint"
	"mixmatch/similarity"
)

// Options are how a fingerprint is made.
type Options struct {
	Threads  int                     // 0: one a processor. The bits do not depend on it
	Progress func(done, total int64) // told of bytes read, if not nil; calls do not overlap

	// Like is a model that a LoRA is to change. Without one those of the usual shapes
	// are.
	Like *merge.Model
}

// Of returns the fingerprint of m, whose file it reads once; a LoRA among the models
// of a pool has its tensors already. Memory is a few megabytes a thread. The card says
// nothing but m's name and its file's size.
//
// The error wraps [merge.ErrNonFinite] if m holds NaN or infinities,
// [merge.ErrMismatch] if it holds numbers that cannot be computed with,
// [checkpoint.ErrFormat] if what is read is damaged, and [checkpoint.ErrChanged] if the
// file changed meanwhile.
func Of(ctx context.Context, m *merge.Model, o Options) (*Fingerprint, error) {
	p, err := newPass(ctx, m, o)
	if err != nil {
		return nil, err
	}
	threads := o.Threads
	if threads <= 0 {
		threads = runtime.GOMAXPROCS(0)
	}
	if err := p.run(ctx, threads); err != nil {
		return nil, err
	}
	if err := m.File.Changed(); err != nil {
		return nil, err
	}
	return p.print, p.check()
}

// A pass is the reading of one model.
type pass struct {
	model *merge.Model // what is read of it: see [merge.Model.Common]
	whole *merge.Model
	print *Fingerprint
	tasks []task
	sums  [][]float64 // of each section, in float64

	rounding    []float64 // of each section, like sums: as stored, and as float16
	half        []float64
	progress    func(done, total int64)
	done, total int64
}

// A task is a tensor to read, and what has been found of it.
type task struct {
	tensor  checkpoint.Tensor
	section int // its place, or -1 if it is only to be summed up
	at      int // its place in the section
	seed    uint64
	grid    string
	norm    float64
	sum     checkpoint.Sum
}

func newPass(ctx context.Context, m *merge.Model, o Options) (*pass, error) {
	p := &pass{whole: m, print: &Fingerprint{Card: Card{Name: m.Name, Bytes: m.File.Size()}, Arch: m.Kind.Arch, Variant: m.Kind.Variant, Difference: m.Difference}, progress: o.Progress}
	p.print.Formats, p.print.Parts = map[string]int64{}, map[string]string{}
	if m.Difference {
		if err := p.expand(ctx, o.Like); err != nil {
			return nil, err
		}
	}
	a, err := assignmentOf(p.print.Arch)
	if err != nil {
		return nil, err
	}
	if p.model, err = m.Common(); err != nil {
		return nil, err
	}
	if err := p.list(a); err != nil {
		return nil, err
	}
	for _, t := range p.tasks {
		p.total += t.tensor.Bytes()
	}
	return p, nil
}

// expand takes the digest of a LoRA's file, and gives it its tensors.
func (p *pass) expand(ctx context.Context, like *merge.Model) error {
	m := p.whole
	content, err := m.Content(ctx)
	if err != nil {
		return err
	}
	p.print.Content = content
	if like != nil {
		p.print.Arch = like.Kind.Arch
		return m.Expand(func(key string) ([]int, bool) {
			t, ok := like.Tensor(key)
			return t.Shape, ok
		})
	}
	arch := m.ChangesArch()
	shapes := map[string][]int{}
	for _, s := range block.Keys(arch) {
		shapes[s.Name] = s.Shape
	}
	if len(shapes) == 0 {
		return fmt.Errorf("%w: %s: which models it is for cannot be told; name one with --base", merge.ErrMismatch, m.Name)
	}
	p.print.Arch = arch
	return m.Expand(func(key string) ([]int, bool) {
		shape, ok := shapes[key]
		return shape, ok
	})
}

// list finds the sections, and what is to be read.
func (p *pass) list(a *assignment) error {
	names := map[string][]string{} // sections' tensors
	for _, t := range p.model.File.Tensors() {
		name, ok := a.section(t.Name)
		switch {
		case ok && !t.DType.Float():
			return merge.Unmergeable(p.model, t.Name, t.DType, 1)
		case ok && t.Len() > 0:
			names[name] = append(names[name], t.Name)
		case !p.print.Difference:
			p.tasks = append(p.tasks, task{tensor: t, section: -1})
		}
	}
	if len(names) == 0 {
		return fmt.Errorf("%w: %s holds nothing that is merged", merge.ErrMismatch, p.model.Name)
	}
	var keys []string
	for _, list := range names {
		keys = append(keys, list...)
	}
	slices.Sort(keys)
	grids, err := similarity.GridsOf(p.model, keys)
	if err != nil {
		return err
	}
	for name, list := range names {
		slices.Sort(list)
		p.print.Sections = append(p.print.Sections, Section{Name: name, Key: list[0], Part: a.part(list[0]), Tensors: make([]Tensor, len(list))})
	}
	slices.SortFunc(p.print.Sections, func(x, y Section) int { return strings.Compare(x.Name, y.Name) })
	for i := range p.print.Sections {
		s := &p.print.Sections[i]
		for at, key := range names[s.Name] {
			t, _ := p.model.Tensor(key)
			grid, _ := slices.BinarySearch(keys, key)
			p.tasks = append(p.tasks, task{tensor: t, section: i, at: at, seed: Seed(key), grid: grids[grid]})
			s.Len += t.Len()
			p.print.Formats[string(t.DType)] += int64(t.Len())
		}
		p.sums = append(p.sums, make([]float64, Buckets))
	}
	p.rounding, p.half = make([]float64, len(p.sums)), make([]float64, len(p.sums))
	return nil
}

// finish makes the fingerprint of what was read.
func (p *pass) finish(ctx context.Context) error {
	known := map[string]checkpoint.Sum{}
	for i := range p.tasks {
		t := &p.tasks[i]
		whole, _ := p.whole.Tensor(t.tensor.Name)
		if slices.Equal(whole.Shape, t.tensor.Shape) {
			known[whole.Name] = t.sum
		}
		if t.section < 0 {
			continue
		}
		if t.norm-t.norm != 0 {
			err := fmt.Errorf("%w: %s has some in %s; repair or leave out that model", merge.ErrNonFinite, p.whole.File.Path(), p.model.Quote(t.tensor.Name))
			return err
		}
		p.print.Sections[t.section].Tensors[t.at] = Tensor{t.seed, t.tensor.Len(), float32(math.Sqrt(t.norm))}
	}
	for i := range p.print.Sections {
		s := &p.print.Sections[i]
		s.Floor, s.Half = p.rounding[i], p.half[i]
		s.Sums = make([]float32, Buckets)
		for b, v := range p.sums[i] {
			if s.Sums[b] = float32(v); !(math.Abs(v) < largest) {
				return fmt.Errorf("%w: %s: the numbers of %s are too large for a fingerprint", merge.ErrMismatch, p.whole.File.Path(), s.Name)
			}
		}
	}
	if p.print.Difference {
		return nil
	}
	for _, part := range []block.Part{block.TextEncoder, block.VAE} {
		if digest := p.digest(part); digest != "" {
			p.print.Parts[part.String()] = digest
		}
	}
	var err error
	p.print.Content, err = p.whole.File.Content(ctx, known, nil)
	return err
}

// digest returns what [Fingerprint.Parts] has of a part, "" if there is none.
func (p *pass) digest(part block.Part) string {
	h, some := sha256.New(), false
	l := p.model.Kind.Layout()
	for i := range p.tasks { // the sections' come behind the others, both sorted
		t := &p.tasks[i]
		if l.Part(t.tensor.Name) == part {
			some = true
			fmt.Fprintf(h, "%q %s %v %08x\n", t.tensor.Name, t.tensor.DType, t.tensor.Shape, uint32(t.sum))
		}
	}
	if !some {
		return ""
	}
	return hex.EncodeToString(h.Sum(nil))
}

// check returns an error for a fingerprint that could not be read back.
func (p *pass) check() error {
	if len(p.print.Sections) > maxSections {
		return fmt.Errorf("%w: %s has more blocks than a fingerprint has room for", merge.ErrMismatch, p.whole.File.Path())
	}
	return p.print.sound()
}
