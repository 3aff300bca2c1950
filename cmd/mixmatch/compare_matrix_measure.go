package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"mixmatch/merge"
	"mixmatch/merge/block"
	"mixmatch/similarity"
	"mixmatch/similarity/fingerprint"
	"mixmatch/similarity/relatives"
)

// products returns those of the models: from their files or, if one is a fingerprint,
// from the fingerprints of all.
//
// A model in a list with what is no number takes no part, which shows when it is read.
func (m *members) products(c *cli.Context) (*relatives.Products, error) {
	for {
		p, err := m.measure(c)
		left := m.without(unsoundNames(err))
		if err == nil || left == nil {
			return p, err
		}
		note(c, fmt.Sprintf("%s: left out: %v", strings.Join(unsoundNames(err), ", "), err))
		m.all = left
	}
}

// An unsoundError is of a model with what is no number.
type unsoundError struct {
	name string
	err  error
}

func (e *unsoundError) Error() string { return e.err.Error() }
func (e *unsoundError) Unwrap() error { return e.err }

// unsoundNames returns the names of the models that an error says are damaged.
func unsoundNames(err error) []string {
	var several *similarity.UnsoundError
	var one *unsoundError
	switch {
	case errors.As(err, &several):
		return several.Models
	case errors.As(err, &one):
		return []string{one.name}
	}
	return nil
}

// without returns the members but those of some names, and closes these. It returns nil,
// and closes none, if one of them is not from a list, or less than two are left.
func (m *members) without(names []string) (left []*member) {
	var out []*member
	for _, x := range m.all {
		if slices.Contains(names, x.name) && x.list != "" {
			out = append(out, x)
		} else {
			left = append(left, x)
		}
	}
	if len(names) == 0 || len(out) != len(names) || len(left) < 2 {
		return nil
	}
	closeAll(out)
	return left
}

func (m *members) measure(c *cli.Context) (*relatives.Products, error) {
	meter := newMeter(c)
	defer meter.end()
	every := slices.Clone(m.all)
	if m.base != nil {
		every = append(every, m.base)
	}
	l, err := layoutFor(c, every[0].arch())
	if err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(every, func(x *member) bool { return x.print != nil }) {
		files := make([]*merge.Model, len(every))
		for i, x := range every {
			x.file.Name = x.name
			files[i] = x.file
		}
		var base *merge.Model
		if m.base != nil {
			base = m.base.file
		}
		return relatives.Files(c.Context, files[:len(m.all)], base, l, similarity.Options{
			Progress: func(done, total int64) { meter.to("reading", done, total, true) },
		})
	}
	prints := make([]*fingerprint.Fingerprint, len(every))
	for i, x := range every {
		f := x.print
		if f == nil {
			if f, err = fingerprint.Of(c.Context, x.file, fingerprint.Options{
				Progress: func(done, total int64) { meter.to("reading "+x.name, done, total, true) },
			}); err != nil {
				if errors.Is(err, merge.ErrNonFinite) {
					err = &unsoundError{x.name, err}
				}
				return nil, err
			}
			x.print = f // should another one be left out
		}
		named := *f
		named.Name = x.name
		prints[i] = &named
	}
	var base *fingerprint.Fingerprint
	if m.base != nil {
		base = prints[len(prints)-1]
	}
	return relatives.Prints(prints[:len(m.all)], base, l)
}

// layoutFor returns the block map asked for with --era, nil if none is.
func layoutFor(c *cli.Context, arch block.Arch) (*block.Layout, error) {
	era := c.String("era")
	if era == "" {
		return nil, nil
	}
	l, err := block.For(arch, block.Era(era))
	if err != nil {
		return nil, usage("compare: %w", err)
	}
	return l, nil
}
