package checkpoint

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math"
	"math/bits"
	"slices"
	"sort"
)

// The longest header that the format allows, in bytes.
const maxHeader = 100_000_000

// readIndex reads the header of the size-byte file in f.r and checks it
// against the file: after it no tensor can be out of bounds.
func (f *File) readIndex() error {
	head := make([]byte, min(max(f.size, 0), 1024))
	if err := readFull(f.r, head, 0); err != nil {
		return err
	}
	if err := recognize(head, f.size); err != nil {
		return err
	}
	n := int64(binary.LittleEndian.Uint64(head))
	text := make([]byte, n)
	if err := readFull(f.r, text, 8); err != nil {
		return err
	}
	sum := sha256.New()
	sum.Write(head[:8])
	sum.Write(text)
	f.stamp.Header = hex.EncodeToString(sum.Sum(nil))

	h, err := parseHeader(text)
	if err != nil {
		return err
	}
	if err := h.sort(); err != nil {
		return err
	}
	f.data = 8 + n
	if err := h.place(f.data, f.size); err != nil {
		return err
	}
	f.tensors, f.metadata = h.tensors, h.metadata
	return nil
}

// place checks that the tensors lie back to back from data to the end of the
// file, each as long as its shape says, and notes where they are.
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
			return malformed("malformed safetensors: tensor %s: ends at byte %d of the data, before it begins at %d", short(t.Name), s.end, s.begin)
		case s.begin > at:
			return malformed("malformed safetensors: tensor %s: begins at byte %d of the data and leaves a hole of %d bytes before it", short(t.Name), s.begin, s.begin-at)
		case s.begin < at:
			return malformed("malformed safetensors: tensor %s: begins at byte %d of the data and overlaps the tensor before it by %d bytes", short(t.Name), s.begin, at-s.begin)
		}
		if s.end-s.begin != uint64(t.size) {
			return malformed("malformed safetensors: tensor %s: %d bytes for a shape that takes %d", short(t.Name), s.end-s.begin, t.size)
		}
		// Meaningless if the tensors turn out to end behind the file.
		t.offset = data + int64(s.begin)
		at = s.end
	}
	have := uint64(size - data)
	if at > have {
		return malformed("cut off: %d of %d bytes are missing: download it again", at-have, at+uint64(data))
	}
	if at < have {
		return malformed("malformed safetensors: %d bytes after the last tensor", have-at)
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
func (c count) bytes(d DType) (int64, error) {
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
			return malformed("malformed safetensors: tensor %s occurs twice", short(h.tensors[i].Name))
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

// readFull fills p from r, which may read less than asked for. A file that ends
// too early was cut off since its size was taken.
func readFull(r io.ReaderAt, p []byte, at int64) error {
	for idle := 0; len(p) > 0; {
		n, err := r.ReadAt(p, at)
		if n < 0 || n > len(p) {
			return errors.New("reader returned an impossible count")
		}
		p, at = p[n:], at+int64(n)
		if len(p) == 0 {
			return nil
		}
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return fmt.Errorf("%w: it now ends at byte %d", ErrChanged, at)
		}
		if err != nil {
			return fmt.Errorf("byte %d: %w", at, err)
		}
		if n > 0 {
			idle = 0
		} else if idle++; idle == 100 {
			return fmt.Errorf("byte %d: %w", at, io.ErrNoProgress)
		}
	}
	return nil
}
