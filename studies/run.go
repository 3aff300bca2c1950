package studies

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"time"

	"mixmatch/merge/cache"
	"mixmatch/merge/durable"
)

// Options are how a study is run. They do not change what comes of it.
type Options struct {
	Threads  int            // searches and readers side by side; 0 for one a processor
	Progress func(Progress) // told what goes on; calls do not overlap
	Note     func(string)   // told what is assumed of the files
	Cache    *cache.Cache   // of products that were measured before; nil for none

	// NoSimilar leaves out similar.py's numbers, which take as long as the reading
	// of a few models does; a later run adds them.
	NoSimilar bool

	later time.Duration // what comparing the attention will take, roughly
}

// A Progress says how far a run is.
type Progress struct {
	Stage       string        // such as "checking" a model, "reading", "searching" or "comparing attention"
	Done, Total int64         // 0 of 0 where nobody knows
	Bytes       bool          // they are bytes; else trials, say
	Later       time.Duration // what the stages after this one will take, roughly
}

// Run searches what has not been searched and returns what came of it. A
// canceled run keeps every finished trial; running again goes on from there.
//
// A run has phases, each a value made from those before: the products are
// measured, a recipe with holes is composed, its blocks are searched and the
// ratios found are written down, and the result is summarised.
func (s *Study) Run(ctx context.Context, o Options) (*Summary, error) {
	if s.Plan.Searches != searchVersion {
		return nil, fmt.Errorf("%s: %w: it was searched by another version of the program, whose trials are others; begin a new one with what it has read: mixmatch optimize NEW --from %[1]s (show, export and merge take it as it is)", s.Dir, ErrInvalid)
	}
	if o.NoSimilar && s.Plan.Metric == Attention {
		return nil, fmt.Errorf("%s: %w: it is searched by similar.py's numbers, which cannot be left out", s.Dir, ErrInvalid)
	}
	s.listen(&o)
	// One that has changed is refused, even where nothing is read from it.
	if err := s.Files.Check(ctx); err != nil {
		return nil, err
	}
	if err := s.Files.remember(); err != nil {
		return nil, err
	}
	if err := s.goOver(ctx); err != nil {
		return nil, err
	}
	o.later = s.comparing(ctx, &o)
	m, err := s.measure(ctx, o)
	if err != nil {
		return nil, err
	}
	o.Progress(Progress{Stage: "composing", Later: o.later})
	c, err := s.composeRecipe(ctx, m)
	if err != nil {
		return nil, err
	}
	p, err := s.openProblem(ctx, o, m, c)
	if err != nil {
		return nil, err
	}
	defer p.close()
	w, err := p.solve(ctx)
	if err != nil {
		return nil, err
	}
	sum, err := p.summarise(ctx, m, w)
	if err != nil {
		return nil, err
	}
	sum.Notes = slices.Concat(m.notes, c.notes, w.notes, sum.Notes)
	if err := durable.WriteFile(s.path(bestFile), []byte(sum.Annotated())); err != nil {
		return nil, err
	}
	if err := sum.write(s.path(summaryFile)); err != nil {
		return nil, err
	}
	return sum, s.Files.remember()
}

// listen fills in what o leaves open, and has the study's files tell what they do.
func (s *Study) listen(o *Options) {
	if o.Threads <= 0 {
		o.Threads = runtime.GOMAXPROCS(0)
	}
	if o.Progress == nil {
		o.Progress = func(Progress) {}
	}
	progress := o.Progress
	s.Files.Note = o.Note
	s.Files.Checking = func(name string, done, total int64) {
		progress(Progress{Stage: "checking " + name, Done: done, Total: total, Bytes: true})
	}
}
