package similarity

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"strconv"
)

// Stored products are chunks, laid out as docs/products.md says: the magic, a head as
// JSON, a chunk a tensor, and a checksum of it all. A chunk is its length, the bytes
// and a checksum of both, so that chunks may also be written one by one.
const magic = "MMPROD2\n"

// longest is how many bytes a chunk may have.
const longest = 1 << 30

// WriteTo writes the products as a study keeps them. [ReadGram] reads them back to the
// bit.
func (g *Gram) WriteTo(w io.Writer) (int64, error) {
	sum := crc32.NewIEEE()
	count := &counter{w: w}
	out := bufio.NewWriterSize(io.MultiWriter(count, sum), 1<<16)
	head, err := json.Marshal(g.head(packedName))
	if err != nil {
		return 0, err
	}
	_, err = out.WriteString(magic)
	var chunk []byte
	if err == nil {
		_, err = out.Write(seal(append(begin(chunk), head...), 0))
	}
	for i := range g.Tensors {
		if err != nil {
			return count.n, err
		}
		if chunk, err = g.Tensors[i].AppendChunk(chunk[:0], len(g.Names)+1); err == nil {
			_, err = out.Write(chunk)
		}
	}
	if err := errors.Join(err, out.Flush()); err != nil {
		return count.n, err
	}
	_, err = count.Write(binary.LittleEndian.AppendUint32(nil, sum.Sum32()))
	return count.n, err
}

// begin makes room for the length of a chunk, and seal ends the one that begins at a place.
func begin(to []byte) []byte { return append(to, 0, 0, 0, 0) }

func seal(to []byte, from int) []byte {
	binary.LittleEndian.PutUint32(to[from:], uint32(len(to)-from-4))
	return binary.LittleEndian.AppendUint32(to, crc32.ChecksumIEEE(to[from:]))
}

// mostNumbers bounds what there is to unpack: a few bytes may stand for many numbers.
// A thousand models of SDXL have fewer.
const mostNumbers = 1 << 30

// readPacked reads what WriteTo wrote.
func readPacked(in *bufio.Reader) (*Gram, error) {
	sum := crc32.NewIEEE()
	all := io.TeeReader(in, sum)
	if _, err := io.CopyN(io.Discard, all, int64(len(magic))); err != nil {
		return nil, fmt.Errorf("%w: cut short", ErrDamaged)
	}
	var room bytes.Buffer
	body, err := readChunk(all, &room)
	if err != nil {
		return nil, damage(err)
	}
	var head format
	if err := json.Unmarshal(body, &head); err != nil || head.Format != packedName || head.Count < 0 {
		return nil, fmt.Errorf("%w: not %s", ErrDamaged, packedName)
	}
	g, err := head.gram()
	if err != nil {
		return nil, err
	}
	keys := map[string]bool{}
	for range head.Count {
		p, err := readProducts(all, len(g.Names)+1, &room)
		if err != nil {
			return nil, damage(err)
		}
		if keys[p.Key] {
			return nil, fmt.Errorf("%w: tensor %q is there twice", ErrDamaged, p.Key)
		}
		keys[p.Key] = true
		if len(keys)*triangle(p.P.rows) > mostNumbers {
			return nil, fmt.Errorf("%w: more products than any study has", ErrDamaged)
		}
		g.Tensors = append(g.Tensors, *p)
	}
	want := binary.LittleEndian.AppendUint32(nil, sum.Sum32())
	if got, err := io.ReadAll(io.LimitReader(in, 5)); err != nil || !bytes.Equal(got, want) {
		return nil, fmt.Errorf("%w: the checksum is wrong", ErrDamaged)
	}
	return g, nil
}

// damage makes an end within a file the damage that it is.
func damage(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%w: cut short", ErrDamaged)
	}
	return err
}

