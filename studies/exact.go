package studies

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// goOver begins a study from fingerprints anew, in its place, if the files of all its
// models are there by now: as the study of these files that it would have been. One of
// which some are not there stays what it is.
func (s *Study) goOver(ctx context.Context) error {
	if len(s.Plan.Fingerprints()) == 0 {
		return nil
	}
	var with, without []string
	for i, in := range s.Plan.inputs() {
		switch {
		case in.Fingerprint == "":
		case s.Files.known[i].Path != "" && s.Files.known[i].Fingerprint == "":
			with = append(with, in.Name)
		default:
			without = append(without, in.Name)
		}
	}
	if len(with) == 0 {
		return nil
	}
	if len(without) > 0 {
		s.Files.note("there are the files of %s; products are still those of fingerprints, and exact ones want the files of %s, too", some(with), some(without))
		return nil
	}
	p, err := s.planOfFiles(ctx)
	if err != nil {
		return err
	}
	// Without the plan these would be taken for what was read of files.
	if err := s.forget(); err != nil {
		return err
	}
	if err := writePlan(s.path(planFile), p); err != nil {
		return err
	}
	old := s.Files
	s.Plan = *p
	if s.Files, err = s.newFiles(); err != nil {
		return err
	}
	s.Files.Note, s.Files.Checking, s.Files.Look = old.Note, old.Checking, old.Look
	s.Files.note("the files of all models are there: they are measured, and the study is one of files from now on")
	return os.RemoveAll(s.path(fingerprintsDir))
}

// planOfFiles returns the plan that the study would have if it had begun with the files.
func (s *Study) planOfFiles(ctx context.Context) (*Plan, error) {
	c := Config{Plan: s.Plan}
	c.Plan.Base = ""
	for i, in := range s.Plan.inputs() {
		m, err := s.Files.open(ctx, i, true)
		if err != nil {
			return nil, err
		}
		defer m.Close()
		switch g := FileOf(m); {
		case i == len(s.Plan.Sources):
			c.Target = g
		case in.Name == s.Plan.Base:
			c.Base = g
		default:
			c.Sources = append(c.Sources, g)
		}
	}
	return c.plan()
}

// forget removes all that follows from the plan.
func (s *Study) forget() error {
	names := []string{productsFile, toldFile, readingFile, readingsFile, placesFile, summaryFile, bestFile, reportFile, recipeFile}
	journals, err := filepath.Glob(filepath.Join(s.path(journalDir), "*"))
	if err != nil {
		return fmt.Errorf("%s: %w", s.Dir, err)
	}
	for _, name := range names {
		journals = append(journals, s.path(name))
	}
	for _, path := range journals {
		if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}
