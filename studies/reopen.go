package studies

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
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
	path := filepath.Join(dir, productsFile)
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("%s: %w: go on with \"resume\"", dir, ErrPending)
	}
	if err != nil {
		return nil, err
	}
	g, err := similarity.ReadGram(bytes.NewReader(text))
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %w: delete it to have it made again", path, ErrDamaged, err)
	}
	p, err := peek(dir)
	if err != nil {
		return nil, err
	}
	if !slices.Equal(g.Names, p.names()) {
		return nil, fmt.Errorf("%s: %w: it is of other models: delete it to have it made again", path, ErrDamaged)
	}
	return g, nil
}
