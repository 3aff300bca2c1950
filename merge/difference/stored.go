package difference

import (
	"crypto/sha256"
	"fmt"
	"slices"

	"mixmatch/merge/checkpoint"
)

// Checkpoint returns the file as it is stored: its own tensors, with the notes on
// how they are read, and a stamp that is another one as soon as PEFT's settings
// beside it are. Closing it closes l.
func (l *File) Checkpoint() (*checkpoint.File, error) {
	return checkpoint.New(stored{l.file.Container(), l})
}

// A stored is the container of a file of changes, with what is beside it.
type stored struct {
	checkpoint.Container
	of *File
}

func (s stored) Info() checkpoint.Info { return s.of.info() }
func (s stored) Changed() error        { return s.of.changed() }

// OwnName returns what the file calls a tensor.
func (s stored) OwnName(i int) string { return checkpoint.OwnName(s.Container, i) }

// Rounding is that of the file's own tensors.
func (s stored) Rounding(i int, at, n int64) (float64, bool, error) {
	return checkpoint.Rounding(s.Container, i, at, n)
}

// info is what is known of the file, with the settings and the notes.
func (l *File) info() checkpoint.Info {
	info := l.file.Container().Info()
	if l.config != nil { // the numbers depend on it
		info.Stamp.Header = fmt.Sprintf("%x", sha256.Sum256(append([]byte(info.Stamp.Header), l.config...)))
	}
	info.Notes = slices.Concat(info.Notes, l.notes)
	return info
}

// changed returns an error that wraps [checkpoint.ErrChanged] if the file is no
// longer what it was when it was read, or the settings beside it.
func (l *File) changed() error {
	if err := l.file.Changed(); err != nil {
		return err
	}
	now, err := readConfig(l.file)
	if err != nil {
		return err
	}
	if (now == nil) != (l.config == nil) || string(now) != string(l.config) {
		return fmt.Errorf("%s: the %s beside it %w", l.file.Path(), adapterConfig, checkpoint.ErrChanged)
	}
	return nil
}
