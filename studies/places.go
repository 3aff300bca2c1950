package studies

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"mixmatch/merge/durable"
)

// Places are where the models of a study were found that were moved or touched
// after it began, and what they were like there, so that they need not be read again
// to be known.
type places struct {
	Files []Input `json:"files"` // of the sources and the target, in the plan's order; no path for one that is where it was
	CRC   string  `json:"crc32,omitempty"`
}

// readPlaces returns the places that the study keeps.
func (s *Study) readPlaces() ([]Input, error) {
	none := make([]Input, len(s.Plan.inputs()))
	path := s.path(placesFile)
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return none, nil
	}
	if err != nil {
		return nil, err
	}
	var p places
	err = json.Unmarshal(text, &p)
	if sum, bad := checksum(places{Files: p.Files}); err != nil || bad != nil || sum != p.CRC || len(p.Files) != len(none) {
		return nil, fmt.Errorf("%s: %w: delete it to have the models looked for again", path, ErrDamaged)
	}
	return p.Files, nil
}

// remember keeps where the files were found that are not where the study has them.
func (f *Files) remember() error {
	p := places{Files: make([]Input, len(f.inputs))}
	changed := false
	for i := range f.inputs {
		p.Files[i] = f.places[i]
		if now := f.known[i]; now.untouched(&f.inputs[i]) {
			p.Files[i] = Input{}
		} else if now.Path != "" {
			p.Files[i] = now
		}
		changed = changed || !p.Files[i].untouched(&f.places[i])
	}
	if !changed {
		return nil
	}
	var err error
	if p.CRC, err = checksum(p); err != nil {
		return err
	}
	text, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		return err
	}
	f.places = p.Files
	return durable.WriteFile(f.study.path(placesFile), append(text, '\n'))
}
