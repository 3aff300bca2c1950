package studies

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"mixmatch/merge"
	"mixmatch/merge/checkpoint"
	"mixmatch/merge/open"
)

// search finds model i among the files in the lists. It returns nil if it is not
// there.
func (f *Files) search(ctx context.Context, i int) (*merge.Model, error) {
	if err := f.look(); err != nil {
		return nil, err
	}
	var maybe []string
	for _, path := range f.lists {
		info, err := os.Stat(path)
		if err != nil || info.Mode().IsRegular() && info.Size() != f.inputs[i].Size {
			continue
		}
		if same, err := f.maybe(ctx, i, path); err == nil && same {
			maybe = append(maybe, path)
		}
	}
	path, err := f.choose(ctx, i, maybe)
	if path == "" || err != nil {
		return nil, err
	}
	f.note("%s is at %s now", f.inputs[i].Name, path)
	return f.try(ctx, i, path)
}

// look lists what is in the lists, once.
func (f *Files) look() (err error) {
	if f.Look != nil && !f.listed {
		f.lists, err = f.Look()
		f.listed = err == nil
	}
	return err
}

// place finds out which model of the study a file is.
func (f *Files) place(ctx context.Context, path string) error {
	for _, p := range open.Paths(path) {
		if _, err := os.Stat(p); err != nil {
			return err
		}
	}
	var fits []int
	for i := range f.inputs {
		same, err := f.maybe(ctx, i, path)
		if err != nil {
			return err
		}
		if !same || f.given[i] != "" {
			continue
		}
		if f.isFingerprint(i) {
			fits = append(fits, i)
			continue
		}
		switch one, err := f.choose(ctx, i, []string{path}); {
		case err != nil:
			return err
		case one != "":
			fits = append(fits, i)
		}
	}
	if named := slices.DeleteFunc(slices.Clone(fits), func(i int) bool { return !f.sameName(i, path) }); len(named) == 1 {
		fits = named
	}
	switch len(fits) {
	case 0:
		return fmt.Errorf("%w: %s is none of the models of the study, by its content", ErrChanged, path)
	case 1:
		f.given[fits[0]] = path
		return nil
	}
	return fmt.Errorf("%w: %s may be %s or %s: say which with --source NAME=PATH", ErrInvalid, path, f.inputs[fits[0]].Name, f.inputs[fits[1]].Name)
}

// maybe reports whether the file at path may be model i, as far as a moment tells.
func (f *Files) maybe(ctx context.Context, i int, path string) (bool, error) {
	if f.isFingerprint(i) {
		return f.maybeFingerprint(ctx, i, path)
	}
	m, err := merge.OpenSource(f.inputs[i].Name, path)
	if errors.Is(err, checkpoint.ErrFormat) || errors.Is(err, merge.ErrMismatch) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer m.Close()
	now, err := stamp(m)
	if err != nil {
		return false, err
	}
	return f.inputs[i].resembles(m, &now)
}

// choose returns the one of the files that is model i, of those that may be, or "".
// Where no content is known and no sample, the name must tell.
func (f *Files) choose(ctx context.Context, i int, maybe []string) (string, error) {
	slices.SortStableFunc(maybe, func(a, b string) int {
		switch x, y := f.sameName(i, a), f.sameName(i, b); {
		case x == y:
			return 0
		case x:
			return -1
		}
		return 1
	})
	known, err := f.contents()
	if err != nil {
		return "", err
	}
	if known != nil && known.Contents != nil {
		for _, path := range maybe {
			m, err := f.try(ctx, i, path)
			if errors.Is(err, ErrChanged) {
				continue
			}
			if err != nil {
				return "", err
			}
			m.Close()
			return path, nil
		}
		return "", nil
	}
	if len(maybe) > 1 && f.inputs[i].Sample == "" && (!f.sameName(i, maybe[0]) || f.sameName(i, maybe[1])) {
		var names []string
		for _, path := range maybe[:2] {
			names = append(names, filepath.ToSlash(path))
		}
		return "", fmt.Errorf("%w: more than one file may be %s, such as %s: %s", ErrChanged, f.inputs[i].Name, strings.Join(names, " and "), f.advice(i))
	}
	if len(maybe) == 0 {
		return "", nil
	}
	return maybe[0], nil
}
