package difference

import (
	"fmt"
	"math"

	"mixmatch/merge/checkpoint"
)

// matrix returns the shape of a tensor as a matrix: its first dimension, and the
// product of the others.
func matrix(t *checkpoint.Tensor) (rows, cols int) {
	if len(t.Shape) == 0 {
		return 1, 1
	}
	return t.Shape[0], t.Len() / t.Shape[0]
}

// kernelOf returns the height and width of a convolution's kernel, or nil for a
// tensor that is none's.
func kernelOf(t *checkpoint.Tensor) []int {
	if len(t.Shape) == 4 {
		return t.Shape[2:]
	}
	return nil
}

// misfit is the error of two tensors of a module.
func misfit(a, b *checkpoint.Tensor) error {
	return fmt.Errorf("tensors %s of shape %v and %s of shape %v do not fit together",
		checkpoint.Short(a.Name), a.Shape, checkpoint.Short(b.Name), b.Shape)
}

// checkShapes finds the size of the weight, and the rank.
func (c *change) checkShapes() error {
	t := &c.tensors
	switch c.kind {
	case Whole:
		if t[wholeWeight] != nil {
			c.rows, c.cols = matrix(t[wholeWeight])
			c.kernel = kernelOf(t[wholeWeight])
		}
	case LoRA:
		return c.checkLoRA()
	case LoHa:
		return c.checkLoHa()
	case LoKr:
		return c.checkLoKr()
	}
	return nil
}

// checkLoRA: up is [out, rank], down [rank, in] with a kernel or without, and
// mid [rank, rank] with a kernel.
func (c *change) checkLoRA() error {
	up, mid, down := c.tensors[loraUp], c.tensors[loraMid], c.tensors[loraDown]
	rows, ofUp := matrix(up)
	ofDown, cols := matrix(down)
	c.rows, c.cols, c.rank, c.kernel = rows, cols, ofDown, kernelOf(down)
	if mid == nil {
		if ofUp != ofDown {
			return misfit(up, down)
		}
		if k := c.kernel; k != nil && area(k...) > 1 {
			c.kind = LoCon
		}
		return nil
	}
	c.kind = LoConCP
	if len(mid.Shape) != 4 || mid.Shape[0] != ofUp {
		return misfit(up, mid)
	}
	if mid.Shape[1] != ofDown || c.kernel != nil && area(c.kernel...) != 1 {
		return misfit(mid, down)
	}
	c.kernel = kernelOf(mid)
	c.cols = area(c.cols, c.kernel[0], c.kernel[1])
	return nil
}

// checkLoHa: both a are [out, rank] and both b [rank, in]. Those of a
// convolution with a core of [rank, rank] and a kernel have a of [rank, out].
func (c *change) checkLoHa() error {
	for i, p := range [][3]role{{hada1A, hada1B, hadaMid1}, {hada2A, hada2B, hadaMid2}} {
		rows, cols, kernel, err := c.product(p[0], p[1], p[2])
		if err != nil {
			return err
		}
		if i == 0 {
			c.rows, c.cols, c.kernel = rows, cols, kernel
			c.rank, _ = matrix(c.tensors[p[1]])
		} else if rows != c.rows || cols != c.cols {
			return misfit(c.tensors[hada1A], c.tensors[hada2A])
		}
	}
	return nil
}

// checkLoKr: one factor may be a matrix or a product of two, and so may the
// other, which has the kernel. A rank counts only where there is a product: the
// second's, if both are.
func (c *change) checkLoKr() error {
	rows1, cols1, rows2, cols2 := 0, 0, 0, 0
	var err error
	if t := c.tensors[kron1]; t != nil {
		if len(t.Shape) != 2 {
			return fmt.Errorf("tensor %s has %d dimensions, not 2", checkpoint.Short(t.Name), len(t.Shape))
		}
		rows1, cols1 = matrix(t)
	} else {
		if rows1, cols1, _, err = c.product(kron1A, kron1B, roles); err != nil {
			return err
		}
		c.rank, _ = matrix(c.tensors[kron1B])
	}
	if t := c.tensors[kron2]; t != nil {
		rows2, cols2 = matrix(t)
		c.kernel = kernelOf(t)
	} else {
		if rows2, cols2, c.kernel, err = c.product(kron2A, kron2B, kronMid2); err != nil {
			return err
		}
		c.rank, _ = matrix(c.tensors[kron2B])
	}
	c.rows, c.cols = area(rows1, rows2), area(cols1, cols2)
	return nil
}

// area returns the product of sizes, or a number that no tensor has if it is
// larger than that.
func area(sizes ...int) int {
	n := 1
	for _, s := range sizes {
		if s > 0 && n > math.MaxInt32/s {
			return math.MaxInt
		}
		n *= s
	}
	return n
}

// product returns the size of the product of the tensors of two roles, with a
// core between them if the file has one of role core.
func (c *change) product(first, second, core role) (rows, cols int, kernel []int, err error) {
	a, b := c.tensors[first], c.tensors[second]
	rows, rank := matrix(a)
	rank2, cols := matrix(b)
	var t *checkpoint.Tensor
	if core < roles {
		t = c.tensors[core]
	}
	if t == nil {
		if rank != rank2 {
			return 0, 0, nil, misfit(a, b)
		}
		return rows, cols, kernelOf(b), nil
	}
	// With a core, a is [rank, out].
	if len(t.Shape) != 4 || len(a.Shape) != 2 || len(b.Shape) != 2 || t.Shape[0] != a.Shape[0] {
		return 0, 0, nil, misfit(a, t)
	}
	if t.Shape[1] != rank2 {
		return 0, 0, nil, misfit(t, b)
	}
	return a.Shape[1], area(cols, t.Shape[2], t.Shape[3]), kernelOf(t), nil
}
