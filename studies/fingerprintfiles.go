package studies

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"mixmatch/merge"
	"mixmatch/merge/checkpoint"
	"mixmatch/merge/recipe"
	"mixmatch/similarity/fingerprint"
)

// ErrFingerprint is wrapped where the file of a model is wanted of which the study has a
// fingerprint alone.
var ErrFingerprint = errors.New("only a fingerprint is there")

// isPrint reports whether the file at path begins as a fingerprint does. Of one
// that cannot be read it is not known to.
func isPrint(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	start := make([]byte, 8)
	_, err = io.ReadFull(f, start)
	return err == nil && fingerprint.Is(start)
}

// isFingerprint reports whether the study has a fingerprint of model i.
func (f *Files) isFingerprint(i int) bool { return f.inputs[i].Fingerprint != "" }

// wants is the error where the file of model i is asked for.
func (f *Files) wants(i int) error {
	return fmt.Errorf("%w of %s, and its file is needed: %s", ErrFingerprint, f.inputs[i].Name, f.advice(i))
}

// candidates returns where the file of model i, of which the study has a fingerprint, may
// be: where it was said to be, or was found before.
func (f *Files) candidates(i int) []string {
	if path := f.given[i]; path != "" && !isPrint(path) {
		return []string{path}
	}
	var paths []string
	for _, in := range []*Input{&f.known[i], &f.places[i]} {
		if in.Path != "" && in.Fingerprint == "" {
			paths = append(paths, in.Path)
		}
	}
	return paths
}

// openBehind opens the file of model i, of which the study has a fingerprint.
func (f *Files) openBehind(ctx context.Context, i int) (*merge.Model, error) {
	for _, path := range f.candidates(i) {
		m, err := f.try(ctx, i, path)
		if err == nil || f.given[i] == path {
			return m, err
		}
		if !isAbsent(err) && !errors.Is(err, ErrChanged) { // then it is the fingerprint's turn again
			return nil, err
		}
	}
	if f.given[i] != "" {
		return nil, f.wants(i)
	}
	// Only what is called as the model is read for its content.
	if err := f.look(); err != nil {
		return nil, err
	}
	for _, path := range f.lists {
		if isPrint(path) || !strings.EqualFold(recipe.NameOf(filepath.Base(path)), f.inputs[i].Name) {
			continue
		}
		m, err := f.try(ctx, i, path)
		if err == nil {
			f.note("%s is at %s", f.inputs[i].Name, path)
			return m, nil
		}
		if !isAbsent(err) && !errors.Is(err, ErrChanged) {
			return nil, err
		}
	}
	return nil, f.wants(i)
}

func isAbsent(err error) bool {
	return errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
}

// checkFingerprint returns an error unless the fingerprint of model i, or a file with the
// content that it is of, is there. The error is as that of [Files.open].
func (f *Files) checkFingerprint(ctx context.Context, i int) error {
	m, err := f.openBehind(ctx, i)
	if err == nil {
		return m.Close()
	}
	if !errors.Is(err, ErrFingerprint) {
		return err
	}
	_, _, err = f.fingerprint(i)
	return err
}

// fingerprint reads the fingerprint that the study has of model i, and says where it is.
// The error wraps [ErrChanged] if it is another, or gone.
func (f *Files) fingerprint(i int) (p *fingerprint.Fingerprint, path string, err error) {
	paths := []string{f.places[i].Path, f.inputs[i].Path}
	if f.places[i].Fingerprint == "" { // where the model's file is
		paths = paths[1:]
	}
	if given := f.given[i]; given != "" && isPrint(given) {
		paths = []string{given}
	}
	for _, path := range paths {
		p, err := fingerprint.Open(path)
		if isAbsent(err) {
			continue
		}
		if errors.Is(err, fingerprint.ErrDamaged) {
			return nil, "", fmt.Errorf("%w: %w: put the one back that was there, or %s", ErrChanged, err, f.advice(i))
		}
		if err != nil {
			return nil, "", err
		}
		now, err := stampFingerprint(f.inputs[i].Name, path, p)
		if err != nil {
			return nil, "", err
		}
		if now.Header != f.inputs[i].Header {
			return nil, "", f.differs(i, path, "")
		}
		if f.known[i].Path == "" {
			f.known[i] = now
		}
		return p, path, nil
	}
	return nil, "", f.lost(i)
}

// compareFingerprint is compare for a file that is to have the content of a fingerprint.
func (f *Files) compareFingerprint(ctx context.Context, i int, m *merge.Model, now *Input) error {
	content, err := f.contentOf(ctx, i, m)
	if err != nil {
		return err
	}
	if content != f.inputs[i].Fingerprint {
		return fmt.Errorf("%w: %s is not the model that the fingerprint of %s is of: %s", ErrChanged, now.Path, f.inputs[i].Name, f.advice(i))
	}
	return nil
}

// contentOf returns the content of m, which may be model i. It reads the file once,
// however many models it may be.
func (f *Files) contentOf(ctx context.Context, i int, m *merge.Model) (string, error) {
	now := m.File.Stamp()
	if c, ok := f.contentsOf[m.File.Path()]; ok && c.stamp == now {
		return c.content, nil
	}
	var done int64
	content, err := m.File.Content(ctx, nil, func(n int64) {
		if done += n; f.Checking != nil {
			f.Checking(f.inputs[i].Name, done, m.File.Size())
		}
	})
	if err == nil {
		if f.contentsOf == nil {
			f.contentsOf = map[string]stampedContent{}
		}
		f.contentsOf[m.File.Path()] = stampedContent{now, content}
	}
	return content, err
}

// A stampedContent is the content of a file as it was.
type stampedContent struct {
	stamp   checkpoint.Stamp
	content string
}

// maybeFingerprint reports whether the file at path is the fingerprint of model i, or the
// file that it was made of.
func (f *Files) maybeFingerprint(ctx context.Context, i int, path string) (bool, error) {
	if isPrint(path) {
		p, err := fingerprint.Open(path)
		if err != nil {
			return false, err
		}
		digest, err := digestOf(p)
		return digest == f.inputs[i].Header, err
	}
	m, err := f.try(ctx, i, path)
	if errors.Is(err, ErrChanged) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, m.Close()
}

// Given returns a source as one that another study may begin with: its file or, where
// that is not there, the fingerprint that the study has. The caller closes it.
func (f *Files) Given(ctx context.Context, name string) (*Given, error) {
	return f.givenOf(ctx, slices.Index(f.Names(), name))
}

// GivenTarget is Given for the target.
func (f *Files) GivenTarget(ctx context.Context) (*Given, error) {
	return f.givenOf(ctx, len(f.inputs)-1)
}

func (f *Files) givenOf(ctx context.Context, i int) (*Given, error) {
	m, err := f.open(ctx, i, true)
	if err == nil {
		return FileOf(m), nil
	}
	if !errors.Is(err, ErrFingerprint) {
		return nil, err
	}
	p, path, err := f.fingerprint(i)
	if err != nil {
		return nil, err
	}
	return FingerprintOf(f.inputs[i].Name, path, p), nil
}
