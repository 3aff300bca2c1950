package studies

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A Follower reads the journals of a study while another goroutine or process
// writes them. It takes no lock and changes nothing. It is for one goroutine.
type Follower struct {
	dir    string
	places map[string]int64 // how far each journal was read
	trials map[string]int   // and how many trials that were
}

// Follow begins to follow the study in dir, from its first trial on.
func Follow(dir string) (*Follower, error) {
	if _, err := peek(dir); err != nil {
		return nil, err
	}
	return &Follower{dir: dir, places: map[string]int64{}, trials: map[string]int{}}, nil
}

// News are the trials that a search has finished since it was asked last.
type News struct {
	Search string // the block's name, or that of a group of blocks
	Anew   bool   // the journal was begun anew: what was told of it before is void
	Trials []Followed
}

// A Followed is a trial that a search has finished, but for where it was: see [EachTrial].
type Followed struct {
	Number int     // its place in the search, from 0
	Value  float64 // 1 - similarity
}

// mostNews is how much of a journal is read at a time.
const mostNews = 4 << 20

// Next returns what is new, by the names of the searches; nothing if nothing is.
// Of a long journal it returns a part, so that it may have to be asked again. The
// error wraps [ErrDamaged] for a journal that is not as it was written.
func (f *Follower) Next() ([]News, error) {
	entries, err := os.ReadDir(filepath.Join(f.dir, journalDir))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	var all []News
	for _, e := range entries { // sorted by name
		name, ok := strings.CutSuffix(e.Name(), ".jsonl")
		if !ok || !e.Type().IsRegular() {
			continue
		}
		n, err := f.next(name)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", filepath.Join(f.dir, journalDir, e.Name()), err)
		}
		if len(n.Trials) > 0 || n.Anew {
			all = append(all, n)
		}
	}
	return all, nil
}

// next returns what is new of one search.
func (f *Follower) next(name string) (News, error) {
	n := News{Search: name}
	file, err := os.Open(filepath.Join(f.dir, journalDir, name+".jsonl"))
	if errors.Is(err, os.ErrNotExist) { // gone since it was listed
		return n, nil
	}
	if err != nil {
		return n, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return n, err
	}
	if info.Size() < f.places[name] {
		// Finished lines are never taken back, so somebody has removed the file.
		n.Anew = true
		f.places[name], f.trials[name] = 0, 0
	}
	if info.Size() == f.places[name] {
		return n, nil
	}
	in := bufio.NewReader(io.NewSectionReader(file, f.places[name], mostNews))
	for {
		text, err := in.ReadBytes('\n')
		if errors.Is(err, io.EOF) { // a line without its end is not finished
			return n, nil
		}
		if err != nil {
			return n, err
		}
		t, ok := glance(text)
		if !ok || t.Number != f.trials[name] {
			return n, fmt.Errorf("%w: line %d is not as it was written", ErrDamaged, f.trials[name]+1)
		}
		n.Trials = append(n.Trials, t)
		f.places[name] += int64(len(text))
		f.trials[name]++
	}
}

// glance reads a line of a journal, with its end, but for the point: who follows a
// search reads as fast as it writes, and should not take its time. The checksum says
// that the line is as [line] wrote it, so that its form is known.
func glance(text []byte) (t Followed, ok bool) {
	const begin, number, check, end = `{"trial":`, `,`, `,"crc32":"`, "\"}\n"
	rest, ok := bytes.CutSuffix(text, []byte(end))
	at := bytes.LastIndex(rest, []byte(check))
	if !ok || at < 0 {
		return t, false
	}
	body, sum := rest[:at], string(rest[at+len(check):])
	crc := crc32.Update(crc32.ChecksumIEEE(body), crc32.IEEETable, []byte("}"))
	if sum != fmt.Sprintf("%08x", crc) {
		return t, false
	}
	first, ok := bytes.CutPrefix(body, []byte(begin))
	if !ok {
		return t, false
	}
	digits, _, _ := bytes.Cut(first, []byte(number))
	value := bytes.LastIndex(body, []byte(`,"value":`))
	if value < 0 {
		return t, false
	}
	var err, bad error
	t.Number, err = strconv.Atoi(string(digits))
	t.Value, bad = strconv.ParseFloat(string(body[value+len(`,"value":`):]), 64)
	return t, err == nil && bad == nil
}

// Settled reports whether the study in dir has a result, and when it was written.
func Settled(dir string) (at time.Time, ok bool) {
	info, err := os.Stat(filepath.Join(dir, summaryFile))
	if err != nil {
		return time.Time{}, false
	}
	return info.ModTime(), true
}

// IsStudy reports whether the folder dir holds a study.
func IsStudy(dir string) bool {
	info, err := os.Stat(filepath.Join(dir, planFile))
	return err == nil && info.Mode().IsRegular()
}

// Names returns the searches that were told of, sorted.
func (f *Follower) Names() []string { return slices.Sorted(maps.Keys(f.trials)) }
