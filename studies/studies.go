// Package studies runs searches for a recipe and keeps them on disk.
//
// A study is a directory that a person can read: the plan, the inner products
// of the files, the recipe with holes, a journal for each search, and what
// came of it. The plan never changes and the journals only grow, so resuming is
// reading both again and carrying on: a study that was killed and resumed is,
// trial for trial, the study that was not.
//
//	plan.json       what is searched, and the files it is searched in
//	products.bin    the inner products; docs/products.md tells their format
//	reading.bin     those that there are while the files are being read
//	known.bin       those of an earlier study that are taken over, until then;
//	                known-sources.bin if it was of another target
//	fingerprints/   copies of fingerprints from a library; fingerprints.json has
//	                what fingerprints tell beside products
//	recipe.txt      the recipe with holes
//	journal/        one file a search, one finished trial a line
//	readings.json   what was read from the files for the recipe found
//	places.json     where models were found that were moved
//	best.txt        the recipe found, in SuperMerger's notation
//	summary.json    everything the run found out; report.txt says it in words
//	lock            held by the process that works on it
package studies

import (
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/gofrs/flock"
)

// Errors that a user can do something about. Each is wrapped by errors that
// say which file and what to do.
var (
	ErrMissing = errors.New("no study there")                              // nothing to resume
	ErrDamaged = errors.New("damaged study")                               // a file of the study is not as it was written
	ErrLocked  = errors.New("study in use")                                // another process runs it
	ErrChanged = errors.New("inputs changed since the study began")        // a model file is gone or different
	ErrExists  = errors.New("study exists")                                // Create found one
	ErrInvalid = errors.New("not a plan that can be run")                  // settings contradict each other or the files
	ErrPending = errors.New("study not finished")                          // no result yet
	errTwice   = fmt.Errorf("%w: one file is given twice", ErrInvalid)     // the same model under two names
	errNames   = fmt.Errorf("%w: two models have one name", ErrInvalid)    // a recipe could not tell them apart
	errTarget  = fmt.Errorf("%w: the target is also a source", ErrInvalid) // nothing to find
)

// An invalid is an [ErrInvalid] that says no more than what is wrong.
type invalid struct{ error }

func (e invalid) Unwrap() []error { return []error{e.error, ErrInvalid} }

const (
	planFile     = "plan.json"
	productsFile = "products.bin"
	readingFile  = "reading.bin"
	knownFile    = "known.bin"
	recipeFile   = "recipe.txt"
	journalDir   = "journal"
	readingsFile = "readings.json"
	placesFile   = "places.json"
	bestFile     = "best.txt"
	summaryFile  = "summary.json"
	reportFile   = "report.txt" // written by cmd
	lockFile     = "lock"

	// As known.bin, but the target is another one.
	knownSourcesFile = "known-sources.bin"
)

// former returns what a file of products was called when studies kept JSON lines.
func former(name string) string { return strings.TrimSuffix(name, ".bin") + ".jsonl" }

// A Study is an open study. Only one process at a time holds one.
type Study struct {
	Dir   string
	Plan  Plan
	Files *Files

	lock *flock.Flock
}

// Open opens the study in dir to carry on with it.
func Open(dir string) (*Study, error) {
	p, err := peek(dir)
	if err != nil {
		return nil, err
	}
	s := &Study{Dir: dir, Plan: *p}
	if s.Files, err = s.newFiles(); err != nil {
		return nil, err
	}
	return s, s.acquire()
}

// peek reads a study's plan.
func peek(dir string) (*Plan, error) {
	p, err := readPlan(filepath.Join(dir, planFile))
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		if members := Members(dir); members != nil {
			return nil, fmt.Errorf("%s: %w itself, but the studies %s in it: name one of them", dir, ErrMissing, strings.Join(members, ", "))
		}
		return nil, fmt.Errorf("%s: %w: start one with \"optimize\"", dir, ErrMissing)
	}
	return p, err
}

// acquire takes the study's lock, which ends with the process, however it ends.
func (s *Study) acquire() error {
	l := flock.New(s.path(lockFile))
	ok, err := l.TryLock()
	if err == nil && !ok { // somebody may only look whether anybody works on it: see Running
		time.Sleep(50 * time.Millisecond)
		ok, err = l.TryLock()
	}
	if err != nil {
		return err
	}
	if !ok {
		return fmt.Errorf("%s: %w by another process: wait for it or stop it", s.Dir, ErrLocked)
	}
	s.lock = l
	return nil
}

// Discard removes a study that came to nothing: one whose models turned out, on
// reading them, not to fit the search. A study with inner products stays.
func (s *Study) Discard() error {
	if has, err := s.hasProducts(); has || err != nil {
		return errors.Join(err, s.Close())
	}
	return s.remove()
}

// remove removes a study that has done nothing yet.
func (s *Study) remove() error {
	var errs []error
	errs = append(errs, os.RemoveAll(s.path(fingerprintsDir)))
	for _, name := range append([]string{planFile, journalDir, readingFile, former(readingFile)}, leftovers...) {
		if err := os.Remove(s.path(name)); err != nil && !errors.Is(err, os.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	errs = append(errs, s.Close(), os.Remove(s.path(lockFile)))
	_ = os.Remove(s.Dir) // unless there is something else in it
	return errors.Join(errs...)
}

// Close lets go of the study.
func (s *Study) Close() error {
	if s.lock == nil {
		return nil
	}
	return s.lock.Close()
}

// checksum is what the study's own files carry, to show that nobody changed
// them: of v as JSON.
func checksum(v any) (string, error) {
	text, err := json.Marshal(v)
	return fmt.Sprintf("%08x", crc32.ChecksumIEEE(text)), err
}

func (s *Study) path(name string) string { return filepath.Join(s.Dir, name) }
