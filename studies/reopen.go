package studies

import (
	"context"
	"errors"
	"fmt"
	"os"

	"mixmatch/similarity"
)

// Products returns the inner products that the study in dir keeps.
func Products(dir string) (*similarity.Gram, error) {
	p, err := peek(dir)
	if err != nil {
		return nil, err
	}
	g, err := (&Study{Dir: dir, Plan: *p}).kept(context.Background())
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("%s: %w: go on with \"resume\"", dir, ErrPending)
	}
	return g, err
}
