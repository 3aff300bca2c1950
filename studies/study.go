// Package studies runs searches for a recipe and keeps them on disk.
//
// A study is a directory that a person can read: the plan, the inner products
// of the files, the recipe with holes, a journal for each search, and what
// came of it. The plan never changes and the journals only grow, so resuming is
// reading both again and carrying on: a study that was killed and resumed is,
// trial for trial, the study that was not.
//
//	plan.json       what is searched, and the files it is searched in
//	products.jsonl  the inner products, one tensor a line
//	recipe.txt      the recipe with holes
//	journal/        one file a search, one finished trial a line
//	best.txt        the recipe found, in SuperMerger's notation
//	summary.json    everything the run found out; report.txt says it in words
package studies

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"unicode/utf8"

	"github.com/gofrs/flock"

	"mixmatch/merge"
	"mixmatch/merge/block"
	"mixmatch/merge/checkpoint"
	"mixmatch/merge/recipe"
	"mixmatch/similarity"
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
	productsFile = "products.jsonl"
	recipeFile   = "recipe.txt"
	journalDir   = "journal"
	bestFile     = "best.txt"
	summaryFile  = "summary.json"
	lockFile     = "lock"
)

// A Study is an open study. Only one process at a time holds one.
type Study struct {
	Dir  string
	Plan Plan

	lock *flock.Flock
}

// A Config is what [Create] makes a plan of.
type Config struct {
	Target  *merge.Model
	Sources []*merge.Model // without the base, unless it is one of them
	Base    *merge.Model   // nil for none
	Plan    Plan           // the settings; its inputs are filled in
}

// Create starts a study in dir, which must not hold one. Nothing is written
// before the models are known to fit together.
func Create(dir string, c Config) (*Study, error) {
	models, err := c.models()
	if err != nil {
		return nil, err
	}
	p := c.Plan
	p.Format = planFormat
	p.Sources = nil
	for _, m := range models {
		in, err := input(m)
		if err != nil {
			return nil, err
		}
		p.Sources = append(p.Sources, in)
	}
	if p.Target, err = input(c.Target); err != nil {
		return nil, err
	}
	if c.Base != nil {
		p.Base = c.Base.Name
	}
	if err := p.Check(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	if p.Era != "" {
		if _, err := block.For(c.Target.Kind.Arch, p.Era); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
		}
	}
	if p.Template != "" {
		if _, err := parseTemplate(&p, c.Target.Kind.Arch, p.Era); err != nil {
			return nil, err
		}
	}
	if err := vacant(dir); err != nil {
		return nil, err
	}
	if entries, err := os.ReadDir(dir); err == nil && len(entries) > 0 && !onlyOurs(entries) {
		return nil, fmt.Errorf("%s: %w: the folder holds other files; choose a new one", dir, ErrInvalid)
	}
	if err := os.MkdirAll(filepath.Join(dir, journalDir), 0o755); err != nil {
		return nil, err
	}
	s := &Study{Dir: dir, Plan: p}
	if err := s.acquire(); err != nil {
		return nil, err
	}
	if err := vacant(dir); err != nil { // somebody was quicker
		s.Close()
		return nil, err
	}
	if err := writePlan(s.path(planFile), &p); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// vacant returns an error if there is a study in dir.
func vacant(dir string) error {
	if _, err := os.Stat(filepath.Join(dir, planFile)); err == nil {
		return fmt.Errorf("%s: %w: go on with \"resume\", or choose another folder", dir, ErrExists)
	}
	return nil
}

// onlyOurs reports whether entries are what a study leaves that was cut short
// before it had a plan.
func onlyOurs(entries []os.DirEntry) bool {
	for _, e := range entries {
		n := e.Name()
		if n != journalDir && n != lockFile && !strings.HasPrefix(n, "."+planFile) {
			return false
		}
	}
	return true
}

// models returns the sources, after checking that they can be told apart and
// fit together. The first, from which the others are measured, is the base if
// there is one, unless it lacks a part that another has.
func (c *Config) models() ([]*merge.Model, error) {
	var models []*merge.Model
	if c.Base != nil {
		models = append(models, c.Base)
	}
	for _, m := range c.Sources {
		if m != c.Base {
			models = append(models, m)
		}
	}
	if len(models) == 0 {
		return nil, fmt.Errorf("%w: no sources", ErrInvalid)
	}
	for i, m := range models {
		if merge.SameFile(m.File.Path(), c.Target.File.Path()) {
			return nil, fmt.Errorf("%w: %s is both: leave out --source %s", errTarget, m.File.Path(), m.Name)
		}
		for _, o := range models[:i] {
			if merge.SameFile(m.File.Path(), o.File.Path()) {
				return nil, fmt.Errorf("%w: %s and %s are both %s", errTwice, o.Name, m.Name, m.File.Path())
			}
			if m.Name == o.Name {
				return nil, fmt.Errorf("%w: %q; rename one with --source NAME=PATH", errNames, m.Name)
			}
		}
	}
	parts := func(m *merge.Model) (n int) {
		for _, p := range []block.Part{block.TextEncoder, block.VAE} {
			if m.Has(p) {
				n++
			}
		}
		return n
	}
	slices.SortStableFunc(models, func(a, b *merge.Model) int { return parts(b) - parts(a) })
	_, err := merge.NewPool(append([]*merge.Model{c.Target}, models...))
	return models, err
}

// Open opens the study in dir to carry on with it.
func Open(dir string) (*Study, error) {
	p, err := peek(dir)
	if err != nil {
		return nil, err
	}
	s := &Study{Dir: dir, Plan: *p}
	return s, s.acquire()
}

// peek reads a study's plan.
func peek(dir string) (*Plan, error) {
	p, err := readPlan(filepath.Join(dir, planFile))
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return nil, fmt.Errorf("%s: %w: start one with \"optimize\"", dir, ErrMissing)
	}
	return p, err
}

