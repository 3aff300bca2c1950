package studies

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/gofrs/flock"

	"mixmatch/merge"
	"mixmatch/merge/checkpoint"
	"mixmatch/similarity"
)

// Members returns the names of the studies in folders of dir, none if dir is a study
// itself.
func Members(dir string) []string {
	if _, err := os.Stat(filepath.Join(dir, planFile)); err == nil {
		return nil
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil
	}
	var names []string
	for _, e := range entries {
		if _, err := os.Stat(filepath.Join(dir, e.Name(), planFile)); err == nil {
			names = append(names, e.Name())
		}
	}
	return names
}

// Is reports whether the folder dir is a study, or holds some.
func Is(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, planFile))
	return err == nil || len(Members(dir)) > 0
}

// Running reports whether a process, this one too, works on the study in the folder
// dir. Looking takes the lock for a moment, shared with others who look; see acquire.
func Running(dir string) bool {
	if _, err := os.Stat(filepath.Join(dir, lockFile)); err != nil {
		return false
	}
	l := flock.New(filepath.Join(dir, lockFile))
	free, err := l.TryRLock()
	if err != nil || !free {
		return err == nil
	}
	_ = l.Unlock()
	return false
}

// ReadTogether reads the files for studies that have the same sources and not read
// anything yet, the sources once for all, so that running each reads nothing more.
// Studies of other sources are left to read theirs when they run.
func ReadTogether(ctx context.Context, all []*Study, o Options) error {
	var waiting, sketched []*Study
	for _, s := range all {
		s.listen(&o)
		switch has, err := s.hasProducts(); {
		case err != nil:
			return err
		case has:
		case len(s.Plan.Fingerprints()) > 0:
			sketched = append(sketched, s)
		case len(waiting) == 0 || s.sharesSources(waiting[0]):
			waiting = append(waiting, s)
		}
	}
	if len(sketched) > 1 {
		if _, err := readFingerprints(ctx, sketched, o); err != nil {
			return err
		}
	}
	if len(waiting) < 2 {
		return nil
	}
	_, err := readFiles(ctx, waiting, o)
	return err
}

// sharesSources reports whether s and o can be read in one pass.
func (s *Study) sharesSources(o *Study) bool {
	return s.Plan.Target.Variant == o.Plan.Target.Variant && slices.EqualFunc(s.Plan.Sources, o.Plan.Sources, func(a, b Input) bool {
		return a.Name == b.Name && a.untouched(&b) && a.Difference == b.Difference && a.Variant == b.Variant
	})
}

// readFiles measures the products of studies that share their sources, and keeps and
// returns them. Those of each tensor are kept as soon as they are there.
func readFiles(ctx context.Context, all []*Study, o Options) ([]*similarity.Gram, error) {
	var files []*Files
	for _, s := range all {
		files = append(files, s.Files)
	}
	pool, targets, err := openTogether(ctx, files)
	if err != nil {
		return nil, err
	}
	defer closeModels(append(slices.Clone(pool.Models), targets...))
	var known, cached []similarity.Known
	var records []*reading
	var identities []cachedStudy
	fresh := make([]bool, len(all)) // nothing is taken over that only the study itself vouches for
	for i, s := range all {
		r, err := s.openReading(s.Files.known)
		if err != nil {
			return nil, err
		}
		defer r.close()
		taken, err := s.known(ctx, i)
		if err != nil {
			return nil, err
		}
		records, known = append(records, r), append(append(known, taken...), similarity.Known{Gram: r.gram, Target: i})
		if o.Cache != nil {
			identities = append(identities, identify(pool.Models, targets[i]))
			cached = append(cached, fromCache(o.Cache, identities[i], pool.Names(), i)...)
			fresh[i] = len(taken) == 0 && len(r.gram.Tensors) == 0
		}
	}
	if cached != nil {
		files[0].note("products that were measured before are taken over (--no-cache measures anew)")
	}
	measure := func(known []similarity.Known) ([]*similarity.Gram, error) {
		return similarity.MeasureAll(ctx, pool, targets, similarity.Options{
			Threads: o.Threads, Progress: func(done, total int64) {
				o.Progress(Progress{Stage: "reading", Done: done, Total: total, Bytes: true, Later: o.later})
			},
			Contents: true, Known: known, Keep: func(target int, p *similarity.Products) error { return records[target].keep(p) },
		})
	}
	grams, err := measure(slices.Concat(known, cached))
	if errors.Is(err, checkpoint.ErrChanged) && cached != nil { // the cache may be wrong
		for _, r := range records {
			if err := r.rewind(); err != nil {
				return nil, err
			}
		}
		grams, err = measure(known)
	}
	if errors.Is(err, checkpoint.ErrChanged) {
		err = fmt.Errorf("%w: %w", ErrChanged, err)
	}
	if err != nil {
		return nil, err
	}
	for i, s := range all {
		if err := s.sumOwn(ctx, grams[i]); err != nil {
			return nil, err
		}
		if err := records[i].close(); err != nil { // or it cannot be removed, on Windows
			return nil, err
		}
		if err := s.keep(grams[i]); err != nil {
			return nil, err
		}
		if fresh[i] {
			toCache(o.Cache, identities[i], identify(pool.Models, targets[i]), grams[i])
		}
	}
	return grams, nil
}

// openTogether opens the sources of studies that share them, as a pool, and the target
// of each. The caller closes them.
func openTogether(ctx context.Context, all []*Files) (pool *merge.Pool, targets []*merge.Model, err error) {
	var models []*merge.Model
	defer func() {
		if err != nil {
			closeModels(models)
		}
	}()
	n := len(all[0].inputs) - 1
	for i := range n {
		m, err := all[0].open(ctx, i, true)
		if err != nil {
			return nil, nil, err
		}
		models = append(models, m)
	}
	for _, f := range all {
		copy(f.known[:n], all[0].known[:n])
		m, err := f.Target(ctx)
		if err != nil {
			return nil, nil, err
		}
		models = append(models, m)
	}
	shared, err := merge.Shared(models[n].Kind, models)
	if err != nil {
		return nil, nil, err
	}
	pool, err = merge.NewPool(shared[:n])
	return pool, shared[n:], err
}
