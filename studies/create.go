package studies

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"mixmatch/merge"
	"mixmatch/merge/block"
)

// A Config is what [Create] makes a plan of.
type Config struct {
	Target  *merge.Model
	Sources []*merge.Model // without the base, unless it is one of them
	Base    *merge.Model   // nil for none
	Plan    Plan           // the settings; its inputs are filled in
	From    *Files         // of a study whose products are taken over, some of whose models these are; nil for none
}

// Create starts a study in dir, which must not hold one. Nothing is written
// before the models are known to fit together.
func Create(dir string, c Config) (*Study, error) {
	inputs, err := c.inputs()
	if err != nil {
		return nil, err
	}
	models, err := c.models()
	if err != nil {
		return nil, err
	}
	p := c.Plan
	p.Format, p.Searches = planFormat, searchVersion
	p.Target, p.Sources = inputs[c.Target], nil
	rows, err := merge.Shared(c.Target.Kind, models) // what is measured
	if err != nil {
		return nil, err
	}
	for _, m := range models {
		in := inputs[m]
		if in.Notes, err = m.LeftOut(rows); err != nil {
			return nil, err
		}
		if c.mixed() {
			in.Variant = m.Kind.Variant
		}
		p.Sources = append(p.Sources, in)
	}
	if c.mixed() {
		p.Target.Variant = c.Target.Kind.Variant
	}
	if c.Base != nil {
		p.Base = c.Base.Name
	}
	if err := p.fit(c.Target.Kind.Arch); err != nil {
		return nil, err
	}
	return begin(dir, p, func(s *Study) error {
		if c.From == nil {
			return nil
		}
		return s.takeOver(c.From)
	})
}

// fit returns an error if the settings are out of range, or nothing for models of arch.
func (p *Plan) fit(arch block.Arch) error {
	if err := p.chooseGroups(arch); err != nil {
		return fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	if err := p.Check(); err != nil {
		return fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	if p.Era != "" {
		if _, err := block.For(arch, p.Era); err != nil {
			return fmt.Errorf("%w: %w", ErrInvalid, err)
		}
	}
	if p.Template != "" {
		_, err := parseTemplate(p, arch, p.Era)
		return err
	}
	return nil
}

// begin makes a study in dir. The plan is written last, behind what fill writes: what
// has none is no study.
func begin(dir string, p Plan, fill func(*Study) error) (*Study, error) {
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
	if err := s.fill(fill); err != nil {
		return nil, errors.Join(err, s.remove())
	}
	return s, nil
}

// fill writes what a study begins with.
func (s *Study) fill(more func(*Study) error) (err error) {
	for _, name := range leftovers { // of one that was cut short
		if err := os.Remove(s.path(name)); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	if err := more(s); err != nil {
		return err
	}
	if s.Files, err = s.newFiles(); err != nil {
		return err
	}
	return writePlan(s.path(planFile), &s.Plan)
}

// inputs describes the models, before LoRAs get the tensors of others.
func (c *Config) inputs() (map[*merge.Model]Input, error) {
	all := map[*merge.Model]Input{}
	for _, m := range append(slices.Clone(c.Sources), c.Target, c.Base) {
		if m == nil {
			continue
		}
		var err error
		if all[m], err = input(m); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// chooseGroups sets the groups to all that arch has, unless some are given, and
// returns an error if those are others.
func (p *Plan) chooseGroups(arch block.Arch) error {
	l, err := block.Default(arch)
	if err != nil {
		return err
	}
	if p.Groups == nil {
		p.Groups = l.Groups()
	}
	for _, g := range p.Groups {
		if !slices.Contains(l.Groups(), g) {
			return fmt.Errorf("unknown group %q: give some of %v", g, l.Groups())
		}
	}
	return nil
}

// vacant returns an error if there is a study in dir.
func vacant(dir string) error {
	if _, err := os.Stat(filepath.Join(dir, planFile)); err == nil {
		return fmt.Errorf("%s: %w: go on with \"resume\", or choose another folder", dir, ErrExists)
	}
	return nil
}

// leftovers are what is written before a plan is.
var leftovers = []string{
	productsFile, readingsFile, placesFile, knownFile, knownSourcesFile,
	former(productsFile), former(knownFile), former(knownSourcesFile),
}

// onlyOurs reports whether entries are what a study leaves that was cut short
// before it had a plan.
func onlyOurs(entries []os.DirEntry) bool {
	ours := append([]string{journalDir, lockFile}, leftovers...)
	return !slices.ContainsFunc(entries, func(e os.DirEntry) bool {
		n := e.Name()
		return !slices.Contains(ours, n) && (!strings.HasPrefix(n, ".") || !strings.Contains(n, ".tmp-"))
	})
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
	slices.SortStableFunc(models, func(a, b *merge.Model) int {
		return cmp.Or(merge.DifferencesLast(a.Difference, b.Difference), parts(b)-parts(a))
	})
	if models[0].Difference {
		return nil, fmt.Errorf("%w: all sources are LoRAs: name the models they may have been added to", ErrInvalid)
	}
	shared, err := merge.Shared(c.Target.Kind, append([]*merge.Model{c.Target}, models...))
	if err == nil && c.mixed() {
		_, err = merge.Shared(c.Target.Kind, models) // one of them is to begin with
	}
	if err == nil {
		_, err = merge.NewPool(shared)
	}
	return models, err
}

// mixed reports whether some of the sources are not of the target's kind.
func (c *Config) mixed() bool {
	for _, m := range append(slices.Clone(c.Sources), c.Base) {
		if m != nil && !m.Difference && m.Kind != c.Target.Kind {
			return true
		}
	}
	return false
}
