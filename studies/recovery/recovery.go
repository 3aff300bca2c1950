// Package recovery measures how well studies find out what a model was made of.
// It plants mixes in families of made-up models of reduced size, runs a study of
// each, compares what it says with the truth, and prints a table: a situation a
// row, such as a source that is withheld or a LoRA baked in.
//
// docs/recovery.md says how to run it and what the columns mean.
package recovery

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"mixmatch/merge"
	"mixmatch/merge/block"
	"mixmatch/studies"
)

// ErrSkipped is returned for situations that need the trained networks if there
// are none.
var ErrSkipped = errors.New("skipped: the folder of trained networks is not given (TRAINED)")

// Options say how much to measure.
type Options struct {
	Repeats int
	Width   int    // of the made-up models, where Stable Diffusion has 320
	Seed    uint64 // the first mix's; the next one has the next
	Trained string // the folder that "make trained" filled; "" for none
	Folder  string // for the models, one mix at a time
}

// Measure plants mixes of s and counts what studies of them say.
func Measure(ctx context.Context, s Situation, o Options) (*Score, error) {
	var networks *trained
	if s.trained {
		if o.Trained == "" {
			return nil, ErrSkipped
		}
		var err error
		if networks, err = openTrained(o.Trained); err != nil {
			return nil, err
		}
		defer networks.close()
	}
	layout, err := block.For(block.SD1, block.SM2025)
	if err != nil {
		return nil, err
	}
	all := tensors(layout, o.Width)
	if networks != nil {
		all = networks.tensors(layout)
	}
	score := &Score{}
	for i := range o.Repeats {
		seed := o.Seed + uint64(i)
		d := draw{Rand: source(seed, s.Name), seed: source(seed, s.Name, "family").Uint64(), layout: layout, networks: networks}
		if err := measure(ctx, s.plant(d), all, o.Folder, score); err != nil {
			return nil, fmt.Errorf("%s, seed %d: %w", s.Name, seed, err)
		}
	}
	return score, nil
}

// measure makes the models of p, studies them, and counts what comes of it.
func measure(ctx context.Context, p *planted, all []tensor, folder string, score *Score) (err error) {
	dir, err := os.MkdirTemp(folder, "recovery-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	w, err := p.write(ctx, dir, all)
	if err != nil {
		return err
	}
	start := time.Now()
	summary, err := study(ctx, p, w)
	if err != nil {
		return err
	}
	score.Seconds += time.Since(start).Seconds()
	f, err := read(summary)
	if err != nil {
		return err
	}
	score.count(p, w, f)
	return nil
}

// settings leave nearly everything to the closed form.
var settings = studies.Plan{Sampler: "cmaes", Trials: 1, Polish: 0, Seed: 1}

// study runs a study of p.
func study(ctx context.Context, p *planted, w *written) (*studies.Summary, error) {
	c := studies.Config{Plan: settings}
	var opened []*merge.Model
	open := func(name string) (*studies.Given, error) {
		m, err := merge.OpenModel(name, w.path(name))
		if err != nil {
			return nil, err
		}
		opened = append(opened, m)
		return studies.FileOf(m), nil
	}
	create := func() (*studies.Study, error) {
		defer func() {
			for _, m := range opened {
				m.Close()
			}
		}()
		var err error
		if c.Target, err = open(targetName); err != nil {
			return nil, err
		}
		if p.base != "" {
			if c.Base, err = open(p.base); err != nil {
				return nil, err
			}
		}
		for _, name := range p.offered {
			m, err := open(name)
			if err != nil {
				return nil, err
			}
			c.Sources = append(c.Sources, m)
		}
		return studies.Create(filepath.Join(w.folder, "study"), c)
	}
	s, err := create()
	if err != nil {
		return nil, err
	}
	summary, err := s.Run(ctx, studies.Options{})
	return summary, errors.Join(err, s.Close())
}
