package similarity

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"mixmatch/merge/checkpoint"
	"mixmatch/merge/vec"
)

// Mixes returns the similarities, [input][mix], with the target's of mixes of
// the models at head h. It is for a few mixes, on inputs that nothing was fitted
// to. Memory is that of some fifteen matrices.
//
// The weights are mixed first, as a merge does it. That takes three products of
// matrices a mix and input. Mixing what each model makes of the input instead
// takes one a mix and two a model: no less, since each step of a recipe brings
// a model. Mixes that are equal are one, such as those after a step that leaves
// the head's block as it is; and a model that has no weight in any is not read.
func (h Head) Mixes(ctx context.Context, inputs [][]float32, models []*checkpoint.File, target *checkpoint.File, mixes [][]float64, threads int) ([][]float64, error) {
	d := h.Dim
	all := [][]float64{append(make([]float64, len(models)), 1)} // the target is a mix, too
	which := make([]int, len(mixes))
	for i, w := range mixes {
		w = append(slices.Clone(w), 0)
		which[i] = slices.IndexFunc(all, func(v []float64) bool { return slices.Equal(v, w) })
		if which[i] < 0 {
			which[i] = len(all)
			all = append(all, w)
		}
	}
	b := &mixer{head: &h, files: append(slices.Clone(models), target), threads: threads}
	var outputs [][]float32
	for _, x := range inputs {
		b.inputs = append(b.inputs, h.input(x))
		outputs = append(outputs, make([]float32, d*d))
	}
	likes := make([][]float64, len(inputs)) // [input][of all]
	m := newProjector(d, threads)
	p, room := m.newProjection(), make([]float32, d*d)
	for some := range slices.Chunk(all, mixesAtOnce) {
		mixed, err := b.mix(ctx, some)
		if err != nil {
			return nil, err
		}
		for _, w := range mixed {
			for i := range inputs {
				if err := m.projectMixed(ctx, p, w, b.inputs, i); err != nil {
					return nil, err
				}
				if len(likes[i]) == 0 {
					m.attend(outputs[i], p)
					likes[i] = append(likes[i], 1)
					continue
				}
				likes[i] = append(likes[i], mean(m.compare(p, outputs[i], room)))
			}
		}
	}
	rows := make([][]float64, len(inputs))
	for i := range rows {
		for _, k := range which {
			rows[i] = append(rows[i], likes[i][k])
		}
	}
	return rows, nil
}

// mixesAtOnce is how many mixes there are at a time. The files are read once for
// so many.
const mixesAtOnce = 4

// A mixer mixes the weights of a head.
type mixer struct {
	head    *Head
	files   []*checkpoint.File
	inputs  []input
	threads int
	room    []mixed // for the next mixes
}

// A mixed is the weights of a mix, as far as they are needed.
type mixed struct {
	q, k *vec.Packed
	v    []float32   // d x d, where the column sums of X Wv' need them all; else nil
	sums [][]float32 // by input: the column sums of X Wv', unless v is there
}

func (b *mixer) newMixed() mixed {
	d := b.head.Dim
	w := mixed{q: vec.NewPacked(order(d), d, d), k: vec.NewPacked(order(d), d, d)}
	if order(d) != vec.Fused {
		w.v = make([]float32, d*d)
	}
	for range b.inputs {
		w.sums = append(w.sums, make([]float32, d))
	}
	return w
}

// projectMixed sets p to what w makes of input i.
func (m *projector) projectMixed(ctx context.Context, p *projection, w mixed, inputs []input, i int) error {
	if w.v == nil {
		copy(p.v, w.sums[i])
	} else {
		m.columns(p.v, w.v, inputs[i])
	}
	m.multiply(p.q, inputs[i].x, w.q)
	if err := ctx.Err(); err != nil {
		return err
	}
	m.multiply(m.room, inputs[i].x, w.k)
	m.fill(p.k, m.room)
	return ctx.Err()
}

// mixRows is how many rows are mixed at a time: few enough that their sums stay in
// the cache.
const mixRows = 8

// mix returns mixes of so many weights a file. They are good until the next call.
func (b *mixer) mix(ctx context.Context, weights [][]float64) ([]mixed, error) {
	d := b.head.Dim
	for i, f := range b.files {
		if slices.ContainsFunc(weights, func(w []float64) bool { return w[i] != 0 }) {
			if err := b.head.check(f); err != nil {
				return nil, fmt.Errorf("%s: %w", f.Path(), err)
			}
		}
	}
	for len(b.room) < len(weights) {
		b.room = append(b.room, b.newMixed())
	}
	all := b.room[:len(weights)]
	panels := all[0].q.Panels()
	const some = 48 // rows of v a part
	parts := 2*panels + (d+some-1)/some
	var next atomic.Int64
	group, ctx := errgroup.WithContext(ctx)
	for range min(b.threads, parts, 2*runtime.GOMAXPROCS(0)) { // each has its room
		group.Go(func() error {
			s := newMixing(d, len(all))
			for {
				part := int(next.Add(1)) - 1
				if part >= parts {
					return nil
				}
				key, from, to := b.head.v, 0, 0
				if part < 2*panels {
					key = b.head.keys()[part/panels]
					from, to = all[0].q.Rows(part % panels)
				} else {
					from = (part - 2*panels) * some
					to = min(from+some, d)
				}
				if err := b.rows(ctx, s, weights, key, from, to); err != nil {
					return err
				}
				for k, w := range all {
					rows := s.rows[k][:(to-from)*d]
					switch {
					case part < panels:
						w.q.FillPanel(part, rows)
					case part < 2*panels:
						w.k.FillPanel(part-panels, rows)
					case w.v != nil:
						copy(w.v[from*d:], rows)
					default:
						for i, in := range b.inputs {
							for j := from; j < to; j++ {
								w.sums[i][j] = float32(vec.Dot(in.sums, rows[(j-from)*d:(j-from+1)*d]))
							}
						}
					}
				}
			}
		})
	}
	return all, group.Wait()
}

// A mixing has the room to mix some rows.
type mixing struct {
	scratch []byte
	x       []float32   // of a model
	sum     [][]float64 // by mix
	rows    [][]float32 // by mix: what came of it
}

func newMixing(d, mixes int) *mixing {
	s := &mixing{scratch: newScratch(d), x: make([]float32, mixRows*d)}
	for range mixes {
		s.sum = append(s.sum, make([]float64, mixRows*d))
		s.rows = append(s.rows, nil)
	}
	return s
}

// rows mixes rows of the tensor called key, from up to but not including to, in
// float64.
func (b *mixer) rows(ctx context.Context, s *mixing, weights [][]float64, key string, from, to int) error {
	d := b.head.Dim
	for k := range s.rows {
		s.rows[k] = slices.Grow(s.rows[k][:0], (to-from)*d)[:(to-from)*d]
	}
	for at := from; at < to; at += mixRows {
		if err := ctx.Err(); err != nil {
			return err
		}
		n := min(mixRows, to-at) * d
		for k := range weights {
			clear(s.sum[k])
		}
		for i, f := range b.files {
			read := false
			for k, w := range weights {
				if w[i] == 0 {
					continue
				}
				if !read {
					if err := b.head.readRows(s.x[:n], f, key, at, s.scratch); err != nil {
						return fmt.Errorf("%s: %w", f.Path(), err)
					}
					read = true
				}
				vec.Axpy64(s.sum[k][:n], w[i], s.x[:n])
			}
		}
		for k := range weights {
			narrow(s.rows[k][(at-from)*d:(at-from)*d+n], s.sum[k][:n])
		}
	}
	return nil
}
