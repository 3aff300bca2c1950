package identify

import (
	"context"

	"mixmatch/similarity/fingerprint"
	"mixmatch/similarity/library"
)

// Among returns a library of entries whose fingerprints load hands out, by content. Of
// several with the same content the first counts.
func Among(entries []*library.Entry, load func(content string) (*fingerprint.Fingerprint, error)) Library {
	a := &among{load: load}
	seen := map[string]bool{}
	for _, e := range entries {
		if !seen[e.Content] {
			seen[e.Content] = true
			a.entries = append(a.entries, e)
		}
	}
	return a
}

type among struct {
	entries []*library.Entry
	load    func(content string) (*fingerprint.Fingerprint, error)
}

func (a *among) Entries(ctx context.Context, use func(*library.Entry) error) error {
	for _, e := range a.entries {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := use(e); err != nil {
			return err
		}
	}
	return nil
}

func (a *among) Load(ctx context.Context, contents []string, use func(*fingerprint.Fingerprint) error) error {
	for _, c := range contents {
		if err := ctx.Err(); err != nil {
			return err
		}
		f, err := a.load(c)
		if err != nil {
			return err
		}
		if err := use(f); err != nil {
			return err
		}
	}
	return nil
}
