package studies

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"

	"mixmatch/merge"
	"mixmatch/merge/block"
	"mixmatch/merge/checkpoint"
	"mixmatch/similarity"
	"mixmatch/similarity/fingerprint"
)

// readFingerprints makes the products of studies that have fingerprints among their
// models, and keeps and returns them. Of a model that is there as a file a fingerprint is
// made, once for all studies.
func readFingerprints(ctx context.Context, all []*Study, o Options) ([]*similarity.Gram, error) {
	made := map[string]*fingerprint.Fingerprint{}
	var grams []*similarity.Gram
	for _, s := range all {
		prints, err := s.fingerprints(ctx, o, made)
		if err != nil {
			return nil, err
		}
		n := len(prints) - 1
		sources, target := prints[:n], prints[n]
		g, notes, err := fingerprint.Gram(sources, target)
		if errors.Is(err, fingerprint.ErrMismatch) {
			err = fmt.Errorf("%w: %w", merge.ErrMismatch, err)
		}
		if err == nil {
			err = takePart(g)
		}
		if err != nil {
			return nil, err
		}
		t := told{Notes: append(lackVAE(sources, target), notes...), VAE: vaeOfFingerprints(sources, target)}
		if slices.ContainsFunc(prints, func(f *fingerprint.Fingerprint) bool { return f.Variant != "" }) && !s.Plan.mixed() {
			t.Notes = append(t.Notes, "what such models have beside usual ones, as the further channels of an inpainting model, is in no fingerprint and not compared")
		}
		if err := s.keepTold(&t); err != nil {
			return nil, err
		}
		if err := s.keep(g); err != nil {
			return nil, err
		}
		grams = append(grams, g)
	}
	return grams, nil
}

// takePart returns an error if a model has nothing to do with the target: all of its
// tensors are others, or a LoRA changes none of the target's.
func takePart(g *similarity.Gram) error {
	for i, name := range g.Names {
		some := slices.ContainsFunc(g.Tensors, func(t similarity.Products) bool {
			if i >= len(g.Names)-g.Differences {
				return t.P.Own()[i] > 0
			}
			return t.Part() == block.UNet && !slices.Contains(t.Absent, i)
		})
		if !some {
			return fmt.Errorf("%w: %s and the target have no block of the same tensors", merge.ErrMismatch, name)
		}
	}
	return nil
}

// fingerprints returns those of all models, the target's last, each by the name that the
// study has for it.
func (s *Study) fingerprints(ctx context.Context, o Options, made map[string]*fingerprint.Fingerprint) ([]*fingerprint.Fingerprint, error) {
	var all []*fingerprint.Fingerprint
	for i, in := range s.Plan.inputs() {
		f, err := s.fingerprintOf(ctx, i, o, made)
		if err != nil {
			return nil, err
		}
		named := *f
		named.Name = in.Name
		all = append(all, &named)
	}
	return all, nil
}

// fingerprintOf returns the fingerprint of model i: as it is, or made of the model's file.
func (s *Study) fingerprintOf(ctx context.Context, i int, o Options, made map[string]*fingerprint.Fingerprint) (*fingerprint.Fingerprint, error) {
	if s.Files.isFingerprint(i) {
		f, _, err := s.Files.fingerprint(i)
		return f, err
	}
	m, err := s.Files.open(ctx, i, true)
	if err != nil {
		return nil, err
	}
	defer m.Close()
	var like *merge.Model
	if m.Difference {
		if like, err = s.anyFile(ctx); err != nil {
			return nil, err
		}
		if like != nil {
			defer like.Close()
		}
	}
	place := m.File.Path()
	if like != nil { // which says what it changes
		place += "\n" + like.File.Path()
	}
	if f := made[place]; f != nil {
		return f, nil
	}
	f, err := makeFingerprint(ctx, m, like, o)
	made[place] = f
	return f, err
}

// anyFile opens a model of the study that there is as a file, nil if there is none.
func (s *Study) anyFile(ctx context.Context) (*merge.Model, error) {
	for i, in := range s.Plan.inputs() {
		if !in.Difference && in.Fingerprint == "" {
			return s.Files.open(ctx, i, true)
		}
	}
	return nil, nil
}

// cachedFingerprints is the kind of entries in the user's cache that are fingerprints.
const cachedFingerprints = "fingerprints"

// makeFingerprint returns the fingerprint of m, or of what m changes in models like one:
// the cache's, or one that it keeps there.
func makeFingerprint(ctx context.Context, m, like *merge.Model, o Options) (*fingerprint.Fingerprint, error) {
	key := fingerprintKey(m, like)
	if b, ok := o.Cache.Get(cachedFingerprints, key); ok && key != "" {
		if f, err := fingerprint.Read(bytes.NewReader(b)); err == nil {
			return f, nil
		}
	}
	f, err := fingerprint.Of(ctx, m, fingerprint.Options{Threads: o.Threads, Like: like, Progress: func(done, total int64) {
		o.Progress(Progress{Stage: "taking the fingerprint of " + m.Name, Done: done, Total: total, Bytes: true})
	}})
	if errors.Is(err, checkpoint.ErrChanged) {
		err = fmt.Errorf("%w: %w", ErrChanged, err)
	}
	if err != nil {
		return nil, err
	}
	if o.Cache != nil && key != "" && fingerprintKey(m, like) == key {
		if b, err := f.Append(nil); err == nil {
			o.Cache.Put(cachedFingerprints, key, b)
		}
	}
	return f, nil
}

// fingerprintKey is what the fingerprint of m is kept under, "" for one that is not kept.
func fingerprintKey(m, like *merge.Model) string {
	key := identity(m)
	if like != nil && key != "" {
		of := identity(like)
		if key += "\nlike\n" + of; of == "" {
			return ""
		}
	}
	if key == "" {
		return ""
	}
	return key + "\n" + cacheVersion
}

// vaeOfFingerprints says where the target's VAE comes from, if it is that of a source to
// the bit: fingerprints have no more than digests of it.
func vaeOfFingerprints(sources []*fingerprint.Fingerprint, target *fingerprint.Fingerprint) VAE {
	part := block.VAE.String()
	want, some := target.Parts[part], false
	for _, f := range sources {
		have := f.Parts[part]
		if want != "" && have == want {
			return VAE{Source: f.Name, Same: true}
		}
		some = some || have != ""
	}
	return VAE{Other: want != "" && some}
}

// lackVAE says which models have no VAE, if the target has one.
func lackVAE(sources []*fingerprint.Fingerprint, target *fingerprint.Fingerprint) (notes []string) {
	part := block.VAE.String()
	for _, f := range sources {
		if target.Parts[part] != "" && f.Parts[part] == "" && !f.Difference {
			notes = append(notes, fmt.Sprintf("%s has no %s: it takes no part there", f.Name, part))
		}
	}
	return notes
}
