package studies

import (
	"bufio"
	"bytes"
	"context"
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
// error is that of each or of ctx, or wraps [ErrDamaged] for a journal that is not as it
// was written. Progress, which may be nil, is told of the bytes that are read.
func EachTrial(ctx context.Context, dir string, each func(search string, t optimize.Trial) error, progress func(done, total int64)) error {
	entries, err := os.ReadDir(filepath.Join(dir, journalDir)) // sorted by name
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var done, total int64
	for _, e := range entries {
		if info, err := e.Info(); err == nil && info.Mode().IsRegular() {
			total += info.Size()
		}
	}
	read := func(n int) error {
		if done += int64(n); progress != nil {
			progress(min(done, total), total) // a study that runs grows
		}
		return ctx.Err()
	}
	for _, e := range entries {
		name, ok := strings.CutSuffix(e.Name(), ".jsonl")
		if !ok || !e.Type().IsRegular() {
			continue
		}
		path := filepath.Join(dir, journalDir, e.Name())
		if err := eachLine(path, func(t optimize.Trial) error { return each(name, t) }, read); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	return nil
}

// tellLines is after how many lines of a journal it is told how much was read.
const tellLines = 500

// eachLine calls each for every trial of a journal, and read now and then with how many
// bytes were read since.
func eachLine(path string, each func(optimize.Trial) error, read func(n int) error) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	in := bufio.NewReader(f)
	since := 0
	for n := 0; ; n++ {
		if n%tellLines == 0 {
			if err := read(since); err != nil {
				return err
			}
			since = 0
		}
		text, err := in.ReadBytes('\n')
		since += len(text)
		if errors.Is(err, io.EOF) {
			if !cutShort(text) {
				return fmt.Errorf("%w: line %d is none of a journal", ErrDamaged, n+1)
			}
			return read(since) // a line without its end is not finished
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
