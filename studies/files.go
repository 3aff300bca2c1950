package studies

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"mixmatch/merge"
	"mixmatch/merge/checkpoint"
	"mixmatch/similarity"
)

// Files are the models of a study: what they were when it began, and where they
// are now. One that was moved or touched is known again by its content, which is read
// for that; one with other content is refused.
type Files struct {
	Note     func(text string)                    // told what is assumed, if not nil
	Checking func(name string, done, total int64) // told of bytes read to know a file again, if not nil

	// Look, if not nil, lists files that may be models of the study, those in some
	// folder, say. It is asked once, if a model is not where it was.
	Look func() ([]string, error)

	study  *Study
	inputs []Input // as they were; the target last
	places []Input // as they were found in an earlier run; no path where they were not
	known  []Input // as they were found by this process, likewise
	given  []string
	loose  []string // given without a name
	spare  bool     // all is known: one that has changed is told and left, as one that is gone, unless it was given
	listed bool     // by Look
	lists  []string
	gram   *similarity.Gram

	contentsOf map[string]stampedContent // of files that were read to know them, by path
}

// OpenFiles returns the files of the study in dir. None is opened yet.
func OpenFiles(dir string) (*Files, error) {
	p, err := peek(dir)
	if err != nil {
		return nil, err
	}
	return (&Study{Dir: dir, Plan: *p}).newFiles()
}

func (s *Study) newFiles() (*Files, error) {
	f := &Files{study: s, inputs: s.Plan.inputs()}
	f.known, f.given = make([]Input, len(f.inputs)), make([]string, len(f.inputs))
	var err error
	f.places, err = s.readPlaces()
	return f, err
}

// Dir returns the study's folder.
func (f *Files) Dir() string { return f.study.Dir }

// Plan returns the study's plan.
func (f *Files) Plan() Plan { return f.study.Plan }

// Names returns the names of the sources.
func (f *Files) Names() []string { return f.study.Plan.names() }

// Give says where a source is now.
func (f *Files) Give(name, path string) error {
	i := slices.Index(f.Names(), name)
	if i < 0 {
		return fmt.Errorf("%w: the study has no source %q: it has %s", ErrInvalid, name, strings.Join(f.Names(), ", "))
	}
	f.given[i] = path
	return nil
}

// GiveTarget says where the target is now.
func (f *Files) GiveTarget(path string) { f.given[len(f.given)-1] = path }

// GiveAny says where some model of the study is now; which, its content tells.
func (f *Files) GiveAny(path string) { f.loose = append(f.loose, path) }

// Path returns where the file of a source was when it was looked at last; "" if there is
// a fingerprint of it alone.
func (f *Files) Path(name string) string {
	i := slices.Index(f.Names(), name)
	at := &f.inputs[i]
	if f.places[i].Path != "" {
		at = &f.places[i]
	}
	if at.Fingerprint != "" {
		return ""
	}
	return at.Path
}

// Source opens a source. The error wraps [ErrChanged] if it is not found.
func (f *Files) Source(ctx context.Context, name string) (*merge.Model, error) {
	return f.open(ctx, slices.Index(f.Names(), name), true)
}

// Target opens the target. The error wraps [ErrChanged] if it is not found.
func (f *Files) Target(ctx context.Context) (*merge.Model, error) {
	return f.open(ctx, len(f.inputs)-1, true)
}

// Models opens the sources, as a pool, and the target. The caller closes them.
func (f *Files) Models(ctx context.Context) (*merge.Pool, *merge.Model, error) {
	pool, targets, err := openTogether(ctx, []*Files{f})
	if err != nil {
		return nil, nil, err
	}
	return pool, targets[0], nil
}

func closeModels(models []*merge.Model) {
	for _, m := range models {
		m.Close()
	}
}

// Check looks at the files that were given, and at those that are where they were:
// they must have the content that they had. Nothing is wrong with one that is gone.
func (f *Files) Check(ctx context.Context) error {
	for i := range f.inputs {
		err := f.check(ctx, i, false)
		if errors.Is(err, ErrChanged) && f.Look != nil && f.given[i] == "" && !isGone(err) {
			err = f.check(ctx, i, true)
		}
		switch {
		case err == nil:
		case f.spare && f.given[i] == "" && errors.Is(err, ErrChanged) && !isGone(err):
			f.note("%v; what was read of it before is taken", err)
		case !isGone(err):
			return err
		}
	}
	return nil
}

