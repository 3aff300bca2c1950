package studies

import (
	"context"
	"slices"
	"time"

	"mixmatch/merge/block"
	"mixmatch/similarity"
)

// comparing returns what similar.py's numbers will take, roughly: 0 if there are none
// to compute. It is for the time left that is shown, and no more.
func (s *Study) comparing(ctx context.Context, o *Options) time.Duration {
	if o.NoSimilar || len(s.Plan.Fingerprints()) > 0 {
		return 0
	}
	if r, err := s.keptReadings(); err != nil || r != nil {
		return 0
	}
	target, err := s.Files.Target(ctx)
	if err != nil {
		return 0
	}
	defer target.Close()
	l, err := layoutOf(target.Kind.Arch, s.Plan.Era)
	if err != nil {
		return 0
	}
	heads, err := similarity.Heads(l, target.File)
	if err != nil {
		return 0
	}
	// As many steps as sources but one, and the target: three products each, at a
	// speed that processors reach.
	const perThread = 5e10 // multiplications and additions a second
	work := 0.0
	for _, h := range heads {
		if slices.Contains(s.Plan.Groups, l.GroupOf(h.Block)) {
			work += float64(productWork(h))
		}
	}
	work *= 3 * float64(len(s.Plan.Sources))
	return time.Duration(work / (perThread * float64(o.Threads)) * float64(time.Second))
}

// productWork is how many multiplications and additions a product of matrices of a
// head takes.
func productWork(h similarity.Head) float64 {
	d := float64(h.Dim)
	return 2 * d * d * d
}

// tellComparing returns what is to be told of each head of the groups that is done.
func (p *problem) tellComparing(heads []similarity.Head, groups []block.Group) func(similarity.Head) {
	var done, total float64
	for _, h := range heads {
		if slices.Contains(groups, p.blocks.Layout.GroupOf(h.Block)) {
			total += float64(productWork(h))
		}
	}
	tell := func() {
		const parts = 1000
		p.options.Progress(Progress{Stage: "comparing attention", Done: int64(parts * done / total), Total: parts})
	}
	if total > 0 {
		tell()
	}
	return func(h similarity.Head) {
		done += float64(productWork(h))
		tell()
	}
}
