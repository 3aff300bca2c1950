package main

import (
	"errors"
	"fmt"
	"hash/fnv"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"mixmatch/merge/block"
	"mixmatch/merge/safetext"
	"mixmatch/merge/shelf"
	"mixmatch/similarity/library"
)

// listFiles returns the models, LoRAs and fingerprints that args stand for, each path
// once and sorted: there may be a hundred thousand.
func listFiles(c *cli.Context, args []string) ([]choice, error) {
	var all []choice
	for _, arg := range args {
		name, path := nameAndPath(arg)
		switch {
		case path == "":
			return nil, usage("%s: the path of a model is empty: %q", called(c), arg)
		case library.IsFolder(path):
			return nil, usage("%s: %s is a library: its records are taken over by: mixmatch library merge", called(c), path)
		case !shelf.IsList(path):
			all = append(all, choice{arg: arg})
			continue
		}
		s, err := listed(c, name, path)
		if err != nil {
			return nil, err
		}
		for _, f := range s.Files {
			all = append(all, choice{f, path})
		}
		for _, f := range s.Folders {
			if !slices.Contains(args, f) && !library.IsFolder(f) {
				note(c, fmt.Sprintf("%s is a folder: name it, too, to have the models in it", f))
			}
		}
	}
	// Named ones first, so that it is those that are kept.
	slices.SortStableFunc(all, func(a, b choice) int {
		return strings.Compare(a.list, b.list)
	})
	seen := map[string]bool{}
	all = slices.DeleteFunc(all, func(ch choice) bool {
		_, path := nameAndPath(ch.arg)
		abs, err := filepath.Abs(path)
		if err != nil {
			return false
		}
		twice := seen[abs]
		seen[abs] = true
		return twice
	})
	slices.SortStableFunc(all, func(a, b choice) int { return strings.Compare(a.arg, b.arg) })
	return all, nil
}

// A shard is a part of some files: those whose names have the remainder i by n.
type shard struct{ i, n uint64 }

// parseShard reads I/N.
func parseShard(c *cli.Context, text string) (shard, error) {
	if text == "" {
		return shard{0, 1}, nil
	}
	i, n, ok := strings.Cut(text, "/")
	a, err1 := strconv.ParseUint(i, 10, 32)
	b, err2 := strconv.ParseUint(n, 10, 32)
	switch {
	case !ok || err1 != nil || err2 != nil || b == 0:
		return shard{}, usage("%s: --shard %s: give two numbers, such as 0/8, the first of eight parts", called(c), text)
	case a >= b:
		return shard{}, usage("%s: --shard %s: parts are counted from 0, so that the last is %d/%d", called(c), text, b-1, b)
	}
	return shard{a, b}, nil
}

// has reports whether the model at path is in the part. That follows from its name and
// that of its folder alone, so that machines agree whose paths differ, and while files
// come and go.
func (s shard) has(path string) bool {
	if abs, err := filepath.Abs(path); err == nil {
		path = abs
	}
	h := fnv.New64a()
	h.Write([]byte(filepath.Base(filepath.Dir(path)) + "/" + filepath.Base(path)))
	sum := h.Sum64()
	return (sum^sum>>32)%s.n == s.i
}

// A tally counts what becomes of files.
type tally struct {
	c      *cli.Context
	failed int
	first  error    // of those that failed
	passed []string // in lists, that are none that is asked for
}

// problem says what is wrong with a file, or notes that it is passed over. It returns
// an error that ends it all: that somebody stopped it.
func (t *tally) problem(ch choice, err error) error {
	if stop := t.c.Err(); stop != nil {
		return stop
	}
	_, path := nameAndPath(ch.arg)
	if ch.list != "" && errors.Is(err, block.ErrModel) {
		t.passed = append(t.passed, reason(path, err))
		return nil
	}
	fmt.Fprintf(os.Stderr, "note: %s; it is left out\n", safetext.Line(reason(path, err))) // also with --quiet
	if t.failed++; t.first == nil {
		t.first = err
	}
	return nil
}

// A partError is of some of many files; what is wrong with each has been said.
type partError struct {
	text  string
	first error
}

func (e partError) Error() string { return e.text }
func (e partError) Unwrap() error { return e.first }

// end says what was passed over, and returns an error if files failed. Done says what
// came of the others.
func (t *tally) end(of int, done string) error {
	sayPassed(t.c, t.passed)
	if t.failed == 0 {
		return nil
	}
	return partError{fmt.Sprintf("%s: %d of %s could not be read, for the reasons above; %s", called(t.c), t.failed, countOf(of, "file", "files"), done), t.first}
}
