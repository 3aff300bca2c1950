package studies

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"slices"

	"mixmatch/merge"
	"mixmatch/similarity"
)

// Models opens the sources and the target of the study in dir, which must be what
// they were. The caller closes them.
func Models(dir string) (pool *merge.Pool, target *merge.Model, err error) {
	p, err := peek(dir)
	if err != nil {
		return nil, nil, err
	}
	return (&Study{Dir: dir, Plan: *p}).models()
}

// Products returns the inner products that the study in dir keeps.
func Products(dir string) (*similarity.Gram, error) {
	p, err := peek(dir)
	if err != nil {
		return nil, err
	}
	g, err := (&Study{Dir: dir, Plan: *p}).kept()
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("%s: %w: go on with \"resume\"", dir, ErrPending)
	}
	return g, err
}

// kept returns the inner products that the study keeps. The error wraps
// [os.ErrNotExist] if it has none yet.
func (s *Study) kept() (*similarity.Gram, error) {
	path := s.path(productsFile)
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	g, err := similarity.ReadGram(bytes.NewReader(text))
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %w: delete it to have it made again", path, ErrDamaged, err)
	}
	if !slices.Equal(g.Names, s.Plan.names()) {
		return nil, fmt.Errorf("%s: %w: it is of other models: delete it to have it made again", path, ErrDamaged)
	}
	return g, nil
}
