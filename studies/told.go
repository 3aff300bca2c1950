package studies

import (
	"encoding/json"
	"fmt"
	"os"

	"mixmatch/merge/durable"
)

// toldFile holds what fingerprints tell beside products.
const toldFile = "fingerprints.json"

// A told is what fingerprints tell beside products, which a study keeps.
type told struct {
	VAE   VAE      `json:"vae"`
	Notes []string `json:"notes,omitempty"`
	CRC   string   `json:"crc32,omitempty"` // of all else
}

// keepTold writes t into the study.
func (s *Study) keepTold(t *told) error {
	var err error
	if t.CRC, err = checksum(told{VAE: t.VAE, Notes: t.Notes}); err != nil {
		return err
	}
	text, err := json.MarshalIndent(t, "", "  ")
	if err != nil {
		return err
	}
	return durable.WriteFile(s.path(toldFile), append(text, '\n'))
}

// told returns what the study keeps, nothing for one of files. The error wraps
// [os.ErrNotExist] if there should be something, and is not.
func (s *Study) told() (*told, error) {
	if len(s.Plan.Fingerprints()) == 0 {
		return &told{}, nil
	}
	path := s.path(toldFile)
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var t told
	err = json.Unmarshal(text, &t)
	if sum, bad := checksum(told{VAE: t.VAE, Notes: t.Notes}); err != nil || bad != nil || sum != t.CRC {
		return nil, fmt.Errorf("%s: %w: delete it to have it made again", path, ErrDamaged)
	}
	return &t, nil
}
