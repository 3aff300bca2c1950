package main

import (
	"slices"

	"github.com/urfave/cli/v2"

	"mixmatch/merge"
	"mixmatch/merge/block"
	"mixmatch/similarity"
	"mixmatch/similarity/fingerprint"
	"mixmatch/similarity/relatives"
)

// products returns those of the models: from their files or, if one is a fingerprint,
// from the fingerprints of all.
func (m *members) products(c *cli.Context) (*relatives.Products, error) {
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
				return nil, err
			}
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
