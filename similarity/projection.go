package similarity

import (
	"math"
	"math/bits"
	"sync"

	"mixmatch/merge/vec"
)

// order returns the order of sums that the published numbers of heads d wide come
// from: for the width of real models that of MKL, with which PyTorch is
// installed, for narrower ones, which only tests have, that of a plain BLAS,
// with which theirs were recorded.
func order(d int) vec.Order {
	if d < 256 {
		return vec.InOrder
	}
	return vec.Fused
}

// An input is a random input of a head.
type input struct {
	x    []float32 // d x d
	sums []float32 // of the columns of x
}

func (h *Head) input(x []float32) input { return input{x, columnSums(x, h.Dim)} }

// columnSums returns the sums of the n columns of x.
func columnSums(x []float32, n int) []float32 {
	sum := make([]float64, n)
	for i := 0; i < len(x); i += n {
		vec.Axpy64(sum, 1, x[i:i+n])
	}
	y := make([]float32, n)
	narrow(y, sum)
	return y
}

func narrow(dst []float32, x []float64) {
	for i, v := range x {
		dst[i] = float32(v)
	}
}

// A projection is what the weights of a head make of an input.
type projection struct {
	q []float32   // X Wq', d x d
	k *vec.Packed // X Wk', d x d
	v []float32   // column sums of X Wv'
}

// packedWeights are those of a head, laid out for products.
type packedWeights struct {
	q, k *vec.Packed
	v    []float32

	rows    []float32 // room for a panel's rows
	scratch []byte
}

func newPackedWeights(d int) *packedWeights {
	w := &packedWeights{
		q: vec.NewPacked(order(d), d, d), k: vec.NewPacked(order(d), d, d), v: make([]float32, d*d),
		scratch: newScratch(d),
	}
	from, to := w.q.Rows(0)
	w.rows = make([]float32, (to-from)*d)
	return w
}

// A projector applies the weights of heads d wide to inputs. It keeps buffers and
// is for one goroutine, but may share its work out to several.
type projector struct {
	d       int
	threads int
	room    []float32 // d x d
}

func newProjector(d, threads int) *projector {
	return &projector{d, threads, make([]float32, d*d)}
}

func (m *projector) newProjection() *projection {
	d := m.d
	return &projection{make([]float32, d*d), vec.NewPacked(order(d), d, d), make([]float32, d)}
}

// project sets p to what w makes of the input, and leaves X Wk' in the room.
func (m *projector) project(p *projection, w *packedWeights, in input) {
	m.columns(p.v, w.v, in)
	m.multiply(p.q, in.x, w.q)
	m.multiply(m.room, in.x, w.k)
	m.fill(p.k, m.room)
}

// columns sets v to the column sums of X Wv': w times the column sums of X. The
// product is computed only where the last digits of recorded numbers hang on its
// roundings.
func (m *projector) columns(v, w []float32, in input) {
	d := m.d
	if o := order(d); o != vec.Fused {
		packed := vec.NewPacked(o, d, d)
		m.fill(packed, w)
		m.multiply(m.room, in.x, packed)
		copy(v, columnSums(m.room, d))
		return
	}
	share(d, m.threads, func(from, to int) {
		for i := from; i < to; i++ {
			v[i] = float32(vec.Dot(in.sums, w[i*d:(i+1)*d]))
		}
	})
}

// multiply sets c to a p', d x d each. Every sum is taken in the same order,
// however many threads there are.
func (m *projector) multiply(c, a []float32, p *vec.Packed) {
	d := m.d
	share(d, m.threads, func(from, to int) { p.MulT(c[from*d:to*d], a[from*d:to*d], to-from) })
}

func (m *projector) fill(p *vec.Packed, b []float32) {
	share(p.Panels(), m.threads, func(from, to int) { p.Fill(b, from, to) })
}

// share does 0 to n in parts, smaller and smaller ones, so that threads end
// together although some are slowed down by others. A part is a multiple of what
// the tiles of all kernels divide.
func share(n, threads int, do func(from, to int)) {
	if threads == 1 {
		do(0, n)
		return
	}
	const least = 48
	var mu sync.Mutex
	done := 0
	part := func() (from, to int) {
		mu.Lock()
		defer mu.Unlock()
		from = done
		done = min(n, from+max(1, (n-from)/(2*threads*least))*least)
		return from, done
	}
	var wait sync.WaitGroup
	for range min(threads, (n+least-1)/least) {
		wait.Go(func() {
			for from, to := part(); from < to; from, to = part() {
				do(from, to)
			}
		})
	}
	wait.Wait()
}

// attend sets out to the head's output for p, each row divided by its length.
// (The softmax's denominators are divided out with it.)
func (m *projector) attend(out []float32, p *projection) {
	m.multiply(out, p.q, p.k)
	d := m.d
	share(d, m.threads, func(from, to int) {
		soft, at, row := p.softmax(), make([]int, 0, d), make([]float32, 0, d)
		for i := from; i < to; i++ {
			at, row = at[:0], row[:0]
			logits := out[i*d : (i+1)*d]
			norm := soft.each(logits, func(j int, _, e float32) { at, row = append(at, j), append(row, e) })
			clear(logits)
			switch {
			case norm > 0:
				scale := float32(1 / norm)
				for k, j := range at {
					logits[j] = row[k] * scale
				}
			case norm != norm:
				logits[0] = float32(norm)
			}
		}
	})
}

// negligible is a difference of logits whose share of a row, 4e-18, no float32
// number shows. Logits have standard deviations of 20 and more, so that most
// of a row is.
const negligible = -40

// A softmax goes through what counts of rows of logits. It is for one goroutine.
type softmax struct {
	v    []float32 // the column sums
	mask []byte
}

func (p *projection) softmax() softmax { return softmax{p.v, make([]byte, (len(p.v)+7)/8)} }

// each calls do with the numbers of the row that logits lead to, share times v_j,
// but for those that are negligible. The row is to be divided by its length,
// which it returns: NaN if a logit is not finite.
func (s *softmax) each(logits []float32, do func(j int, share, e float32)) float64 {
	if vec.Finite(logits) > 0 {
		return math.NaN()
	}
	peak := vec.Max(logits)
	vec.AtLeast(s.mask, logits, peak+negligible)
	norm := 0.0
	for i, b := range s.mask {
		for ; b != 0; b &= b - 1 {
			j := 8*i + bits.TrailingZeros8(b)
			share := expf(logits[j] - peak)
			e := share * s.v[j]
			norm += float64(float64(e) * float64(e))
			do(j, share, e)
		}
	}
	return math.Sqrt(norm)
}

// cosines returns the cosines between the rows of two outputs.
func (m *projector) cosines(a, b []float32) []float32 {
	d := m.d
	cos := make([]float32, d)
	share(d, m.threads, func(from, to int) {
		for i := from; i < to; i++ {
			cos[i] = float32(vec.Dot(a[i*d:(i+1)*d], b[i*d:(i+1)*d]))
		}
	})
	return cos
}

// compare returns the cosines between the rows of p's output and of target. Room
// is for the logits.
func (m *projector) compare(p *projection, target, room []float32) []float32 {
	m.multiply(room, p.q, p.k)
	d := m.d
	cos := make([]float32, d)
	share(d, m.threads, func(from, to int) {
		soft := p.softmax()
		for i := from; i < to; i++ {
			dot, t := 0.0, target[i*d:(i+1)*d]
			norm := soft.each(room[i*d:(i+1)*d], func(j int, _, e float32) {
				dot += float64(float64(e) * float64(t[j]))
			})
			if norm != 0 {
				cos[i] = float32(dot / norm)
			}
		}
	})
	return cos
}