// gone returns the names of the models that are not found, or have changed where that
// is no error.
func (f *Files) gone(ctx context.Context) ([]string, error) {
	var names []string
	for i := range f.inputs {
		m, err := f.open(ctx, i, true)
		switch {
		case err == nil:
			m.Close()
		case isGone(err), f.spare && f.given[i] == "" && errors.Is(err, ErrChanged):
			names = append(names, f.inputs[i].Name)
		default:
			return nil, err
		}
	}
	return names, nil
}

// CheckSource is Check for one source, which must not be gone.
func (f *Files) CheckSource(ctx context.Context, name string) error {
	return f.check(ctx, slices.Index(f.Names(), name), true)
}

// check returns an error unless model i is there and as it was.
func (f *Files) check(ctx context.Context, i int, search bool) error {
	if err := f.placeLoose(ctx); err != nil {
		return err
	}
	if f.isFingerprint(i) {
		return f.checkFingerprint(ctx, i)
	}
	m, err := f.open(ctx, i, search)
	if err != nil {
		return err
	}
	return m.Close()
}

// placeLoose finds out which models the files are that were given without a name.
func (f *Files) placeLoose(ctx context.Context) error {
	for len(f.loose) > 0 {
		if err := f.place(ctx, f.loose[0]); err != nil {
			return err
		}
		f.loose = f.loose[1:]
	}
	return nil
}

// open opens model i, wherever it is. Lists are searched only if that is asked for. The
// error wraps [ErrFingerprint] if the study has a fingerprint of it alone.
func (f *Files) open(ctx context.Context, i int, search bool) (*merge.Model, error) {
	if err := f.placeLoose(ctx); err != nil {
		return nil, err
	}
	if f.isFingerprint(i) {
		return f.openBehind(ctx, i)
	}
	if path := f.given[i]; path != "" {
		return f.try(ctx, i, path)
	}
	var changed error
	for _, path := range []string{f.known[i].Path, f.places[i].Path, f.inputs[i].Path} {
		if path == "" {
			continue
		}
		m, err := f.try(ctx, i, path)
		switch {
		case err == nil:
			return m, nil
		case errors.Is(err, os.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
		case errors.Is(err, ErrChanged):
			changed = err
		default:
			return nil, err
		}
	}
	if search {
		if m, err := f.search(ctx, i); m != nil || err != nil {
			return m, err
		}
	}
	if changed != nil {
		return nil, changed
	}
	return nil, f.lost(i)
}

// try opens model i at path, if that has its content.
func (f *Files) try(ctx context.Context, i int, path string) (*merge.Model, error) {
	m, err := merge.OpenSource(f.inputs[i].Name, path)
	if errors.Is(err, checkpoint.ErrFormat) || errors.Is(err, merge.ErrMismatch) {
		return nil, fmt.Errorf("%w: %w", ErrChanged, err)
	}
	if err != nil {
		return nil, err
	}
	if err := f.recognise(ctx, i, m); err != nil {
		m.Close()
		return nil, err
	}
	return m, nil
}

// A lost is an [ErrChanged]: what is to be done about a file that is gone.
type lost string

func (l lost) Error() string { return string(l) }
func (l lost) Unwrap() error { return ErrChanged }

func isGone(err error) bool {
	var l lost
	return errors.As(err, &l)
}

// lost is the error for model i, which is found nowhere.
func (f *Files) lost(i int) error {
	text := fmt.Sprintf("%v: %s is gone: put it back, or %s", ErrChanged, f.inputs[i].Path, f.advice(i))
	if f.listed {
		text = fmt.Sprintf("%v: %s is gone, and nothing with its content is where you said to look: %s", ErrChanged, f.inputs[i].Path, f.advice(i))
	}
	return lost(text)
}

// advice says how to tell where model i is.
func (f *Files) advice(i int) string {
	if i == len(f.inputs)-1 {
		return "say where it is with --target PATH or --models FOLDER"
	}
	return fmt.Sprintf("say where it is with --source %s=PATH or --models FOLDER", f.inputs[i].Name)
}

// note says what is assumed.
func (f *Files) note(format string, args ...any) {
	if f.Note != nil {
		f.Note(fmt.Sprintf(format, args...))
	}
}

// sameName reports whether a file at path is called as model i was.
func (f *Files) sameName(i int, path string) bool {
	return strings.EqualFold(filepath.Base(path), filepath.Base(f.inputs[i].Path))
}
