package main

import (
	"fmt"
	"os"
	"path/filepath"
)

// limit is how much may lie in the folder of temporaries at once.
const limit = 10e9

// A scratch is the folder of all temporaries. It is removed at the end, also when the
// run is interrupted.
type scratch struct {
	dir  string
	used map[string]int64 // by name, bytes planned
}

func newScratch(parent string) (*scratch, error) {
	dir, err := os.MkdirTemp(parent, "mixmatch-bench-")
	if err != nil {
		return nil, err
	}
	return &scratch{dir, map[string]int64{}}, nil
}

func (s *scratch) path(name string) string { return filepath.Join(s.dir, name) }

// folder makes a folder that is to hold so many bytes at most.
func (s *scratch) folder(name string, bytes int64) (string, error) {
	sum := bytes
	for _, n := range s.used {
		sum += n
	}
	if sum > limit {
		return "", fmt.Errorf("%s: %d MB of temporaries, more than the %d MB allowed", name, sum/1e6, int64(limit/1e6))
	}
	s.used[name] = bytes
	return s.path(name), os.MkdirAll(s.path(name), 0o777)
}

// drop removes a folder or a file.
func (s *scratch) drop(name string) error {
	delete(s.used, name)
	return os.RemoveAll(s.path(name))
}

func (s *scratch) remove() error { return os.RemoveAll(s.dir) }
