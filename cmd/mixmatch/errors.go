package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"syscall"

	"mixmatch/merge"
	"mixmatch/merge/checkpoint"
	"mixmatch/merge/dialect"
	"mixmatch/merge/stepwise"
	"mixmatch/similarity"
	"mixmatch/similarity/fingerprint"
	"mixmatch/similarity/identify"
	"mixmatch/similarity/library"
	"mixmatch/similarity/library/postgres"
	"mixmatch/studies"
)

// A usageError is a mistake in what was typed.
type usageError struct{ err error }

func (e usageError) Error() string { return e.err.Error() }
func (e usageError) Unwrap() error { return e.err }

func usage(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// damaged is the error for a study in dir whose result cannot be read.
func damaged(dir string, err error) error {
	return fmt.Errorf("%s: %w: %w: \"resume\" makes it anew", dir, studies.ErrDamaged, err)
}

// A silentError has been reported already.
type silentError struct{ error }

func (e silentError) Unwrap() error { return e.error }

// exitCode returns the documented exit code for err.
func exitCode(err error) int {
	is := func(targets ...error) bool {
		for _, t := range targets {
			if errors.Is(err, t) {
				return true
			}
		}
		return false
	}
	var u usageError
	switch {
	case is(context.Canceled):
		return 130
	case errors.As(err, &u), is(studies.ErrInvalid, studies.ErrExists, studies.ErrFingerprint, stepwise.ErrRecipe, postgres.ErrURL):
		return 2
	case is(studies.ErrLocked):
		return 6
	case is(studies.ErrChanged, checkpoint.ErrChanged):
		return 7
	case is(studies.ErrMissing, studies.ErrDamaged, studies.ErrPending, library.ErrMissing, library.ErrVersion, library.ErrDamaged):
		return 5
	case is(library.ErrUnknown):
		return 2
	case is(checkpoint.ErrFormat, fingerprint.ErrDamaged):
		return 3
	case is(identify.ErrNothing, fingerprint.ErrMismatch, merge.ErrMismatch, dialect.ErrTwice, merge.ErrOverflow, merge.ErrNonFinite, similarity.ErrNoFit, similarity.ErrEmpty):
		return 4
	case is(fs.ErrNotExist, fs.ErrExist):
		return 2
	}
	// Whatever else the operating system refuses: quotas, limits, names.
	var path *fs.PathError
	var errno syscall.Errno
	if errors.As(err, &path) || errors.As(err, &errno) {
		return 8
	}
	return 1
}