// acquire takes the study's lock, which ends with the process, however it ends.
func (s *Study) acquire() error {
	l := flock.New(s.path(lockFile))
	ok, err := l.TryLock()
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
	if _, err := os.Stat(s.path(productsFile)); err == nil {
		return s.Close()
	}
	err := errors.Join(os.Remove(s.path(planFile)), os.Remove(s.path(journalDir)), s.Close(), os.Remove(s.path(lockFile)))
	_ = os.Remove(s.Dir) // unless there is something else in it
	return err
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

// models opens the study's sources, as a pool, and its target.
func (s *Study) models() (pool *merge.Pool, target *merge.Model, err error) {
	var models []*merge.Model
	defer func() {
		if err != nil {
			closeAll(models)
		}
	}()
	for _, in := range s.Plan.inputs() {
		m, err := in.Open()
		if err != nil {
			return nil, nil, err
		}
		models = append(models, m)
	}
	target = models[len(models)-1]
	pool, err = merge.NewPool(models[:len(models)-1])
	return pool, target, err
}

func closeAll(models []*merge.Model) {
	for _, m := range models {
		m.Close()
	}
}

// products returns the inner products, from the study if it has them and from
// the files if not. In either case the files must be what they were.
func (s *Study) products(ctx context.Context, threads int, progress func(done, total int64)) (*similarity.Gram, block.Model, error) {
	pool, target, err := s.models()
	if err != nil {
		return nil, block.Model{}, err
	}
	defer closeAll(append([]*merge.Model{target}, pool.Models...))
	text, err := os.ReadFile(s.path(productsFile))
	if err == nil {
		g, err := similarity.ReadGram(bytes.NewReader(text))
		if err != nil {
			return nil, pool.Kind, fmt.Errorf("%s: %w: %w: delete it to have it made again", s.path(productsFile), ErrDamaged, err)
		}
		if !slices.Equal(g.Names, s.Plan.names()) {
			return nil, pool.Kind, fmt.Errorf("%s: %w: it is of other models: delete it to have it made again", s.path(productsFile), ErrDamaged)
		}
		return g, pool.Kind, nil
	}
	if !errors.Is(err, os.ErrNotExist) {
		return nil, pool.Kind, err
	}
	g, err := similarity.Measure(ctx, pool, target, threads, progress)
	if errors.Is(err, checkpoint.ErrChanged) {
		err = fmt.Errorf("%w: %w", ErrChanged, err)
	}
	if err != nil {
		return nil, pool.Kind, err
	}
	var out bytes.Buffer
	if _, err := g.WriteTo(&out); err != nil {
		return nil, pool.Kind, err
	}
	return g, pool.Kind, checkpoint.WriteFileAtomic(s.path(productsFile), out.Bytes())
}

// parseTemplate reads the plan's recipe with holes and checks its names. The
// era matters for the layout only, so any will do before it is known.
func parseTemplate(p *Plan, arch block.Arch, era block.Era) (*recipe.Recipe, error) {
	if era == "" {
		era = block.Eras()[0]
	}
	l, err := block.For(arch, era)
	if err != nil {
		return nil, err
	}
	if !utf8.ValidString(p.Template) {
		return nil, fmt.Errorf("recipe: %w", invalid{errors.New("it is not UTF-8 text")})
	}
	r, err := recipe.Parse(l, p.Template, recipe.Options{})
	if err != nil {
		return nil, fmt.Errorf("recipe: %w", invalid{err})
	}
	if err := r.Resolve(p.names()); err != nil {
		return nil, fmt.Errorf("recipe: %w", invalid{err})
	}
	if !r.Linear() {
		if err := merge.Rehearsable(r, era); err != nil {
			return nil, fmt.Errorf("recipe: %w", invalid{err})
		}
	}
	return r, nil
}
