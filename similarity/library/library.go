// Package library keeps fingerprints of models, up to hundreds of thousands, so that
// the sources of a model can be looked for among them without their files.
//
// A [Library] is a folder ([OpenFolder]) or, in package postgres, a database that many
// machines share. Both hold the same records, a model once each.
package library

import (
	"context"
	"errors"

	"mixmatch/merge/block"
	"mixmatch/similarity/fingerprint"
)

// ErrDamaged is wrapped when a library, or a record of it, cannot be read.
var ErrDamaged = errors.New("damaged library")

// ErrMissing is wrapped when there is no library where one should be.
var ErrMissing = errors.New("no library there")

// ErrVersion is wrapped when a library is of a version of its format that is not known.
var ErrVersion = errors.New("library of another version")

// ErrUnknown is wrapped when a record that is asked for is not there.
var ErrUnknown = errors.New("not in the library")

// A Library holds fingerprints, by [fingerprint.Fingerprint.Content]. Its methods may
// be used concurrently, and several processes may use one library.
type Library interface {
	// Entries hands what is known of each record, in the order in which they were
	// added, to use, until it returns an error. Memory does not grow with their number.
	Entries(ctx context.Context, use func(*Entry) error) error

	// Load hands the fingerprints of some contents to use, in an order of its own and
	// one at a time, until it returns an error. One that is not there is an error that
	// wraps [ErrUnknown].
	Load(ctx context.Context, contents []string, use func(*fingerprint.Fingerprint) error) error

	// Add adds a fingerprint, and returns false if there is one of that content: it
	// stays as it is. When Add returns it is on the disk.
	Add(ctx context.Context, f *fingerprint.Fingerprint) (bool, error)

	// Has reports whether there is a fingerprint of that content.
	Has(ctx context.Context, content string) (bool, error)

	// Check reads everything, and tells of each record that is damaged.
	Check(ctx context.Context, problem func(text string)) (records int, err error)

	Close() error
}

// An Entry is what a library tells of a fingerprint before it is read.
type Entry struct {
	fingerprint.Card
	Content    string
	Arch       block.Arch
	Variant    string
	Difference bool
	Coarse     *fingerprint.Coarse
}

// EntryOf returns the entry of a fingerprint.
func EntryOf(f *fingerprint.Fingerprint) *Entry {
	return &Entry{f.Card, f.Content, f.Arch, f.Variant, f.Difference, f.Coarse()}
}
