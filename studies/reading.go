package studies

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"mixmatch/similarity"
)

// A reading is the record of a reading of the files that is under way: the products
// of each tensor that is finished. One that was interrupted goes on behind them, if
// the files are what they were.
type reading struct {
	f    *os.File
	gram *similarity.Gram // of the tensors that are finished
}

// A readingHead is the first line: the files that are read.
type readingHead struct {
	Files []Input `json:"files"`
	CRC   string  `json:"crc32,omitempty"` // of the line without it
}

// A readingLine is a tensor's products.
type readingLine struct {
	similarity.Products
	CRC string `json:"crc32,omitempty"` // of the line without it
}

// openReading opens the record of reading files, or begins it anew if there is none
// or if it is of files that were touched since.
func (s *Study) openReading(files []Input) (*reading, error) {
	path := s.path(readingFile)
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, err
	}
	r := &reading{f: f, gram: &similarity.Gram{Names: s.Plan.names()}}
	if err := r.read(files); err != nil {
		f.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return r, nil
}

func (r *reading) read(files []Input) error {
	in := bufio.NewReader(r.f)
	good := int64(0)
	for n := 0; ; n++ {
		text, err := in.ReadBytes('\n')
		if errors.Is(err, io.EOF) { // a line without its end was not finished
			break
		}
		if err != nil {
			return err
		}
		if n == 0 {
			same, err := isHead(text, files)
			if err != nil {
				return err
			}
			if !same {
				break
			}
		} else if err := r.add(text, len(files)); err != nil {
			return fmt.Errorf("line %d: %w: delete the file to read anew", n+1, err)
		}
		good += int64(len(text))
	}
	if err := r.f.Truncate(good); err != nil {
		return err
	}
	if _, err := r.f.Seek(good, io.SeekStart); err != nil {
		return err
	}
	if good > 0 {
		return nil
	}
	head := readingHead{Files: files}
	var err error
	if head.CRC, err = checksum(head); err != nil {
		return err
	}
	return r.write(head)
}

// isHead reports whether text is the first line of a reading of the files.
func isHead(text []byte, files []Input) (bool, error) {
	var head readingHead
	err := json.Unmarshal(text, &head)
	if sum, bad := checksum(readingHead{Files: head.Files}); err != nil || bad != nil || sum != head.CRC {
		return false, fmt.Errorf("line 1: %w: delete the file to read anew", ErrDamaged)
	}
	return slices.EqualFunc(head.Files, files, func(a, b Input) bool { return a.Name == b.Name && a.untouched(&b) }), nil
}

// add takes over a line of an earlier reading of so many files.
func (r *reading) add(text []byte, files int) error {
	var l readingLine
	if err := json.Unmarshal(text, &l); err != nil {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	again, err := encodeReading(l.Products)
	if err != nil || !bytes.Equal(again, text) {
		return fmt.Errorf("%w: not as it was written", ErrDamaged)
	}
	if err := l.Check(files); err != nil {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	r.gram.Tensors = append(r.gram.Tensors, l.Products)
	return nil
}

// keep records the products of a tensor.
func (r *reading) keep(p *similarity.Products) error {
	text, err := encodeReading(*p)
	if err != nil {
		return err
	}
	_, err = r.f.Write(text)
	return err
}

func encodeReading(p similarity.Products) ([]byte, error) {
	l := readingLine{Products: p}
	sum, err := checksum(l)
	if err != nil {
		return nil, err
	}
	l.CRC = sum
	text, err := json.Marshal(l)
	return append(text, '\n'), err
}

func (r *reading) write(v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = r.f.Write(append(text, '\n'))
	return err
}

func (r *reading) close() error {
	if r.f == nil {
		return nil
	}
	f := r.f
	r.f = nil
	return f.Close()
}
