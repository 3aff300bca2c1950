package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"mixmatch/merge"
	"mixmatch/merge/block"
	"mixmatch/merge/checkpoint"
	"mixmatch/similarity"
)

// sameHeads returns an error unless f has heads, and those of the first model.
func sameHeads(found []gathered[*checkpoint.File], f *checkpoint.File) error {
	first := f
	if len(found) > 0 {
		first = found[0].model
	}
	l, err := layoutOf(first)
	if err != nil {
		return err
	}
	heads, err := similarity.Heads(l, first)
	if err != nil {
		return err
	}
	other, err := similarity.Heads(l, f)
	if err != nil {
		return err
	}
	for _, h := range heads {
		if !slices.ContainsFunc(other, func(o similarity.Head) bool { return o.Block == h.Block && o.Dim == h.Dim }) {
			return fmt.Errorf("%w: no self-attention of that size in %s", merge.ErrMismatch, l.Name(h.Block))
		}
	}
	return nil
}

// chosen reports whether the flags ask for a block.
func chosen(c *cli.Context, name string) bool {
	some := c.Bool("inputs") || c.Bool("middle") || c.Bool("outputs")
	return !some || c.Bool("all") ||
		c.Bool("inputs") && strings.HasPrefix(name, "IN") ||
		c.Bool("middle") && strings.HasPrefix(name, "M") ||
		c.Bool("outputs") && strings.HasPrefix(name, "OUT")
}

// blocksWithoutHead returns the chosen blocks of which the calculators expect a head that
// is not there. Without it the numbers of other blocks would change, too.
func blocksWithoutHead(c *cli.Context, l *block.Layout, heads []similarity.Head) (names []string) {
	for _, name := range l.HeadsExpected() {
		if chosen(c, name) && !slices.ContainsFunc(heads, func(h similarity.Head) bool { return l.Name(h.Block) == name }) {
			names = append(names, name)
		}
	}
	return names
}

// layoutOf returns the blocks of the model in f, which may be a part of one:
// then it is taken for Stable Diffusion 1.
func layoutOf(f *checkpoint.File) (*block.Layout, error) {
	kind, err := merge.KindOf(f)
	if err != nil {
		kind.Arch = block.SD1
	}
	return block.Default(kind.Arch)
}
