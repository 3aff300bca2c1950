package torch

import (
	"cmp"
	"slices"
)

const (
	// windowLen is the most bytes of a storage that are read at a time to pick
	// numbers from them.
	windowLen = 1 << 20

	// gapLen is how many bytes that are not wanted it takes to make two reads
	// quicker than one.
	gapLen = 4 << 10
)

// gather sets dst to the bytes of the tensor from byte at on, in the order of the
// tensor.
func (v *view) gather(read func(p []byte, at int64) error, dst []byte, at int64) error {
	for len(dst) > 0 {
		skip := at % v.width
		n := int64(len(dst)) / v.width * v.width
		if skip == 0 && n > 0 {
			if err := v.numbers(read, dst[:n], at/v.width); err != nil {
				return err
			}
			dst, at = dst[n:], at+n
			continue
		}
		whole := make([]byte, v.width) // of a number of which a part is wanted
		if err := v.numbers(read, whole, at/v.width); err != nil {
			return err
		}
		k := copy(dst, whole[skip:])
		dst, at = dst[k:], at+int64(k)
	}
	return nil
}

// numbers sets dst to the numbers from number first on, box by box.
func (v *view) numbers(read func(p []byte, at int64) error, dst []byte, first int64) error {
	for len(dst) > 0 {
		b := v.boxAt(first, int64(len(dst))/v.width)
		if err := b.read(read, dst, v.width); err != nil {
			return err
		}
		dst, first = dst[b.n*v.width:], first+b.n
	}
	return nil
}

// A box is a range of numbers that is some whole rows, or planes and so on, or a
// part of a row.
type box struct {
	at   int64 // of the first number in the file
	n    int64 // how many they are
	axes []axis
}

// An axis is a dimension of a box: how many numbers there are along it, and how
// many bytes one step takes in the storage and in what is made of it.
type axis struct{ n, from, to int64 }

// boxAt returns the largest box that begins with number first and has at most left
// numbers.
func (v *view) boxAt(first, left int64) box {
	b := box{at: v.storage.at + v.begin}
	var start [maxDims]int64 // of the box, along each dimension
	for i, rest := len(v.shape)-1, first; i >= 0; i-- {
		start[i], rest = rest%v.shape[i], rest/v.shape[i]
		b.at += start[i] * v.strides[i]
	}
	// It is some steps along dimension k, and whole along those behind it.
	k, whole := len(v.shape)-1, int64(1)
	for k > 0 && start[k] == 0 && whole*v.shape[k] <= left {
		whole *= v.shape[k]
		k--
	}
	steps := min(v.shape[k]-start[k], left/whole)
	b.n = steps * whole
	to := v.width
	for i := len(v.shape) - 1; i >= k; i-- {
		n := v.shape[i]
		if i == k {
			n = steps
		}
		if n > 1 {
			b.axes = append(b.axes, axis{n, v.strides[i], to})
		}
		to *= v.shape[i]
	}
	return b
}

// read sets dst to the numbers of the box, of width bytes each. It goes through
// the file from front to back.
func (b box) read(read func(p []byte, at int64) error, dst []byte, width int64) error {
	axes := b.axes
	slices.SortFunc(axes, func(a, b axis) int { return cmp.Compare(b.from, a.from) })
	// The axes from inner on are read at once, where what they span is no more
	// than the window and has no wide gaps.
	span, inner := width, len(axes)
	for inner > 0 {
		a := axes[inner-1]
		wide := span + (a.n-1)*a.from
		if wide > windowLen || a.from > span+gapLen {
			break
		}
		span, inner = wide, inner-1
	}
	// So are as many steps of the next as there is room for.
	group, picked := int64(1), axes[inner:]
	if inner > 0 {
		picked = append([]axis{axes[inner-1]}, picked...)
	}
	if inner > 0 && axes[inner-1].from <= span+gapLen {
		group = max(1, (windowLen-span)/axes[inner-1].from+1)
	}
	outer := axes[:inner]
	var window []byte
	var steps [maxDims]int64 // taken along the outer axes
	for {
		n := int64(1)
		src, out := b.at, int64(0)
		for i, a := range outer {
			src, out = src+steps[i]*a.from, out+steps[i]*a.to
		}
		wide := span
		if inner > 0 {
			a := axes[inner-1]
			n = min(group, a.n-steps[inner-1])
			picked[0].n, wide = n, span+(n-1)*a.from
		}
		if int64(cap(window)) < wide {
			window = make([]byte, wide)
		}
		window = window[:wide]
		if err := read(window, src); err != nil {
			return err
		}
		pick(dst[out:], window, picked, width)
		i := inner - 1
		for ; i >= 0; i-- {
			if steps[i] += n; steps[i] < outer[i].n {
				break
			}
			steps[i], n = 0, 1
		}
		if i < 0 {
			return nil
		}
	}
}

// pick copies the numbers along axes from src to dst.
func pick(dst, src []byte, axes []axis, width int64) {
	if len(axes) == 0 {
		copy(dst[:width], src)
		return
	}
	last := axes[len(axes)-1]
	axes = axes[:len(axes)-1]
	var steps [maxDims]int64
	for {
		var from, to int64
		for i, a := range axes {
			from, to = from+steps[i]*a.from, to+steps[i]*a.to
		}
		if last.from == width && last.to == width {
			copy(dst[to:to+last.n*width], src[from:])
		} else {
			for range last.n {
				copy(dst[to:to+width], src[from:from+width])
				from, to = from+last.from, to+last.to
			}
		}
		i := len(axes) - 1
		for ; i >= 0; i-- {
			if steps[i]++; steps[i] < axes[i].n {
				break
			}
			steps[i] = 0
		}
		if i < 0 {
			return
		}
	}
}
