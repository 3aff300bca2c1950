package studies

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"mixmatch/similarity"
)

// A reading is the record of a reading of the files that is under way: a line that
// says of which, and the products of each tensor that is finished, a chunk each as in
// products.bin. One that was interrupted goes on behind them, if
// the files are what they were.
type reading struct {
	f    *os.File
	gram *similarity.Gram // of the tensors that were finished before

	begun int64  // where the file ended when it was opened
	chunk []byte // room for the next
}

// A readingHead is the first line: the files that are read.
type readingHead struct {
	Files []Input `json:"files"`
	CRC   string  `json:"crc32,omitempty"` // of the line without it
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
	in := &position{r: bufio.NewReaderSize(r.f, 1<<16)}
	good := int64(0)
	same := false
	text, err := in.r.ReadBytes('\n')
	switch {
	case err == nil:
		if same, err = isHead(text, files); err != nil {
			return err
		}
	case !errors.Is(err, io.EOF): // a line without its end was not finished
		return err
	}
	if same {
		if good, err = r.readTensors(in, int64(len(text)), len(files)); err != nil {
			return err
		}
	}
	if err := r.f.Truncate(good); err != nil {
		return err
	}
	if _, err := r.f.Seek(good, io.SeekStart); err != nil {
		return err
	}
	if good == 0 {
		head := readingHead{Files: files}
		if head.CRC, err = checksum(head); err != nil {
			return err
		}
		if err := r.write(head); err != nil {
			return err
		}
	}
	r.begun, err = r.f.Seek(0, io.SeekCurrent)
	return err
}

// rewind forgets what was kept since the record was opened.
func (r *reading) rewind() error {
	if err := r.f.Truncate(r.begun); err != nil {
		return err
	}
	_, err := r.f.Seek(r.begun, io.SeekStart)
	return err
}

// readTensors takes over the tensors of an earlier reading of so many files, which
// begin behind the head, and returns where they end.
func (r *reading) readTensors(in *position, head int64, files int) (good int64, err error) {
	for n := 1; ; n++ {
		p, err := similarity.ReadProducts(in, files)
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) { // one cut short was not finished
			return head + good, nil
		}
		if errors.Is(err, similarity.ErrDamaged) {
			return 0, fmt.Errorf("tensor %d: %w: %w: delete the file to read anew", n, ErrDamaged, err)
		}
		if err != nil {
			return 0, err
		}
		r.gram.Tensors = append(r.gram.Tensors, *p)
		good = in.at
	}
}

// A position counts what is read.
type position struct {
	r  *bufio.Reader
	at int64
}

func (p *position) Read(b []byte) (int, error) {
	n, err := p.r.Read(b)
	p.at += int64(n)
	return n, err
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

// keep records the products of a tensor.
func (r *reading) keep(p *similarity.Products) error {
	var err error
	if r.chunk, err = p.AppendChunk(r.chunk[:0], len(r.gram.Names)+1); err != nil {
		return err
	}
	_, err = r.f.Write(r.chunk)
	return err
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