// readChunk reads a chunk. What it returns stays as it is until room is used again.
// The error is [io.EOF] where there is none, [io.ErrUnexpectedEOF] where it is cut
// short.
func readChunk(in io.Reader, room *bytes.Buffer) ([]byte, error) {
	room.Reset()
	if _, err := io.CopyN(room, in, 4); err != nil {
		if room.Len() > 0 && errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return nil, err
	}
	n := binary.LittleEndian.Uint32(room.Bytes())
	switch {
	case n == 0: // the zeros that some file systems leave of what was being written
		return nil, io.ErrUnexpectedEOF
	case n > longest:
		return nil, fmt.Errorf("%w: a chunk of %d bytes", ErrDamaged, n)
	}
	// The buffer grows by what is there, not by what the length says.
	if _, err := io.CopyN(room, in, int64(n)+4); err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return nil, err
	}
	b := room.Bytes()
	if crc32.ChecksumIEEE(b[:4+n]) != binary.LittleEndian.Uint32(b[4+n:]) {
		return nil, fmt.Errorf("%w: the checksum of a chunk is wrong", ErrDamaged)
	}
	return b[4 : 4+n], nil
}

// A packedHead is what a tensor's chunk has beside the products and the sums.
type packedHead struct {
	Key    string  `json:"key"`
	Len    int     `json:"len"`
	Absent []int   `json:"absent,omitempty"`
	Floor  float64 `json:"floor"`
	Half   float64 `json:"half"`
	Grid   string  `json:"grid,omitempty"`
}

// AppendChunk appends the products of so many rows as a chunk of its own, which
// [ReadProducts] reads.
func (p *Products) AppendChunk(to []byte, rows int) ([]byte, error) {
	from := len(to)
	to, err := p.append(begin(to), rows)
	if err != nil {
		return to[:from], err
	}
	return seal(to, from), nil
}

// ReadProducts reads a chunk of products of so many rows. The error is [io.EOF] where
// there is none, [io.ErrUnexpectedEOF] where it is cut short.
func ReadProducts(in io.Reader, rows int) (*Products, error) {
	return readProducts(in, rows, &bytes.Buffer{})
}

func readProducts(in io.Reader, rows int, room *bytes.Buffer) (*Products, error) {
	b, err := readChunk(in, room)
	if err != nil {
		return nil, err
	}
	short := fmt.Errorf("%w: a tensor's chunk is too short", ErrDamaged)
	if len(b) < 4 || uint64(binary.LittleEndian.Uint32(b)) > uint64(len(b)-4) {
		return nil, short
	}
	var head packedHead
	n := 4 + int(binary.LittleEndian.Uint32(b))
	if err := json.Unmarshal(b[4:n], &head); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	p := &Products{Key: head.Key, Len: head.Len, Absent: head.Absent, Floor: head.Floor, Half: head.Half, Grid: head.Grid}
	b = b[n:]
	if len(b) < 1 {
		return nil, short
	}
	sums := b[0]
	b = b[1:]
	if sums > 1 || sums == 1 && len(b) < 5*rows {
		return nil, short
	}
	if sums == 1 {
		for range rows {
			switch b[0] {
			case 0:
				p.Sums = append(p.Sums, "")
			case 1:
				p.Sums = append(p.Sums, fmt.Sprintf("%08x", binary.LittleEndian.Uint32(b[1:])))
			default:
				return nil, fmt.Errorf("%w: tensor %q has a sum of kind %d", ErrDamaged, p.Key, b[0])
			}
			b = b[5:]
		}
	}
	if p.P, err = readTriangle(b, rows); err != nil {
		return nil, fmt.Errorf("%w: tensor %q: %w", ErrDamaged, p.Key, err)
	}
	return p, p.Check(rows)
}

// append appends the body of a chunk.
func (p *Products) append(to []byte, rows int) ([]byte, error) {
	if err := p.Check(rows); err != nil {
		return to, err
	}
	head, err := json.Marshal(packedHead{p.Key, p.Len, p.Absent, p.Floor, p.Half, p.Grid})
	if err != nil {
		return to, err
	}
	to = binary.LittleEndian.AppendUint32(to, uint32(len(head)))
	to = append(to, head...)
	if len(p.Sums) == 0 {
		to = append(to, 0)
	} else {
		to = append(to, 1)
		for _, s := range p.Sums {
			v, err := strconv.ParseUint(s, 16, 32)
			switch {
			case s == "":
				to = append(to, 0, 0, 0, 0, 0)
				continue
			case err != nil || fmt.Sprintf("%08x", v) != s:
				return to, fmt.Errorf("%w: the sum %q of %q", ErrDamaged, s, p.Key)
			}
			to = binary.LittleEndian.AppendUint32(append(to, 1), uint32(v))
		}
	}
	return append(to, p.P.packed...), nil
}
