package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"mixmatch/merge"
	"mixmatch/merge/recipe"
	"mixmatch/similarity"
)

// work does what a process of its own is for.
func work(ctx context.Context, job string, args []string) error {
	if len(args) < 2 {
		return errors.New("a job needs arguments")
	}
	switch job {
	case "pass", "pread":
		threads, err := strconv.Atoi(args[0])
		if err != nil {
			return err
		}
		var took time.Duration
		if job == "pass" {
			took, err = pass(ctx, threads, args[1:])
		} else {
			took, err = pread(ctx, threads, args[1:])
		}
		if err != nil {
			return err
		}
		_, err = fmt.Println(took.Seconds())
		return err
	case "models":
		return makeModels(ctx, args)
	}
	return fmt.Errorf("no job %q", job)
}

// pass measures the products of models, the base first and the target last, and returns
// how long that took once they were open.
func pass(ctx context.Context, threads int, paths []string) (time.Duration, error) {
	var models []*merge.Model
	for _, p := range paths {
		m, err := merge.OpenModel(recipe.NameOf(p), p)
		if err != nil {
			return 0, err
		}
		defer m.Close()
		models = append(models, m)
	}
	last := len(models) - 1
	pool, err := merge.NewPool(models[:last])
	if err != nil {
		return 0, err
	}
	start := time.Now()
	_, err = similarity.Measure(ctx, pool, models[last], threads, nil)
	return time.Since(start), err
}

// stretch is what pread reads at a time: within the second-level cache, where reading
// from memory is fastest.
const stretch = 128 << 10

// pread reads files with as many threads, each the next block into a buffer of its
// own, and does nothing with them: the limit of all that read files.
func pread(ctx context.Context, threads int, paths []string) (time.Duration, error) {
	type place struct {
		f  *os.File
		at int64
	}
	var places []place
	for _, p := range paths {
		f, err := os.Open(p)
		if err != nil {
			return 0, err
		}
		defer f.Close()
		info, err := f.Stat()
		if err != nil {
			return 0, err
		}
		for at := int64(0); at < info.Size(); at += stretch {
			places = append(places, place{f, at})
		}
	}
	start := time.Now()
	group, inside := errgroup.WithContext(ctx)
	var next atomic.Int64
	for range threads {
		group.Go(func() error {
			buf := make([]byte, stretch)
			for inside.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= len(places) {
					return nil
				}
				if _, err := places[i].f.ReadAt(buf, places[i].at); err != nil && !errors.Is(err, io.EOF) {
					return err
				}
			}
			return inside.Err()
		})
	}
	err := group.Wait()
	return time.Since(start), err
}

// warm reads files, so that they are in memory if that is large enough.
func warm(ctx context.Context, paths []string) error {
	if len(paths) == 0 {
		return nil
	}
	_, err := pread(ctx, 2, paths)
	return err
}
