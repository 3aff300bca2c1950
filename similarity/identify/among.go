package identify

import (
	"context"
	"fmt"

	"mixmatch/similarity/fingerprint"
	"mixmatch/similarity/library"
)

// Among returns fingerprints that are in memory as a library. Of several with the same
// content the first counts.
func Among(models []*fingerprint.Fingerprint) Library {
	m := &memory{by: map[string]*fingerprint.Fingerprint{}}
	for _, f := range models {
		if m.by[f.Content] == nil {
			m.by[f.Content] = f
			m.models = append(m.models, f)
		}
	}
	return m
}

type memory struct {
	models []*fingerprint.Fingerprint
	by     map[string]*fingerprint.Fingerprint
}

func (m *memory) Entries(ctx context.Context, use func(*library.Entry) error) error {
	for _, f := range m.models {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := use(library.EntryOf(f)); err != nil {
			return err
		}
	}
	return nil
}

func (m *memory) Load(ctx context.Context, contents []string, use func(*fingerprint.Fingerprint) error) error {
	for _, c := range contents {
		if err := ctx.Err(); err != nil {
			return err
		}
		f := m.by[c]
		if f == nil {
			return fmt.Errorf("%w: %s", library.ErrUnknown, c)
		}
		if err := use(f); err != nil {
			return err
		}
	}
	return nil
}
