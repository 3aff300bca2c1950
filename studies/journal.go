package studies

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"mixmatch/optimize"
)

// A journal is the record of one search: its trials, one a line, appended when
// finished and never changed. Each search has a file of its own, so the
// journals do not depend on how many searches run at once.
type journal struct {
	f      *os.File
	trials []optimize.Trial
}

// A line is a trial as the journal keeps it.
type line struct {
	Trial int       `json:"trial"`
	By    string    `json:"by"`
	X     []float64 `json:"x"`
	Value float64   `json:"value"`
	CRC   string    `json:"crc32,omitempty"` // of the line without it
}

// openJournal opens the journal at path, making it if there is none. A last
// line that was cut short is dropped: its trial had not finished. Any other
// damage is an error that wraps [ErrDamaged] and names the line.
func openJournal(path string) (*journal, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, err
	}
	j := &journal{f: f}
	if err := j.read(); err != nil {
		f.Close()
		if errors.Is(err, ErrDamaged) {
			err = fmt.Errorf("%w: delete it to have its trials made again", err)
		}
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return j, nil
}

func (j *journal) read() error {
	trials, good, err := parseJournal(j.f)
	if err != nil {
		return err
	}
	j.trials = trials
	if err := j.f.Truncate(good); err != nil {
		return err
	}
	_, err = j.f.Seek(good, io.SeekStart)
	return err
}

// parseJournal reads the finished lines of r and returns how long they are.
func parseJournal(r io.Reader) (trials []optimize.Trial, good int64, err error) {
	in := bufio.NewReader(r)
	for n := 1; ; n++ {
		text, err := in.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			if !cutShort(text) {
				return nil, 0, fmt.Errorf("%w: line %d is none of a journal", ErrDamaged, n)
			}
			return trials, good, nil // a line without its end was not finished
		}
		if err != nil {
			return nil, 0, err
		}
		var l line
		if err := json.Unmarshal(text, &l); err != nil {
			return nil, 0, fmt.Errorf("%w: line %d: %w", ErrDamaged, n, err)
		}
		again, err := l.encode()
		if err != nil || !bytes.Equal(again, text) {
			return nil, 0, fmt.Errorf("%w: line %d is not as it was written", ErrDamaged, n)
		}
		if l.Trial != len(trials) {
			return nil, 0, fmt.Errorf("%w: line %d holds trial %d, not %d", ErrDamaged, n, l.Trial, len(trials))
		}
		trials = append(trials, optimize.Trial{Number: l.Trial, By: l.By, X: l.X, Value: l.Value})
		good += int64(len(text))
	}
}

// cutShort reports whether text is what remains of a line that was being written:
// its beginning, or the zeros that some file systems leave of it.
func cutShort(text []byte) bool {
	const begin = `{"trial":`
	n := min(len(text), len(begin))
	return string(text[:n]) == begin[:n] || len(bytes.Trim(text, "\x00")) == 0
}

// encode returns the line with its checksum and its end.
func (l line) encode() ([]byte, error) {
	l.CRC = ""
	sum, err := checksum(l)
	if err != nil {
		return nil, err
	}
	l.CRC = sum
	text, err := json.Marshal(l)
	return append(text, '\n'), err
}

// append records a finished trial with a single write, so that whatever
// happens to the program the line is there whole or not at all.
func (j *journal) append(t optimize.Trial) error {
	text, err := line{Trial: t.Number, By: t.By, X: t.X, Value: t.Value}.encode()
	if err != nil {
		return err
	}
	if _, err := j.f.Write(text); err != nil {
		return err
	}
	j.trials = append(j.trials, t)
	return nil
}

// close flushes the journal to disk and closes it.
func (j *journal) close() error {
	return errors.Join(j.f.Sync(), j.f.Close())
}
