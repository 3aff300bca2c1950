package studies

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"mixmatch/merge/block"
	"mixmatch/merge/durable"
	"mixmatch/merge/recipe"
)

const summaryFormat = 2

// checksum returns what CRC is to be.
func (s Summary) checksum() (string, error) {
	s.CRC = ""
	return checksum(s)
}

func (s *Summary) write(path string) (err error) {
	if s.CRC, err = s.checksum(); err != nil {
		return err
	}
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	return durable.WriteFile(path, append(text, '\n'))
}

// ReadSummary returns what the last run of the study in dir found out. The
// error wraps [ErrPending] if no run has come to its end.
func ReadSummary(dir string) (*Summary, error) {
	if _, err := peek(dir); err != nil {
		return nil, err
	}
	path := filepath.Join(dir, summaryFile)
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("%s: %w: go on with \"resume\"", dir, ErrPending)
	}
	if err != nil {
		return nil, err
	}
	var s Summary
	err = json.Unmarshal(text, &s)
	if sum, bad := s.checksum(); err != nil || bad != nil || sum != s.CRC || s.Format != summaryFormat {
		return nil, fmt.Errorf("%s: %w: \"resume\" makes it anew", path, ErrDamaged)
	}
	return &s, nil
}

// Parse returns the recipe of s.
func (s *Summary) Parse() (*recipe.Recipe, error) {
	l, err := block.For(s.Arch, s.Era)
	if err != nil {
		return nil, err
	}
	return recipe.Parse(l, s.Recipe, recipe.Options{})
}
