package studies_test

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"mixmatch/merge/block"
	"mixmatch/studies"
)

// TestOlderSearches goes on with a study whose trials other samplers proposed.
func TestOlderSearches(t *testing.T) {
	s := create(t, filepath.Join(t.TempDir(), "s"), family(t, block.SM2025), settings)
	defer s.Close()
	s.Plan.Searches = 0
	_, err := s.Run(context.Background(), studies.Options{})
	if !errors.Is(err, studies.ErrInvalid) || !strings.Contains(err.Error(), "mixmatch optimize NEW --from "+s.Dir) {
		t.Errorf("got %v", err)
	}
}
