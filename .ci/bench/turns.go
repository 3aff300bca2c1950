package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"time"
)

// notName is what may not stand in the name of a Go benchmark.
var notName = regexp.MustCompile(`[^A-Za-z0-9.+]+`)

// A row is work to be measured, and what stands beside it.
type row struct {
	work   string
	files  []string // read again before each run, so that they are in memory
	ours   func(context.Context) (sample, error)
	rivals []rival
	goals  []goal
	turns  int // at most; 0 for as many as are asked for
}

// A rival does the same work, or as much of it as no way of doing it can do without.
type rival struct {
	name string
	run  func(context.Context) (sample, error)
	goal *goal
}

// skipped is the error of a rival that is not there.
type skipped string

func (s skipped) Error() string { return string(s) }

// measure runs a row: mixmatch and its rivals in turns, so that all meet the same
// machine. It stops early where it would take longer than patience. The error is
// that of a run of mixmatch, or ctx's.
func (b *bencher) measure(ctx context.Context, r row) (result, error) {
	out := result{work: r.work, goals: r.goals}
	for _, v := range r.rivals {
		out.beside = append(out.beside, beside{name: v.name, goal: v.goal})
	}
	turns := b.turns
	if r.turns > 0 {
		turns = min(turns, r.turns)
	}
	start := time.Now()
	for turn := range turns {
		fmt.Fprintf(os.Stderr, "%s: %d of %d\n", r.work, turn+1, turns)
		if turn > 0 && time.Since(start)*time.Duration(turn+1)/time.Duration(turn) > b.patience {
			break
		}
		s, err := b.once(ctx, r.work, "mixmatch", r.files, r.ours)
		if errors.Is(err, errSlow) {
			out.failed = err.Error()
		} else if err != nil {
			return out, err
		} else {
			out.ours = append(out.ours, s)
		}
		for i, v := range r.rivals {
			if out.beside[i].skipped != "" {
				continue
			}
			s, err := b.once(ctx, r.work, v.name, r.files, v.run)
			switch {
			case ctx.Err() != nil:
				return out, ctx.Err()
			case err != nil:
				out.beside[i].skipped = reason(err)
			default:
				out.beside[i].theirs = append(out.beside[i].theirs, s)
			}
		}
		if out.failed != "" {
			break
		}
	}
	return out, nil
}

// once runs one of a row, its files in memory, and notes its time.
func (b *bencher) once(ctx context.Context, work, who string, files []string, run func(context.Context) (sample, error)) (sample, error) {
	if err := warm(ctx, files); err != nil {
		return sample{}, err
	}
	s, err := run(ctx)
	if err == nil {
		name := notName.ReplaceAllString(work+"/"+who, "_")
		fmt.Fprintf(&b.stats, "Benchmark_%s 1 %d ns/op %d cpu-ns/op %d peak-bytes\n", name, s.wall.Nanoseconds(), s.cpu.Nanoseconds(), s.peak)
	}
	return s, err
}

// reason says why a rival has no figures.
func reason(err error) string {
	var s skipped
	if errors.As(err, &s) {
		return "skipped: " + string(s)
	}
	return "failed: " + err.Error()
}
