package studies

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"

	"mixmatch/merge/durable"
	"mixmatch/similarity"
)

// Again starts a study in dir of the same models as those of from, with the settings
// of p. It takes over all that was read of them, so that no file is needed,
// and one that was changed is no error.
func Again(dir string, from *Files, p Plan) (*Study, error) {
	old := from.study
	p.Format, p.Searches, p.Target, p.Sources = planFormat, searchVersion, old.Plan.Target, old.Plan.Sources
	g, err := old.kept(context.Background())
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("%s: %w: there is nothing to take over; go on with \"resume\" first", old.Dir, ErrPending)
	}
	if err != nil {
		return nil, err
	}
	if err := p.fit(g.Arch); err != nil {
		return nil, err
	}
	s, err := begin(dir, p, func(s *Study) error {
		if err := storeGram(s.path(productsFile), g); err != nil {
			return err
		}
		for _, name := range []string{toldFile, readingsFile, placesFile} {
			text, err := os.ReadFile(old.path(name))
			if errors.Is(err, os.ErrNotExist) {
				continue
			}
			if err == nil {
				err = durable.WriteFile(s.path(name), text)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		s.Files.spare = true
	}
	return s, err
}

// Without begins s anew without some of its sources, and takes over what has been read
// of the others. In place of s, which is closed, the caller has the new study.
func (s *Study) Without(names []string) (*Study, error) {
	p := s.Plan
	p.Sources = slices.DeleteFunc(slices.Clone(p.Sources), func(in Input) bool { return slices.Contains(names, in.Name) })
	arch, err := s.arch()
	if err != nil {
		return nil, err
	}
	if err := p.fit(arch); err != nil {
		return nil, err
	}
	r, err := s.openReading(s.Files.known)
	if err != nil {
		return nil, err
	}
	r.gram.Arch = arch
	if err := errors.Join(r.close(), s.remove()); err != nil {
		return nil, err
	}
	return begin(s.Dir, p, func(s *Study) error { return storeGram(s.path(knownFile), r.gram) })
}

// takeOver writes down the products of another study as known, which must have been
// opened: those of models that s has, too.
func (s *Study) takeOver(from *Files) error {
	old := from.study
	g, err := old.kept(context.Background())
	if errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("%s: %w: there is nothing to take over; go on with \"resume\" first", old.Dir, ErrPending)
	}
	if err != nil {
		return err
	}
	for i, name := range g.Names {
		at := slices.Index(s.Plan.names(), name)
		if at >= 0 && !s.Plan.Sources[at].untouched(&from.known[i]) {
			return fmt.Errorf("%w: %s is another file than in %s: give it another name with --source NAME=PATH", ErrInvalid, name, old.Dir)
		}
	}
	file := knownSourcesFile
	if last := len(from.known) - 1; s.Plan.Target.untouched(&from.known[last]) {
		file = knownFile
	}
	return storeGram(s.path(file), g)
}

// known returns the products that are taken over from another study, for a pass in
// which the study's target is at a place among others.
func (s *Study) known(ctx context.Context, target int) ([]similarity.Known, error) {
	var all []similarity.Known
	for _, file := range []string{knownFile, knownSourcesFile} {
		g, _, err := s.loadGram(ctx, file, "all read anew")
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		k := similarity.Known{Gram: g, Target: target}
		if file == knownSourcesFile {
			k.Target = -1
		}
		all = append(all, k)
	}
	return all, nil
}
