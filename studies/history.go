package studies

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"mixmatch/optimize"
)

// EachTrial calls each for every finished trial of every search of the study in dir,
// by the searches' names ("OUT03", or "group-outputs" where blocks share a ratio), and
// holds one at a time. It takes no lock and changes nothing, so the study may run. The
// error is that of each, or wraps [ErrDamaged] for a journal that is not as it was written.
func EachTrial(dir string, each func(search string, t optimize.Trial) error) error {
	entries, err := os.ReadDir(filepath.Join(dir, journalDir)) // sorted by name
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		name, ok := strings.CutSuffix(e.Name(), ".jsonl")
		if !ok || !e.Type().IsRegular() {
			continue
		}
		path := filepath.Join(dir, journalDir, e.Name())
		if err := eachLine(path, func(t optimize.Trial) error { return each(name, t) }); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	return nil
}

func eachLine(path string, each func(optimize.Trial) error) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	in := bufio.NewReader(f)
	for n := 0; ; n++ {
		text, err := in.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			if !cutShort(text) {
				return fmt.Errorf("%w: line %d is none of a journal", ErrDamaged, n+1)
			}
			return nil // a line without its end is not finished
		}
		if err != nil {
			return err
		}
		var l line
		if err := json.Unmarshal(text, &l); err != nil {
			return fmt.Errorf("%w: line %d: %w", ErrDamaged, n+1, err)
		}
		again, err := l.encode()
		if err != nil || !bytes.Equal(again, text) || l.Trial != n {
			return fmt.Errorf("%w: line %d is not as it was written", ErrDamaged, n+1)
		}
		if err := each(optimize.Trial{Number: l.Trial, By: l.By, X: l.X, Value: l.Value}); err != nil {
			return err
		}
	}
}
