package studies

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"slices"
	"strings"
	"unicode/utf8"

	"mixmatch/merge/durable"
	"mixmatch/merge/open"
	"mixmatch/similarity/fingerprint"
)

// Fingerprints returns the names of the models that the plan has a fingerprint of, the
// target last: none for a study of files. With one there are no products but those of
// fingerprints, and of files among the models fingerprints are made.
func (p *Plan) Fingerprints() []string {
	var names []string
	for _, in := range p.inputs() {
		if in.Fingerprint != "" {
			names = append(names, in.Name)
		}
	}
	return names
}

// stampFingerprint describes the fingerprint f, which is in the file at path or, if that
// is "", in none.
func stampFingerprint(name, path string, f *fingerprint.Fingerprint) (Input, error) {
	in := Input{Name: name, Fingerprint: f.Content, Difference: f.Difference}
	var err error
	if in.Header, err = digestOf(f); err != nil || path == "" {
		return in, err
	}
	if in.Path, err = open.Abs(path); err != nil {
		return in, err
	}
	if !utf8.ValidString(in.Path) {
		return in, fmt.Errorf("%w: %q: the path is not UTF-8; rename the folder or the file", ErrInvalid, in.Path)
	}
	info, err := os.Stat(path)
	if err != nil {
		return in, err
	}
	in.Size, in.ModTime = info.Size(), info.ModTime()
	return in, nil
}

// digestOf returns a digest of all of f but what people say of the model: the
// fingerprint of a library and that of a file are one.
func digestOf(f *fingerprint.Fingerprint) (string, error) {
	bare := *f
	bare.Card = fingerprint.Card{}
	b, err := bare.Append(nil)
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:]), err
}

// fingerprintsDir holds copies of fingerprints that are in no file of their own.
const fingerprintsDir = "fingerprints"

// copyFingerprints keeps those of c that are in no file.
func (s *Study) copyFingerprints(c *Config) error {
	for _, g := range append(slices.Clone(c.Sources), c.Base, c.Target) {
		if g == nil || g.Fingerprint == nil || g.Path != "" {
			continue
		}
		if err := os.MkdirAll(s.path(fingerprintsDir), 0o755); err != nil {
			return err
		}
		path := s.path(fingerprintsDir + string(os.PathSeparator) + digestName(g.Fingerprint.Content) + fingerprint.Extension)
		b, err := g.Fingerprint.Append(nil)
		if err == nil {
			err = durable.WriteFile(path, b)
		}
		if err != nil {
			return err
		}
		in, err := stampFingerprint(g.Name, path, g.Fingerprint)
		if err != nil {
			return err
		}
		to := &s.Plan.Target
		if at := slices.Index(s.Plan.names(), g.Name); g != c.Target && at >= 0 {
			to = &s.Plan.Sources[at]
		}
		in.Variant = to.Variant
		*to = in
	}
	return nil
}

// digestName returns a content, which is a text from a file, as the name of one.
func digestName(content string) string {
	sum := sha256.Sum256([]byte(content))
	return hex.EncodeToString(sum[:16])
}

// some names the first of many.
func some(names []string) string {
	const most = 3
	if len(names) <= most+1 {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d others", strings.Join(names[:most], ", "), len(names)-most)
}

// measuredBy is what products are of.
func (p *Plan) measuredBy() string {
	if len(p.Fingerprints()) > 0 {
		return "blocks"
	}
	return "tensors"
}

// fingerprintNotes say how sure the weights are of a study of so many models, and what is
// left out, if some of them are fingerprints.
func (s *Summary) fingerprintNotes(models int) []string {
	n := len(s.Fingerprints)
	if n == 0 {
		return nil
	}
	var errs []float64
	for _, g := range s.Groups {
		for _, b := range g.Blocks {
			for _, w := range b.Weights {
				if w.Error > 0 && !w.Vague {
					errs = append(errs, w.Error)
				}
			}
		}
	}
	weights := "weights are solved from 4,096 numbers a block"
	if len(errs) > 0 {
		slices.Sort(errs)
		weights = fmt.Sprintf("weights carry an error of about %.1g, at most %.1g, that of fingerprints included", errs[len(errs)/2], errs[len(errs)-1])
	}
	return []string{
		fmt.Sprintf("%d of the %d models are fingerprints (%s): %s; give the files to be exact", n, models, some(s.Fingerprints), weights),
		"similar.py's numbers, and a look for a LoRA, are left out: they are read from files",
	}
}
