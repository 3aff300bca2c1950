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
	Target  *Given
	Sources []*Given // without the base, unless it is one of them
	Base    *Given   // nil for none
	Plan    Plan     // the settings; its inputs are filled in
	From    *Files   // of a study whose products are taken over, some of whose models these are; nil for none
}

// Create starts a study in dir, which must not hold one. Nothing is written
// before the models are known to fit together.
func Create(dir string, c Config) (*Study, error) {
	p, err := c.plan()
	if err != nil {
		return nil, err
	}
	return begin(dir, *p, func(s *Study) error {
		if c.From != nil && len(s.Plan.Fingerprints()) == 0 { // else they are made in a moment
			return s.takeOver(c.From)
		}
		return s.copyFingerprints(&c)
	})
}

// plan returns the plan of a study that c begins.
func (c *Config) plan() (*Plan, error) {
	sources, err := c.inOrder()
	if err != nil {
		return nil, err
	}
	p := c.Plan
	p.Format, p.Searches = planFormat, searchVersion
	if p.Target, p.Sources, err = c.inputs(sources); err != nil {
		return nil, err
	}
	if c.Base != nil {
		p.Base = c.Base.Name
	}
	return &p, p.fit(c.Target.Kind.Arch)
}

// inputs describes the target and the sources, after checking that they fit together.
func (c *Config) inputs(sources []*Given) (target Input, all []Input, err error) {
	if target, err = c.Target.input(); err != nil {
		return target, nil, err
	}
	files := c.Target.Fingerprint == nil
	for _, g := range sources { // before LoRAs get the tensors of others
		in, err := g.input()
		if err != nil {
			return target, nil, err
		}
		files = files && g.Fingerprint == nil
		if c.mixed() && !g.Difference {
			in.Variant = g.Kind.Variant
		}
		all = append(all, in)
	}
	if c.mixed() {
		target.Variant = c.Target.Kind.Variant
	}
	if !files {
		return target, all, c.matchFingerprints(sources)
	}
	models := modelsOf(sources)
	if err := c.match(models); err != nil {
		return target, nil, err
	}
	rows, err := merge.Shared(c.Target.Kind, models) // what is measured
	if err != nil {
		return target, nil, err
	}
	for i, m := range models {
		if all[i].Notes, err = m.LeftOut(rows); err != nil {
			return target, nil, err
		}
	}
	return target, all, nil
}

// match returns an error unless the files of models can be measured together.
func (c *Config) match(models []*merge.Model) error {
	shared, err := merge.Shared(c.Target.Kind, append([]*merge.Model{c.Target.Model}, models...))
	if err == nil && c.mixed() {
		_, err = merge.Shared(c.Target.Kind, models) // one of them is to begin with
	}
	if err == nil {
		_, err = merge.NewPool(shared)
	}
	return err
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
		return fmt.Errorf("%s: %w: go on with \"resume\", choose another folder, or delete that one first", dir, ErrExists)
	}
	return nil
}

// leftovers are what is written before a plan is.
var leftovers = []string{
	productsFile, toldFile, readingsFile, placesFile, knownFile, knownSourcesFile,
	former(productsFile), former(knownFile), former(knownSourcesFile),
}

// onlyOurs reports whether entries are what a study leaves that was cut short
// before it had a plan.
func onlyOurs(entries []os.DirEntry) bool {
	ours := append([]string{journalDir, fingerprintsDir, lockFile}, leftovers...)
	return !slices.ContainsFunc(entries, func(e os.DirEntry) bool {
		n := e.Name()
		return !slices.Contains(ours, n) && (!strings.HasPrefix(n, ".") || !strings.Contains(n, ".tmp-"))
	})
}

// matchFingerprints is match where some models are fingerprints, as far as their kinds
// tell.
func (c *Config) matchFingerprints(sources []*Given) error {
	first := !c.mixed()
	for _, g := range sources {
		if err := g.matches(c.Target); err != nil {
			return err
		}
		first = first || !g.Difference && g.Kind == c.Target.Kind
	}
	if !first {
		return fmt.Errorf("%w: the target is %s, and a merge that makes such a model begins with one: none of the sources is", merge.ErrMismatch, c.Target.Kind)
	}
	return nil
}

// inOrder returns the sources, after checking that they can be told apart. The first,
// from which the others are measured, is the base if
// there is one, unless it lacks a part that another has.
func (c *Config) inOrder() ([]*Given, error) {
	var all []*Given
	if c.Base != nil {
		all = append(all, c.Base)
	}
	for _, g := range c.Sources {
		if g != c.Base {
			all = append(all, g)
		}
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%w: no sources", ErrInvalid)
	}
	for i, g := range all {
		if merge.SameFile(g.Path, c.Target.Path) {
			return nil, fmt.Errorf("%w: %s is both: leave out --source %s", errTarget, g.Path, g.Name)
		}
		for _, o := range all[:i] {
			if err := g.differ(o); err != nil {
				return nil, err
			}
		}
	}
	slices.SortStableFunc(all, func(a, b *Given) int {
		return cmp.Or(merge.DifferencesLast(a.Difference, b.Difference), b.parts()-a.parts())
	})
	if all[0].Difference {
		return nil, fmt.Errorf("%w: all sources are LoRAs: name the models they may have been added to", ErrInvalid)
	}
	return all, nil
}

// mixed reports whether some of the sources are not of the target's kind.
func (c *Config) mixed() bool {
	for _, g := range append(slices.Clone(c.Sources), c.Base) {
		if g != nil && !g.Difference && g.Kind != c.Target.Kind {
			return true
		}
	}
	return false
}
