// Bench measures how fast mixmatch is, each figure beside its limit or its rival in
// the same run: cat, cp, plain reading, PyTorch, sd-mecha, mergekit, similar.py.
// docs/performance.md explains the rows.
//
//	go run ./.ci/bench [-dir FOLDER] [-python PROGRAM] bin/mixmatch
//
// It prints two tables in Markdown. Whatever takes memory is a process of its own, so
// that this one stays small: the system counts what a process had in memory before it
// became another.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"
)

// options are what the command line asks for.
type options struct {
	program   string // mixmatch
	dir       string // of full-size models, "" to make small ones
	python    string // that has the rivals, "" for none
	similar   string // similar.py, "" for the same computation in rival.py
	benchstat string // a file for every single time
	tmp       string // where temporaries go
	only      *regexp.Regexp
	turns     int
	patience  time.Duration // for a row, after its first turn; and for one run of mixmatch
}

func main() {
	var o options
	job := flag.String("job", "", "")
	flag.StringVar(&o.dir, "dir", "", "full-size models, as make bench-data makes them (default: small ones, made here)")
	flag.StringVar(&o.python, "python", "", "a Python that has torch, sd-mecha and mergekit (default: no rivals)")
	flag.StringVar(&o.similar, "similar", "", "similar.py of sd-cosine-similarity (default: what it computes, in rival.py)")
	flag.StringVar(&o.benchstat, "benchstat", "", "write every time to this file, for benchstat")
	flag.StringVar(&o.tmp, "tmp", "", "where temporaries go, up to 10 GB (default: the system's)")
	only := flag.String("only", ".", "only rows whose name matches this")
	flag.IntVar(&o.turns, "turns", 5, "runs of each")
	flag.DurationVar(&o.patience, "patience", 0, "stop a row after so long, and a run (default: 2m with small models, else 15m)")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var err error
	if *job != "" {
		err = work(ctx, *job, flag.Args())
	} else if o.only, err = regexp.Compile(*only); err == nil {
		err = bench(ctx, o, flag.Args())
	}
	switch {
	case err == nil:
	case ctx.Err() != nil:
		fmt.Fprintln(os.Stderr, "bench: stopped")
		os.Exit(130)
	default:
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// bench prints the tables.
func bench(ctx context.Context, o options, args []string) (err error) {
	if len(args) != 1 || o.turns < 1 {
		return errors.New("name mixmatch's program, and a turn at least")
	}
	if o.program, err = filepath.Abs(args[0]); err != nil {
		return err
	}
	if o.patience == 0 {
		o.patience = 2 * time.Minute
		if o.dir != "" {
			o.patience = 15 * time.Minute
		}
	}
	b, err := newBench(ctx, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.scratch.remove()) }()
	fmt.Println(describe(ctx) + b.rivals)
	before := load(ctx)
	err = b.tables(ctx)
	fmt.Printf("\nLoad average before: %s; after: %s.\n", before, load(ctx))
	if err == nil && len(b.failures) > 0 {
		err = fmt.Errorf("mixmatch failed in: %s", strings.Join(b.failures, "; "))
	}
	if err == nil && o.benchstat != "" {
		err = os.WriteFile(o.benchstat, []byte(b.stats.String()), 0o666)
	}
	return err
}

// tables prints both tables, a row as soon as it is finished.
func (b *bencher) tables(ctx context.Context) error {
	if b.dir == "" {
		fmt.Print("Small models, made for this run: start-up counts, and ratios are not those of full-size ones, for which the goals are.\n\n")
	} else {
		fmt.Print("Full-size models: base fp32, the others fp16.\n\n")
	}
	fmt.Print(tableHead)
	for _, make := range []func(context.Context) ([]row, error){b.optimizing, b.merging, b.comparing, b.fingerprinting, b.screening} {
		if err := b.rows(ctx, make); err != nil {
			return err
		}
	}
	return b.growth(ctx)
}
