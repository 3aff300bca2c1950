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

// An axis is a dimension of a box of numbers: how many there are, and how many
// bytes one step takes in the storage and in what is made of it.
type axis struct{ n, from, to int64 }

// numbers sets dst to the numbers from number first on. It splits the range in
// boxes: whole rows, whole planes and so on, and what is over at either end.
func (v *view) numbers(read func(p []byte, at int64) error, dst []byte, first int64) error {
	for left := int64(len(dst)) / v.width; left > 0; {
		// The box is some steps along dimension k, and whole below it.
		from, k, block := v.begin, len(v.shape), int64(1)
		steps := int64(0)
		rest := first
		for i := len(v.shape) - 1; i >= 0; i-- {
			c := rest % v.shape[i]
			rest /= v.shape[i]
			from += c * v.strides[i]
			if k == i+1 && steps == 0 {
				if c > 0 || i == 0 || block*v.shape[i] > left {
					steps = min(v.shape[i]-c, left/block)
				} else {
					block *= v.shape[i]
				}
				k = i
			}
		}
		steps = max(steps, 1) // a scalar
		axes := make([]axis, 0, len(v.shape))
		to := v.width
		for i := len(v.shape) - 1; i >= k; i-- {
			n := v.shape[i]
			if i == k {
				n = steps
			}
			if n > 1 {
				axes = append(axes, axis{n, v.strides[i], to})
			}
			to *= v.shape[i]
		}
		n := steps * block
		if err := box(read, dst[:n*v.width], v.storage.at+from, axes, v.width); err != nil {
			return err
		}
		dst, first, left = dst[n*v.width:], first+n, left-n
	}
	return nil
}

// box sets dst to the numbers, of width bytes each, that begin at byte at of the
// file and lie along axes. It goes through the file from front to back.
func box(read func(p []byte, at int64) error, dst []byte, at int64, axes []axis, width int64) error {
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
		src, out := at, int64(0)
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
