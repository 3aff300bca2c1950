package similarity

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"strings"

	"mixmatch/merge/block"
)

// format is the head of stored products, by which a reader knows them.
type format struct {
	Format      string      `json:"format"`
	Arch        block.Arch  `json:"arch,omitempty"`
	Models      []string    `json:"models"`
	Differences int         `json:"differences,omitempty"` // how many of the last are differences
	Empty       EmptyBlocks `json:"empty,omitempty"`
	Contents    []string    `json:"contents,omitempty"`
	Count       int         `json:"tensors"`
}

// The formats that products were and are stored in.
const (
	linesName  = "mixmatch products 1"
	packedName = "mixmatch products 2"
)

// head returns the head of g stored in a format.
func (g *Gram) head(name string) format {
	return format{name, g.Arch, g.Names, g.Differences, g.Empty, g.Contents, len(g.Tensors)}
}

// gram returns the products, without tensors, that a head is of.
func (h *format) gram() (*Gram, error) {
	g := &Gram{Arch: h.Arch, Names: h.Models, Differences: h.Differences, Empty: h.Empty, Contents: h.Contents}
	if g.Differences < 0 || g.models() < min(1, len(g.Names)) {
		return nil, fmt.Errorf("%w: %d of %d models are differences", ErrDamaged, g.Differences, len(g.Names))
	}
	if rows := len(g.Names) + 1; len(g.Contents) != 0 && len(g.Contents) != rows {
		return nil, fmt.Errorf("%w: %d contents of %d files", ErrDamaged, len(g.Contents), rows)
	}
	return g, nil
}

// A tensorLine is [Products] as a line has them.
type tensorLine struct {
	Key    string    `json:"key"`
	Len    int       `json:"len"`
	P      []float64 `json:"p"` // upper triangle of the matrix, row by row
	Absent []int     `json:"absent,omitempty"`
	Floor  float64   `json:"floor"`
	Half   float64   `json:"half"`
	Grid   string    `json:"grid,omitempty"`
	Sums   []string  `json:"sums,omitempty"`
}

// WriteLines writes the products for people and other programs, as JSON: a head, one
// tensor a line, and a last line with the checksum of the lines before it. Studies
// were stored so; [ReadGram] reads it back to the bit.
func (g *Gram) WriteLines(w io.Writer) (int64, error) {
	sum := crc32.NewIEEE()
	count := &counter{w: w}
	out := bufio.NewWriter(io.MultiWriter(count, sum))
	enc := json.NewEncoder(out)
	if err := enc.Encode(g.head(linesName)); err != nil {
		return count.n, err
	}
	var room []float64
	for i := range g.Tensors {
		t := &g.Tensors[i]
		room = t.P.Unpack(room)
		if err := enc.Encode(tensorLine{t.Key, t.Len, room, t.Absent, t.Floor, t.Half, t.Grid, t.Sums}); err != nil {
			return count.n, err
		}
	}
	if err := out.Flush(); err != nil {
		return count.n, err
	}
	_, err := fmt.Fprintf(count, "{\"crc32\":\"%08x\"}\n", sum.Sum32())
	return count.n, err
}

type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}

// ReadGram reads what [Gram.WriteTo] or [Gram.WriteLines] wrote. The error wraps
// [ErrDamaged] if a single bit of it has changed.
func ReadGram(r io.Reader) (*Gram, error) {
	in := bufio.NewReaderSize(r, 1<<16)
	if b, _ := in.Peek(len(magic)); string(b) == magic {
		return readPacked(in)
	}
	return readLines(in)
}

func readLines(in *bufio.Reader) (*Gram, error) {
	sum := crc32.NewIEEE()
	line := func(into any) error {
		b, err := in.ReadBytes('\n')
		if err != nil {
			return fmt.Errorf("%w: cut short", ErrDamaged)
		}
		if strings.HasPrefix(string(b), `{"crc32"`) {
			if want := fmt.Sprintf("{\"crc32\":\"%08x\"}\n", sum.Sum32()); string(b) != want {
				return fmt.Errorf("%w: the checksum is wrong", ErrDamaged)
			}
			return io.EOF
		}
		sum.Write(b)
		if err := json.Unmarshal(b, into); err != nil {
			return fmt.Errorf("%w: %w", ErrDamaged, err)
		}
		return nil
	}
	var head format
	if err := line(&head); err != nil || head.Format != linesName {
		return nil, fmt.Errorf("%w: not %s", ErrDamaged, linesName)
	}
	g, err := head.gram()
	if err != nil {
		return nil, err
	}
	rows := len(g.Names) + 1
	for {
		var l tensorLine
		err := line(&l)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		if len(l.P) != triangle(rows) {
			return nil, fmt.Errorf("%w: tensor %q has %d products, not %d", ErrDamaged, l.Key, len(l.P), triangle(rows))
		}
		p := Products{Key: l.Key, Len: l.Len, P: NewTriangle(l.P, rows), Absent: l.Absent, Floor: l.Floor, Half: l.Half, Grid: l.Grid, Sums: l.Sums}
		if err := p.Check(rows); err != nil {
			return nil, err
		}
		g.Tensors = append(g.Tensors, p)
	}
	if len(g.Tensors) != head.Count {
		return nil, fmt.Errorf("%w: %d tensors, not %d", ErrDamaged, len(g.Tensors), head.Count)
	}
	return g, nil
}
