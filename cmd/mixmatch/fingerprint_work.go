package main

import (
	"github.com/urfave/cli/v2"

	"mixmatch/similarity/fingerprint"
)

// A work is the making of fingerprints of files, one after the other.
type work struct {
	c     *cli.Context
	p     *fingerprinter
	files []choice

	tally tally
	err   error // that ended it
}

// each makes the fingerprint of each file that is not to be skipped and hands it to
// use, whose error ends it. Whether a file is skipped is asked once before all, so that
// it is known how much there is to read, and again when it is its turn: another process
// may have been faster.
func (w *work) each(use func(i int, f *fingerprint.Fingerprint) error, skip func(i int) (bool, error)) {
	w.tally.c = w.c
	meter := newMeter(w.c)
	defer meter.end()
	var todo []int
	var total, before int64
	sizes := make([]int64, len(w.files))
	for i, ch := range w.files {
		meter.to("looking what is there already", int64(i), int64(len(w.files)), false)
		if w.err = w.c.Err(); w.err != nil {
			return
		}
		there, err := skip(i)
		if w.err = err; err != nil {
			return
		}
		if !there {
			_, path := nameAndPath(ch.arg)
			sizes[i] = max(1, sizeOf(path))
			todo = append(todo, i)
			total += sizes[i]
		}
	}
	for n, i := range todo {
		if w.err = w.c.Err(); w.err != nil {
			return
		}
		at := func(part float64) {
			meter.to("fingerprints", before+int64(part*float64(sizes[i])), total, true)
		}
		at(0)
		if n > 0 {
			there, err := skip(i)
			if w.err = err; err != nil {
				return
			}
			if there {
				before += sizes[i]
				continue
			}
		}
		f, err := w.p.make(w.files[i].arg, at)
		before += sizes[i]
		if err == nil {
			if w.err = use(i, f); w.err != nil {
				return
			}
			continue
		}
		meter.end()
		if w.err = w.tally.problem(w.files[i], err); w.err != nil {
			return
		}
	}
}
