package studies

import (
	"errors"
	"fmt"
	"os"

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

// models opens the study's sources, as a pool, and its target.
func (s *Study) models() (pool *merge.Pool, target *merge.Model, err error) {
	var models []*merge.Model
	defer func() {
		if err != nil {
			closeModels(models)
		}
	}()
	for _, in := range s.Plan.inputs() {
		m, err := in.Open()
		if err != nil {
			return nil, nil, err
		}
		models = append(models, m)
	}
	shared, err := merge.Shared(models[len(models)-1].Kind, models)
	if err != nil {
		return nil, nil, err
	}
	target = shared[len(shared)-1]
	pool, err = merge.NewPool(shared[:len(shared)-1])
	return pool, target, err
}

func closeModels(models []*merge.Model) {
	for _, m := range models {
		m.Close()
	}
}

// gone returns the names of the models whose files are gone. Those that are there
// must be what they were.
func (s *Study) gone() ([]string, error) {
	var names []string
	for _, in := range s.Plan.inputs() {
		m, err := in.Open()
		var missing gone
		switch {
		case errors.As(err, &missing):
			names = append(names, in.Name)
		case err != nil:
			return nil, err
		default:
			m.Close()
		}
	}
	return names, nil
}
