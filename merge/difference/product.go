package difference

import (
	"fmt"

	"mixmatch/merge/checkpoint"
	"mixmatch/merge/vec"
)

// A maker makes changes of their factors.
type maker struct {
	file  *checkpoint.File
	round checkpoint.DType // what the factors of a LoRA are rounded to first; none: ""
	first float32          // what the first factor is multiplied with, and rounded again
}

// numbers returns what p adds to its rows of a weight, or to a bias, before it is
// scaled.
func (m *maker) numbers(p piece) ([]float32, error) {
	c := p.change
	if p.bias {
		return m.load(c.tensors[wholeBias])
	}
	switch c.kind {
	case Whole:
		return m.loadFirst(c.tensors[wholeWeight])
	case LoRA, LoCon:
		return m.product(c, loraUp, loraDown, roles)
	case LoConCP:
		return m.withCore(c.tensors[loraUp], c.tensors[loraMid], c.tensors[loraDown], false)
	case LoHa:
		x, err := m.product(c, hada1A, hada1B, hadaMid1)
		if err != nil {
			return nil, err
		}
		second := &maker{file: m.file, round: m.round, first: 1}
		y, err := second.product(c, hada2A, hada2B, hadaMid2)
		if err != nil {
			return nil, err
		}
		for i, v := range y {
			x[i] *= v
		}
		return x, nil
	case LoKr:
		return m.kronecker(c)
	}
	return nil, fmt.Errorf("module %s: no kind of LoRA", checkpoint.Short(c.module))
}

// load reads a whole tensor.
func (m *maker) load(t *checkpoint.Tensor) ([]float32, error) {
	x := make([]float32, t.Len())
	err := m.file.Read(x, nil, *t, 0)
	if m.round != "" {
		m.round.Round(x)
	}
	return x, err
}

// loadFirst reads the first factor of a change.
func (m *maker) loadFirst(t *checkpoint.Tensor) ([]float32, error) {
	x, err := m.load(t)
	if m.first != 1 {
		multiply(x, m.first)
		to := m.round
		if to == "" {
			to = t.DType
		}
		to.Round(x)
	}
	return x, err
}

// times returns a times b, of n columns each: a is m x k, b k x n.
func times(a, b []float32, m, k, n int) []float32 {
	t := make([]float32, len(b))
	vec.Transpose(t, k, b, n, k, n)
	p := vec.NewPacked(vec.Fused, n, k)
	p.Fill(t, 0, p.Panels())
	c := make([]float32, m*n)
	p.MulT(c, a, m)
	return c
}

// product returns the product of the tensors of two roles, with the core between
// them if c has one.
func (m *maker) product(c *change, first, second, core role) ([]float32, error) {
	if core < roles && c.tensors[core] != nil {
		return m.withCore(c.tensors[first], c.tensors[core], c.tensors[second], true)
	}
	a, err := m.loadFirst(c.tensors[first])
	if err != nil {
		return nil, err
	}
	b, err := m.load(c.tensors[second])
	if err != nil {
		return nil, err
	}
	rows, k := matrix(c.tensors[first])
	_, cols := matrix(c.tensors[second])
	return times(a, b, rows, k, cols), nil
}

// withCore returns the weight of a convolution from a, a core of two ranks and a
// kernel, and b: element i, j, y, x is the sum over p and q of a_ip core_pqyx
// b_qj. A has its rank first if transposed, as LoHa and LoKr have it.
func (m *maker) withCore(ta, tt, tb *checkpoint.Tensor, transposed bool) ([]float32, error) {
	a, err := m.loadFirst(ta)
	if err != nil {
		return nil, err
	}
	core, err := m.load(tt)
	if err != nil {
		return nil, err
	}
	b, err := m.load(tb)
	if err != nil {
		return nil, err
	}
	p, q, kernel := tt.Shape[0], tt.Shape[1], tt.Shape[2]*tt.Shape[3]
	out, in := len(a)/p, len(b)/q
	if transposed {
		t := make([]float32, len(a))
		vec.Transpose(t, p, a, out, p, out)
		a = t
	}
	// First core times b, with a row for each first rank and place in the kernel.
	rows := make([]float32, len(core))
	for i := range p {
		at := i * q * kernel
		vec.Transpose(rows[at:], q, core[at:], kernel, q, kernel)
	}
	right := times(rows, b, p*kernel, q, in)
	// Then a times that, with the kernel innermost.
	inner := make([]float32, len(right))
	for i := range p {
		at := i * kernel * in
		vec.Transpose(inner[at:], kernel, right[at:], in, kernel, in)
	}
	return times(a, inner, out, p, in*kernel), nil
}

// kronecker returns the Kronecker product of the two factors of c: the second
// once for each element of the first, times that.
func (m *maker) kronecker(c *change) ([]float32, error) {
	factor := func(m *maker, whole, a, b, core role) (x []float32, rows int, err error) {
		if t := c.tensors[whole]; t != nil {
			x, err = m.loadFirst(t)
			rows, _ = matrix(t)
			return x, rows, err
		}
		rows, _, _, err = c.product(a, b, core)
		if err == nil {
			x, err = m.product(c, a, b, core)
		}
		return x, rows, err
	}
	x, rows1, err := factor(m, kron1, kron1A, kron1B, roles)
	if err != nil {
		return nil, err
	}
	second := &maker{file: m.file, round: m.round, first: 1}
	y, rows2, err := factor(second, kron2, kron2A, kron2B, kronMid2)
	if err != nil {
		return nil, err
	}
	cols1, cols2 := len(x)/rows1, len(y)/rows2
	z := make([]float32, len(x)*len(y))
	for i := range rows1 * rows2 {
		row := z[i*cols1*cols2 : (i+1)*cols1*cols2]
		of := y[i%rows2*cols2 : (i%rows2+1)*cols2]
		for j := range cols1 {
			v := x[i/rows2*cols1+j]
			for k, w := range of {
				row[j*cols2+k] = v * w
			}
		}
	}
	return z, nil
}
