package studies

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"mixmatch/merge/block"
	"mixmatch/merge/checkpoint"
	"mixmatch/merge/durable"
	"mixmatch/merge/recipe"
)

// Readings are what is read from the files for the sake of the recipe printed,
// since no products tell it. The study keeps them, so that the result can be made
// anew when the files are gone.
type readings struct {
	Recipe    string    `json:"recipe"` // that they are of
	LoRA      *LoRA     `json:"lora,omitempty"`
	Notes     []string  `json:"notes,omitempty"` // of the look for a LoRA
	Published published `json:"published"`

	unread []string // models whose files are gone, so that nothing was read
}

// A keptReadings is readings as they are stored.
type keptReadings struct {
	readings
	CRC string `json:"crc32"` // of the readings
}

// read returns what the files say of the recipe printed, whose searches w holds,
// in the groups named: as the study keeps it, or else from the files if all are
// there.
func (p *problem) read(ctx context.Context, m *measured, w *written, printed *recipe.Recipe, groups []block.Group) (*readings, error) {
	if len(p.Plan.Fingerprints()) > 0 {
		return &readings{}, nil
	}
	// The likeness that a search by attention found is no part of what is kept.
	keep := p.attention == nil
	if keep {
		r, err := p.keptReadings()
		if err != nil {
			return nil, err
		}
		if r.of(printed) {
			return r, nil
		}
	}
	gone, err := p.Files.gone(ctx)
	if err != nil {
		return nil, err
	}
	if len(gone) > 0 {
		are := "gone"
		if p.Files.spare {
			are = "gone or changed"
		}
		return &readings{unread: gone, Notes: []string{fmt.Sprintf(
			"similar.py's numbers, and a look for a LoRA, are left out: the files of %s are %s; once they are back, \"resume\" adds them", strings.Join(gone, ", "), are)}}, nil
	}
	r := &readings{Recipe: printed.String()}
	r.LoRA, err = p.lookForLoRA(ctx, m, printed)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if errors.Is(err, ErrChanged) || errors.Is(err, checkpoint.ErrChanged) {
		return nil, err
	}
	if err != nil { // the result is there without it
		r.Notes = append(r.Notes, fmt.Sprintf("no LoRA was looked for: %v", err))
	}
	if p.options.NoSimilar { // what is there is not kept as if it were all
		r.Notes = append(r.Notes, "similar.py's numbers are left out, as was asked for; \"resume\" adds them")
		return r, nil
	}
	pub, err := p.publish(ctx, w, printed, groups)
	if err != nil {
		return nil, err
	}
	r.Published = *pub
	if !keep {
		return r, nil
	}
	sum, err := checksum(r)
	if err != nil {
		return nil, err
	}
	text, err := json.MarshalIndent(keptReadings{*r, sum}, "", "  ")
	if err != nil {
		return nil, err
	}
	return r, durable.WriteFile(p.path(readingsFile), append(text, '\n'))
}

// of reports whether r, which may be nil, is of the recipe printed.
func (r *readings) of(printed *recipe.Recipe) bool {
	if r == nil || r.Recipe != printed.String() {
		return false
	}
	for _, g := range r.Published.Groups {
		if n := len(g.Steps); n > 0 && n != len(printed.Steps) {
			return false
		}
	}
	return true
}

// keptReadings returns the readings that the study keeps, nil if it has none.
func (s *Study) keptReadings() (*readings, error) {
	path := s.path(readingsFile)
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var k keptReadings
	err = json.Unmarshal(text, &k)
	if sum, bad := checksum(&k.readings); err != nil || bad != nil || sum != k.CRC {
		return nil, fmt.Errorf("%s: %w: delete it to have it made again", path, ErrDamaged)
	}
	return &k.readings, nil
}
