package fingerprint

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"os"
	"regexp"
	"strings"

	"mixmatch/merge/block"
)

// A stored fingerprint is laid out as docs/fingerprints.md says: the magic, the head
// as JSON, the tensors, the buckets, and a checksum of it all.
const (
	magic   = "MMPRINT1"
	version = "mixmatch fingerprint 1"
)

// Extension is that of files of fingerprints.
const Extension = ".mmf"

// No fingerprint has more sections and tensors: a few bytes must not make a reader
// take gigabytes.
const (
	maxSections = 2048
	maxTensors  = 1 << 20
	maxHead     = 16 << 20
)

const tensorSize = 8 + 8 + 4

type head struct {
	Format string `json:"format"`
	Card
	Arch       block.Arch        `json:"arch"`
	Variant    string            `json:"variant,omitempty"`
	Difference bool              `json:"difference,omitempty"`
	Content    string            `json:"content"`
	Formats    map[string]int64  `json:"formats"`
	Parts      map[string]string `json:"parts,omitempty"`
	Sections   []headSection     `json:"sections"`
}

type headSection struct {
	Name    string  `json:"name"`
	Key     string  `json:"key"`
	Part    string  `json:"part"`
	Tensors int     `json:"tensors"`
	Floor   float64 `json:"floor"`
	Half    float64 `json:"half"`
}

// WriteTo writes the fingerprint. [Read] reads it back to the bit.
func (f *Fingerprint) WriteTo(w io.Writer) (int64, error) {
	b, err := f.Append(nil)
	if err != nil {
		return 0, err
	}
	n, err := w.Write(b)
	return int64(n), err
}

// Append appends the fingerprint as it is stored.
func (f *Fingerprint) Append(to []byte) ([]byte, error) {
	h := head{Format: version, Card: f.Card, Arch: f.Arch, Variant: f.Variant, Difference: f.Difference, Content: f.Content, Formats: f.Formats, Parts: f.Parts}
	for _, s := range f.Sections {
		h.Sections = append(h.Sections, headSection{s.Name, s.Key, s.Part.String(), len(s.Tensors), s.Floor, s.Half})
	}
	text, err := json.Marshal(h)
	if err != nil {
		return to, err
	}
	from := len(to)
	to = append(to, magic...)
	to = binary.LittleEndian.AppendUint32(to, uint32(len(text)))
	to = append(to, text...)
	for _, s := range f.Sections {
		for _, t := range s.Tensors {
			to = binary.LittleEndian.AppendUint64(to, t.Seed)
			to = binary.LittleEndian.AppendUint64(to, uint64(t.Len))
			to = binary.LittleEndian.AppendUint32(to, math.Float32bits(t.Norm))
		}
	}
	for _, s := range f.Sections {
		for _, v := range s.Sums {
			to = binary.LittleEndian.AppendUint32(to, math.Float32bits(v))
		}
	}
	return binary.LittleEndian.AppendUint32(to, crc32.ChecksumIEEE(to[from:])), nil
}

// Is reports whether a file that begins so is a fingerprint.
func Is(start []byte) bool { return bytes.HasPrefix(start, []byte(magic)) }

// Open reads the fingerprint in the file at path.
func Open(path string) (*Fingerprint, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	p, err := Read(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return p, nil
}

// Read reads one fingerprint, up to the end of r. The error wraps [ErrDamaged] if a
// single bit of it has changed.
func Read(r io.Reader) (*Fingerprint, error) {
	var all bytes.Buffer
	if _, err := io.CopyN(&all, r, int64(len(magic)+4)); err != nil {
		return nil, cut(err)
	}
	if !Is(all.Bytes()) {
		return nil, fmt.Errorf("%w: not a fingerprint of this version", ErrDamaged)
	}
	n := binary.LittleEndian.Uint32(all.Bytes()[len(magic):])
	if n > maxHead {
		return nil, fmt.Errorf("%w: a head of %d bytes", ErrDamaged, n)
	}
	if _, err := io.CopyN(&all, r, int64(n)); err != nil {
		return nil, cut(err)
	}
	f, err := readHead(all.Bytes()[len(magic)+4:])
	if err != nil {
		return nil, err
	}
	tensors := 0
	for _, s := range f.Sections {
		tensors += len(s.Tensors)
	}
	rest := int64(tensors)*tensorSize + int64(len(f.Sections))*Buckets*4 + 4
	if _, err := io.CopyN(&all, r, rest); err != nil {
		return nil, cut(err)
	}
	if n, err := io.CopyN(io.Discard, r, 1); n != 0 || !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%w: something is behind it", ErrDamaged)
	}
	b := all.Bytes()
	if end := len(b) - 4; crc32.ChecksumIEEE(b[:end]) != binary.LittleEndian.Uint32(b[end:]) {
		return nil, fmt.Errorf("%w: the checksum is wrong", ErrDamaged)
	}
	if err := f.fill(b[int64(len(b))-rest:]); err != nil {
		return nil, err
	}
	return f, f.sound()
}

