package safetensors

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"math/bits"
	"slices"
	"sort"

	"mixmatch/merge/checkpoint"
)

// place checks that the tensors lie back to back from data to the end of the
// file, each as long as its shape says.
func (h *header) place(data, size int64) error {
	order := make([]int32, len(h.tensors)) // a header holds fewer than 2^31
	for i := range order {
		order[i] = int32(i)
	}
	byPlace := func(a, b int32) int {
		x, y := h.spans[a], h.spans[b]
		return cmp.Or(cmp.Compare(x.begin, y.begin), cmp.Compare(x.end, y.end), cmp.Compare(a, b))
	}
	if !slices.IsSortedFunc(order, byPlace) {
		slices.SortFunc(order, byPlace)
	}
	var at uint64
	for _, i := range order {
		t, s := &h.tensors[i], h.spans[i]
		switch {
		case s.end < s.begin:
			return checkpoint.Malformed("malformed safetensors: tensor %s: ends at byte %d of the data, before it begins at %d", checkpoint.Short(t.Name), s.end, s.begin)
		case s.begin > at:
			return checkpoint.Malformed("malformed safetensors: tensor %s: begins at byte %d of the data and leaves a hole of %d bytes before it", checkpoint.Short(t.Name), s.begin, s.begin-at)
		case s.begin < at:
			return checkpoint.Malformed("malformed safetensors: tensor %s: begins at byte %d of the data and overlaps the tensor before it by %d bytes", checkpoint.Short(t.Name), s.begin, at-s.begin)
		}
		if s.end-s.begin != uint64(t.Bytes()) {
			return checkpoint.Malformed("malformed safetensors: tensor %s: %d bytes for a shape that takes %d", checkpoint.Short(t.Name), s.end-s.begin, t.Bytes())
		}
		at = s.end
	}
	have := uint64(size - data)
	if at > have {
		return checkpoint.Malformed("cut off: %d of %d bytes are missing: download it again", at-have, at+uint64(data))
	}
	if at < have {
		return checkpoint.Malformed("malformed safetensors: %d bytes after the last tensor", have-at)
	}
	return nil
}

// A count is a product of dimensions. Like the reference reader it multiplies
// from the left, in 64 bits, so that [0, huge] has no elements, and [huge,
// huge, 0] more than can be counted.
type count struct {
	n    uint64
	over bool
}

func (c *count) times(dim uint64) {
	hi, lo := bits.Mul64(c.n, dim)
	c.n, c.over = lo, c.over || hi != 0
}

// bytes returns how many bytes so many elements take.
func (c count) bytes(d checkpoint.DType) (int64, error) {
	hi, lo := bits.Mul64(c.n, uint64(d.Bits()))
	if c.over || hi != 0 || c.n > math.MaxInt {
		return 0, errors.New("more elements than can be counted")
	}
	if lo%8 != 0 {
		return 0, fmt.Errorf("%d elements of %d bits fill no whole number of bytes", c.n, d.Bits())
	}
	return int64(lo / 8), nil
}

// sort brings the tensors in the order of their names, which must differ.
func (h *header) sort() error {
	if !sort.IsSorted(h) {
		sort.Sort(h)
	}
	for i := 1; i < len(h.tensors); i++ {
		if h.tensors[i-1].Name == h.tensors[i].Name {
			return checkpoint.Malformed("malformed safetensors: tensor %s occurs twice", checkpoint.Short(h.tensors[i].Name))
		}
	}
	return nil
}

// In place, and both slices at once: a hostile header may hold millions.

func (h *header) Len() int           { return len(h.tensors) }
func (h *header) Less(i, j int) bool { return h.tensors[i].Name < h.tensors[j].Name }
func (h *header) Swap(i, j int) {
	h.tensors[i], h.tensors[j] = h.tensors[j], h.tensors[i]
	h.spans[i], h.spans[j] = h.spans[j], h.spans[i]
}
