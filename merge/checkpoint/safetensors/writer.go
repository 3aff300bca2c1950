package safetensors

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"unicode/utf8"

	"mixmatch/merge/checkpoint"
	"mixmatch/merge/durable"
)

// A Writer writes a safetensors file, tensor by tensor, in the order of
// [Writer.Tensors]. It must end with [Writer.Commit] or [Writer.Abort]; until
// the former has returned nothing is to be seen under the file's name but what
// was there before. A Writer must not be used concurrently.
type Writer struct {
	file    *durable.File
	tensors []checkpoint.Tensor
	head    int // bytes of the header
}

// Create begins the file path that is to hold tensors, of which Name, checkpoint.DType
// and Shape count, and metadata. Whatever order they come in, equal tensors
// and metadata make equal bytes: the reference writer's, with the metadata
// sorted. What file may be replaced, and when, is said at [durable.Create].
func Create(path string, tensors []checkpoint.Tensor, metadata map[string]string, force bool) (*Writer, error) {
	w := &Writer{}
	for _, t := range tensors {
		w.tensors = append(w.tensors, checkpoint.Tensor{Name: t.Name, DType: t.DType, Shape: slices.Clone(t.Shape)})
	}
	head, size, err := w.place(metadata)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	w.head = len(head)
	if w.file, err = durable.Create(path, size, force); err != nil {
		return nil, err
	}
	if _, err := w.file.Write(head); err != nil {
		return nil, err
	}
	return w, nil
}

// place sorts and checks the tensors, gives each its place, and returns the
// header with its length, and the size of the file.
func (w *Writer) place(metadata map[string]string) (head []byte, total int64, err error) {
	for _, t := range w.tensors {
		if t.DType.Rank() < 0 {
			return nil, 0, fmt.Errorf("tensor %s: unknown dtype %s", checkpoint.Short(t.Name), checkpoint.Short(string(t.DType)))
		}
	}
	slices.SortFunc(w.tensors, func(a, b checkpoint.Tensor) int {
		return cmp.Or(cmp.Compare(b.DType.Rank(), a.DType.Rank()), cmp.Compare(a.Name, b.Name))
	})
	names := make(map[string]bool, len(w.tensors))
	for i := range w.tensors {
		t := &w.tensors[i]
		switch {
		case !utf8.ValidString(t.Name):
			return nil, 0, fmt.Errorf("tensor %s: a name must be valid UTF-8", checkpoint.Short(t.Name))
		case t.Name == "__metadata__":
			return nil, 0, fmt.Errorf("tensor %s: the format has another use for this name", checkpoint.Short(t.Name))
		case names[t.Name]:
			return nil, 0, fmt.Errorf("tensor %s: given twice", checkpoint.Short(t.Name))
		}
		names[t.Name] = true
		elements := count{n: 1}
		for _, v := range t.Shape {
			if v < 0 {
				return nil, 0, fmt.Errorf("tensor %s: negative dimension %d", checkpoint.Short(t.Name), v)
			}
			elements.times(uint64(v))
		}
		size, err := elements.bytes(t.DType)
		if err != nil {
			return nil, 0, fmt.Errorf("tensor %s: %w", checkpoint.Short(t.Name), err)
		}
		if total += size; total < 0 {
			return nil, 0, errors.New("more bytes than can be counted")
		}
	}
	head, err = w.header(metadata)
	if total += int64(len(head)); total < 0 {
		return nil, 0, errors.New("more bytes than can be counted")
	}
	return head, total, err
}

// header returns the header with its length.
func (w *Writer) header(metadata map[string]string) ([]byte, error) {
	b := append(make([]byte, 8, 1024), '{')
	if len(metadata) > 0 {
		b = append(b, `"__metadata__":{`...)
		for i, name := range slices.Sorted(maps.Keys(metadata)) {
			if !utf8.ValidString(name) || !utf8.ValidString(metadata[name]) {
				return nil, fmt.Errorf("metadata %s: must be valid UTF-8", checkpoint.Short(name))
			}
			if i > 0 {
				b = append(b, ',')
			}
			b = appendText(b, name)
			b = append(b, ':')
			b = appendText(b, metadata[name])
		}
		b = append(b, '}')
	}
	at := int64(0)
	for i, t := range w.tensors {
		if i > 0 || len(metadata) > 0 {
			b = append(b, ',')
		}
		b = appendText(b, t.Name)
		b = append(b, `:{"dtype":"`...)
		b = append(b, t.DType...)
		b = append(b, `","shape":[`...)
		for i, v := range t.Shape {
			if i > 0 {
				b = append(b, ',')
			}
			b = strconv.AppendInt(b, int64(v), 10)
		}
		b = append(b, `],"data_offsets":[`...)
		b = strconv.AppendInt(b, at, 10)
		b = append(b, ',')
		at += t.Bytes()
		b = strconv.AppendInt(b, at, 10)
		b = append(b, "]}"...)
	}
	b = append(b, '}')
	for len(b)%8 != 0 {
		b = append(b, ' ')
	}
	if len(b)-8 > maxHeader {
		return nil, fmt.Errorf("the header would be %d bytes long; the format allows %d", len(b)-8, maxHeader)
	}
	binary.LittleEndian.PutUint64(b, uint64(len(b)-8))
	return b, nil
}

// appendText appends s as a JSON string, escaping no more than JSON demands,
// and as the reference writer does.
func appendText(b []byte, s string) []byte {
	const digits = "0123456789abcdef"
	b = append(b, '"')
	for i := range len(s) {
		switch c := s[i]; c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\b':
			b = append(b, `\b`...)
		case '\f':
			b = append(b, `\f`...)
		case '\n':
			b = append(b, `\n`...)
		case '\r':
			b = append(b, `\r`...)
		case '\t':
			b = append(b, `\t`...)
		default:
			if c < 0x20 {
				b = append(b, `\u00`...)
				b = append(b, digits[c>>4], digits[c&15])
			} else {
				b = append(b, c)
			}
		}
	}
	return append(b, '"')
}

// Tensors returns the tensors in the order in which their bytes must be
// written: wide numbers first, then by name. The caller must not change them.
func (w *Writer) Tensors() []checkpoint.Tensor { return w.tensors }

// Write writes the next bytes of the tensors, little-endian; calls need not
// keep to the tensors' bounds. After an error nothing remains of the file.
func (w *Writer) Write(p []byte) (int, error) { return w.file.Write(p) }

// ErrRoom is wrapped by the error of [Writer.SetMetadata] for metadata that take more or
// less room than those given before.
var ErrRoom = errors.New("metadata of another length")

// SetMetadata replaces the metadata by others that take as many bytes, when all is
// written but Commit: such as hashes for others. After any error but one that wraps
// [ErrRoom] nothing remains of the file.
func (w *Writer) SetMetadata(metadata map[string]string) error {
	head, err := w.header(metadata)
	if err != nil {
		return err
	}
	if len(head) != w.head {
		return fmt.Errorf("%w: a header of %d bytes, not %d", ErrRoom, len(head), w.head)
	}
	return w.file.Rewrite(head, 0)
}

// Commit checks that every byte has been written and brings the file to the
// disk and under its name, as [durable.File.Commit] does.
func (w *Writer) Commit() error { return w.file.Commit() }

// Abort gives up, and leaves nothing behind. After Commit it does nothing, so
// it may be deferred.
func (w *Writer) Abort() { w.file.Abort() }
