package similarity

import (
	"context"
	"fmt"
	"runtime"

	"mixmatch/merge"
	"mixmatch/merge/checkpoint"
	"mixmatch/merge/vec"
	"mixmatch/similarity/torchrand"
)

// A Calculator is a published program's way to draw the inputs: one stream of
// random numbers feeds all blocks in turn, and creating the layers that
// hold each model's weights draws from it too.
type Calculator struct {
	Name   string
	Seed   uint64
	layers int // created after each input
}

// Calculators returns the calculators known: sd-cosine-similarity's similar.py,
// which creates the layers of one model before the next input, and
// SuperMerger's Analysis tab, which creates those of two (supermerger.py,
// asimilarity). The numbers of the two cannot be compared.
func Calculators() []Calculator {
	return []Calculator{
		{Name: "similar.py", Seed: 114514, layers: 3},
		{Name: "supermerger", Seed: 2244096, layers: 6},
	}
}

// Inputs draws the input of each head and hands it to use. A head's input
// depends on those before it in the list. The next one is drawn meanwhile.
func (c Calculator) Inputs(ctx context.Context, heads []Head, use func(h Head, x []float32) error) error {
	g := torchrand.New(c.Seed)
	draw := func(_ context.Context, i int) ([]float32, error) {
		x := make([]float32, heads[i].Dim*heads[i].Dim)
		c.draw(g, x)
		return x, nil
	}
	return ahead(ctx, len(heads), draw, func(i int, x []float32) error { return use(heads[i], x) })
}

// draw sets x to the next input.
func (c Calculator) draw(g *torchrand.Generator, x []float32) {
	g.Normal(x)
	g.Skip(c.layers * len(x))
}

// Attention returns the attention similarity of the models in others with base,
// for each head in turn, [head][other], with c's inputs. It reads a head at
// a time: some fifteen matrices of memory. Progress, which may be nil, is told
// of each head that is done.
//
// The numbers are those of PyTorch in float32 to seven digits and more: products
// are summed in the order of a BLAS that it is built with (see order) and
// means in PyTorch's. What is left are the last bits, in which PyTorch's own
// builds differ as well.
func (c Calculator) Attention(ctx context.Context, heads []Head, base *checkpoint.File, others []*checkpoint.File, progress func(done, total int)) ([][]float32, error) {
	files := append([]*checkpoint.File{base}, others...)
	all := make([][]float32, len(heads))
	desk := &desk{}
	read := c.reader(heads, files)
	return all, ahead(ctx, len(heads)*len(files), read, func(i int, s sheet) error {
		h, k := &heads[i/len(files)], i%len(files)
		desk.clear(h)
		m := desk.projector
		if k == 0 {
			desk.in = h.input(s.x)
		}
		m.project(desk.projection, s.w, desk.in)
		out := desk.out
		if k == 0 {
			out = desk.target
		}
		m.attend(out, desk.projection)
		if vec.Finite(out) > 0 {
			return fmt.Errorf("%s: %w: the attention of %q overflows", files[k].Path(), merge.ErrNonFinite, h.q)
		}
		if k > 0 {
			all[i/len(files)] = append(all[i/len(files)], Mean(m.cosines(desk.target, out)))
		}
		if k == len(files)-1 && progress != nil {
			progress(i/len(files)+1, len(heads))
		}
		return nil
	})
}

// A sheet is what is read for one head of one model.
type sheet struct {
	w *packedWeights
	x []float32 // the head's input
}

// reader returns a function that reads a head of a model a turn: each head of all
// files before the next head. What it returns stays as it is for one more turn,
// an input for one more head.
func (c Calculator) reader(heads []Head, files []*checkpoint.File) func(ctx context.Context, turn int) (sheet, error) {
	g := torchrand.New(c.Seed)
	var room [2]sheet
	var x [2][]float32
	return func(ctx context.Context, turn int) (sheet, error) {
		i := turn / len(files)
		h, f, s := &heads[i], files[turn%len(files)], &room[turn%2]
		if err := ctx.Err(); err != nil {
			return *s, err
		}
		if s.w == nil || len(s.w.v) != h.Dim*h.Dim {
			s.w = newPackedWeights(h.Dim)
		}
		if turn%len(files) == 0 {
			if n := h.Dim * h.Dim; len(x[i%2]) != n {
				x[i%2] = make([]float32, n)
			}
			c.draw(g, x[i%2])
		}
		s.x = x[i%2]
		if err := h.readPacked(s.w, f); err != nil {
			return *s, fmt.Errorf("%s: %w", f.Path(), err)
		}
		return *s, nil
	}
}

// A desk holds what computing a head takes, for the next head of its size.
type desk struct {
	projector   *projector
	projection  *projection
	in          input
	target, out []float32
}

// clear makes room for head h.
func (d *desk) clear(h *Head) {
	if d.projector == nil || d.projector.d != h.Dim {
		d.projector = newProjector(h.Dim, runtime.GOMAXPROCS(0))
		d.projection = d.projector.newProjection()
		d.target, d.out = make([]float32, h.Dim*h.Dim), make([]float32, h.Dim*h.Dim)
	}
}
