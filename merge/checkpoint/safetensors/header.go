package safetensors

import (
	"bytes"
	"fmt"
	"math"
	"unicode/utf8"

	"mixmatch/merge/checkpoint"
	"mixmatch/merge/safetext"
)

// The most of each that a header may list, all shapes taken together. They are far
// beyond any model, and keep a header of nothing but tiny entries from taking many
// times its size in memory.
const (
	maxTensors  = 250_000
	maxDims     = 2_000_000
	maxMetadata = 100_000
)

// A span is where a tensor's bytes lie, from the start of the data.
type span struct{ begin, end uint64 }

// A header is what a safetensors header says, in its own order, before any of
// it has been compared with the file.
type header struct {
	tensors  []checkpoint.Tensor
	spans    []span // of the tensor in the same place
	metadata map[string]string

	// Fields of tensors that the format does not know: how many, and the first.
	unknown      int
	unknownField string
}

// notes says what was passed over.
func (h *header) notes() []string {
	if h.unknown == 0 {
		return nil
	}
	return []string{fmt.Sprintf("passed over %d fields of tensors that the format does not know, such as %s", h.unknown, h.unknownField)}
}

// parseHeader reads b, the bytes of a header.
func parseHeader(b []byte) (*header, error) {
	if !utf8.Valid(b) {
		return nil, checkpoint.Malformed("malformed safetensors: the header is not valid UTF-8")
	}
	s := &scanner{b: b}
	h := &header{}
	// Right for every real header, and never more than a share of its size.
	n := min(bytes.Count(b, []byte(`"data_offsets"`)), len(b)/40, maxTensors)
	h.tensors, h.spans = make([]checkpoint.Tensor, 0, n), make([]span, 0, n)

	var dims []int
	var ends []int // of each tensor's shape in dims
	metadata := false
	err := s.object(func(key []byte) error {
		if string(key) == "__metadata__" {
			if metadata {
				return s.errorf("__metadata__ occurs twice")
			}
			metadata = true
			return s.metadata(h)
		}
		if len(h.tensors) == maxTensors {
			return s.errorf("more than %d tensors", maxTensors)
		}
		t := checkpoint.Tensor{Name: string(key)}
		var at span
		var err error
		if dims, err = s.tensor(h, &t, &at, dims); err != nil {
			return checkpoint.Malformed("%v (tensor %s)", err, checkpoint.Short(t.Name))
		}
		h.tensors, h.spans, ends = append(h.tensors, t), append(h.spans, at), append(ends, len(dims))
		return nil
	})
	if err != nil {
		return nil, err
	}
	if s.space(); s.at < len(b) {
		return nil, s.errorf("text after the header's end")
	}
	begin := 0
	for i, end := range ends { // only now, since dims may have moved as it grew
		h.tensors[i].Shape = dims[begin:end:end]
		begin = end
	}
	return h, nil
}

// metadata reads the value of __metadata__: texts by name, or null.
func (s *scanner) metadata(h *header) error {
	s.space()
	if bytes.HasPrefix(s.b[s.at:], []byte("null")) {
		s.at += len("null")
		return nil
	}
	h.metadata = map[string]string{}
	return s.object(func(key []byte) error {
		name := string(key)
		if _, twice := h.metadata[name]; twice {
			return s.errorf("metadata %s occurs twice", checkpoint.Short(name))
		}
		if len(h.metadata) == maxMetadata {
			return s.errorf("more than %d metadata", maxMetadata)
		}
		if s.peek() != '"' {
			return s.errorf("metadata %s must be a text", safetext.Quote(name))
		}
		value, err := s.text()
		h.metadata[name] = string(value)
		return err
	})
}

// tensor reads the value of one tensor of h. It appends the shape to dims.
func (s *scanner) tensor(h *header, t *checkpoint.Tensor, at *span, dims []int) ([]int, error) {
	const dtype, shape, offsets = 1, 2, 4
	seen := 0
	elements := count{n: 1}
	err := s.object(func(key []byte) error {
		field := 0
		switch string(key) {
		case "dtype":
			field = dtype
		case "shape":
			field = shape
		case "data_offsets":
			field = offsets
		default: // as the reference reader does
			if h.unknown++; h.unknown == 1 {
				h.unknownField = safetext.Quote(string(key))
			}
			return s.skip()
		}
		if seen&field != 0 {
			return s.errorf("field %s occurs twice", key)
		}
		seen |= field
		switch field {
		case dtype:
			name, err := s.text()
			if err != nil {
				return err
			}
			if checkpoint.DType(name).Rank() < 0 {
				return s.errorf("unknown dtype %s", checkpoint.Short(string(name)))
			}
			t.DType = checkpoint.DType(name)
			return nil
		case shape:
			return s.numbers(func(v uint64) error {
				if len(dims) == maxDims {
					return s.errorf("shapes of more than %d dimensions", maxDims)
				}
				elements.times(v)
				// Larger ones occur in empty tensors at most.
				dims = append(dims, int(min(v, math.MaxInt)))
				return nil
			})
		default:
			n := 0
			err := s.numbers(func(v uint64) error {
				switch n++; n {
				case 1:
					at.begin = v
				case 2:
					at.end = v
				default:
					return s.errorf("more than two data_offsets")
				}
				return nil
			})
			if err == nil && n < 2 {
				err = s.errorf("fewer than two data_offsets")
			}
			return err
		}
	})
	if err == nil && seen != dtype|shape|offsets {
		err = s.errorf("dtype, shape or data_offsets is missing")
	}
	if err == nil {
		if _, err = elements.bytes(t.DType); err != nil {
			err = checkpoint.Malformed("malformed safetensors: %v", err)
		}
	}
	return dims, err
}
