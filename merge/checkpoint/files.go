package checkpoint

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"maps"
	"slices"
	"strings"
)

// Files are the containers that another one is made of.
type Files []Container

// Info returns what is known of all of them together: their paths joined by "+",
// their formats, a text of the first file that has one of that name, and a stamp
// that is another one as soon as one of theirs is.
func (files Files) Info() Info {
	if len(files) == 1 {
		return files[0].Info()
	}
	var all Info
	var paths, formats []string
	sum := sha256.New()
	for _, c := range files {
		info := c.Info()
		paths = append(paths, info.Path)
		if !slices.Contains(formats, info.Format) {
			formats = append(formats, info.Format)
		}
		if len(info.Metadata) > 0 {
			metadata := maps.Clone(info.Metadata)
			maps.Copy(metadata, all.Metadata)
			all.Metadata = metadata
		}
		all.Stamp.Size += info.Stamp.Size
		if info.Stamp.ModTime.After(all.Stamp.ModTime) {
			all.Stamp.ModTime = info.Stamp.ModTime
		}
		sum.Write([]byte(info.Stamp.Header + "\n"))
		all.Notes = append(all.Notes, info.Notes...)
		all.Dialects = append(all.Dialects, info.Dialects...)
	}
	all.Files = files.Paths()
	all.Path, all.Format = strings.Join(paths, "+"), strings.Join(formats, " and ")
	all.Stamp.Header = hex.EncodeToString(sum.Sum(nil))
	return all
}

// Paths returns the paths of all files that they are made of.
func (files Files) Paths() []string {
	var all []string
	for _, c := range files {
		all = append(all, c.Info().files()...)
	}
	return all
}

// Changed returns the first error of a file that has changed.
func (files Files) Changed() error {
	for _, c := range files {
		if err := c.Changed(); err != nil {
			return err
		}
	}
	return nil
}

// Close closes all of them.
func (files Files) Close() error {
	var errs []error
	for _, c := range files {
		errs = append(errs, c.Close())
	}
	return errors.Join(errs...)
}