// sha256Digits is what stands for a SHA-256 in cards.
var sha256Digits = regexp.MustCompile("^([0-9a-f]{64})?$")

// largest is beyond every number of a model's fingerprint, and small enough for squares
// and sums of them.
const largest = 1e15

// sound returns an error for what no model's fingerprint has, which would spoil all that
// is computed with it: it may come from anywhere.
func (f *Fingerprint) sound() error {
	if !sha256Digits.MatchString(f.SHA256) {
		return fmt.Errorf("%w: its sha256 is none", ErrDamaged)
	}
	for _, text := range []string{f.Name, f.Licence, f.Page, f.Content} {
		if strings.ContainsRune(text, 0) {
			return fmt.Errorf("%w: its text %q has a zero byte", ErrDamaged, text)
		}
	}
	for i := range f.Sections {
		s := &f.Sections[i]
		for _, t := range s.Tensors {
			if !(t.Norm >= 0 && t.Norm < largest) {
				return fmt.Errorf("%w: the size of a tensor of %s is none", ErrDamaged, s.Name)
			}
		}
		for _, v := range s.Sums {
			if !(v > -largest && v < largest) {
				return fmt.Errorf("%w: a number of %s is larger than any model's", ErrDamaged, s.Name)
			}
		}
	}
	return nil
}

func cut(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%w: cut short", ErrDamaged)
	}
	return err
}

// readHead reads the head, and makes room for what follows.
func readHead(text []byte) (*Fingerprint, error) {
	var h head
	if err := json.Unmarshal(text, &h); err != nil || h.Format != version {
		return nil, fmt.Errorf("%w: its head is not that of %q", ErrDamaged, version)
	}
	f := &Fingerprint{Card: h.Card, Arch: h.Arch, Variant: h.Variant, Difference: h.Difference, Content: h.Content, Formats: h.Formats, Parts: h.Parts}
	if len(h.Sections) == 0 || len(h.Sections) > maxSections {
		return nil, fmt.Errorf("%w: %d sections", ErrDamaged, len(h.Sections))
	}
	if _, err := assignmentOf(h.Arch); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	total := 0
	for i, s := range h.Sections {
		if total += s.Tensors; s.Tensors <= 0 || s.Tensors > maxTensors || total > maxTensors || i > 0 && s.Name <= h.Sections[i-1].Name {
			return nil, fmt.Errorf("%w: section %q", ErrDamaged, s.Name)
		}
		part := block.UNet
		switch s.Part {
		case block.UNet.String():
		case block.TextEncoder.String():
			part = block.TextEncoder
		default:
			return nil, fmt.Errorf("%w: section %q is of %q", ErrDamaged, s.Name, s.Part)
		}
		if !(s.Floor >= 0 && s.Half >= 0) {
			return nil, fmt.Errorf("%w: section %q has rounding below zero", ErrDamaged, s.Name)
		}
		f.Sections = append(f.Sections, Section{Name: s.Name, Key: s.Key, Part: part, Floor: s.Floor, Half: s.Half, Tensors: make([]Tensor, s.Tensors)})
	}
	return f, nil
}

// fill reads the tensors and buckets, of which b has enough.
func (f *Fingerprint) fill(b []byte) error {
	for i := range f.Sections {
		s := &f.Sections[i]
		for k := range s.Tensors {
			n := binary.LittleEndian.Uint64(b[8:])
			if s.Len += int(n); n == 0 || n > math.MaxInt32*64 || s.Len < 0 {
				return fmt.Errorf("%w: a tensor of %d elements", ErrDamaged, n)
			}
			s.Tensors[k] = Tensor{binary.LittleEndian.Uint64(b), int(n), math.Float32frombits(binary.LittleEndian.Uint32(b[16:]))}
			b = b[tensorSize:]
		}
	}
	for i := range f.Sections {
		s := &f.Sections[i]
		s.Sums = make([]float32, Buckets)
		for k := range s.Sums {
			s.Sums[k] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*k:]))
		}
		b = b[4*Buckets:]
	}
	return nil
}
