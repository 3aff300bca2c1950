package report

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"mixmatch/merge/block"
	"mixmatch/merge/cache"
	"mixmatch/similarity"
	"mixmatch/studies"
)

// Options are the choices of [Gather].
type Options struct {
	Date     time.Time                                 // that stands in documents which have one
	Cache    *cache.Cache                              // where hashes may be known; nil for none
	Hash     bool                                      // read the models' files for the hashes that are not
	Reading  func(done, all int64)                     // told of the trials that are read, in bytes; may be nil
	Progress func(model string, done int64, all int64) // of hashing, in bytes; may be nil
}

// Gather makes the page of the study in dir, whether it is finished or not. It takes no
// lock and changes nothing, so that the study may run. Files of models are only looked
// at, unless o says otherwise.
func Gather(ctx context.Context, dir string, o Options) (*View, error) {
	files, err := studies.OpenFiles(dir)
	if err != nil {
		return nil, err
	}
	plan := files.Plan()
	p := &View{Target: plan.Target.Name, Base: plan.Base, Metric: plan.Metric, Era: plan.Era, Absent: map[string]string{}}
	sum, err := studies.ReadSummary(dir)
	if err != nil && !errors.Is(err, studies.ErrPending) {
		return nil, err
	}
	look, err := studies.LookAt(ctx, dir)
	switch {
	case errors.Is(err, studies.ErrPending) && sum != nil:
		p.Notes = append(p.Notes, "the study's products are gone, so that what follows from them alone is left out; \"resume\" makes them anew")
	case errors.Is(err, studies.ErrPending):
	case err != nil:
		return nil, err
	default:
		p.Arch, p.layout, p.Era = look.Gram.Arch, look.Blocks.Layout, look.Blocks.Layout.Era()
	}
	h := newHistory()
	if err := studies.EachTrial(ctx, dir, h.add, o.Reading); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	p.Searches, p.Trials = h.searches()
	err = nil
	switch {
	case sum != nil:
		err = p.finished(sum)
	case look != nil:
		err = p.begun(look)
	default:
		for _, in := range plan.Sources {
			p.Sources = append(p.Sources, Source{Name: in.Name, LoRA: in.Difference})
		}
	}
	if err != nil {
		return nil, err
	}
	if look != nil {
		if err := p.fromProducts(ctx, look); err != nil {
			return nil, err
		}
	}
	digests := []string(nil)
	if look != nil {
		digests = look.Gram.Contents
	}
	keys, err := p.listFiles(ctx, files, digests, o)
	if err != nil {
		return nil, err
	}
	if sum != nil {
		if err := p.documents(sum, keys, o); err != nil {
			return nil, err
		}
	}
	p.say(sum)
	return p, nil
}

// finished fills in what the summary of a study tells.
func (p *View) finished(s *studies.Summary) error {
	l, err := block.For(s.Arch, s.Era)
	if err != nil {
		return fmt.Errorf("%w: %w", studies.ErrDamaged, err)
	}
	p.Finished, p.Arch, p.Era, p.layout = true, s.Arch, s.Era, l
	p.Steps, p.LoRA, p.Trials, p.Recipe = s.Steps, s.LoRA, s.Trials, s.Annotated()
	p.Notes = append(p.Notes, s.Notes...)
	r, err := s.Parse()
	if err != nil {
		return fmt.Errorf("%w: %w", studies.ErrDamaged, err)
	}
	if len(r.Steps) != len(s.Steps) {
		return fmt.Errorf("%w: the summary's recipe has not the summary's steps", studies.ErrDamaged)
	}
	for i := range r.Steps {
		p.Begins = append(p.Begins, i == 0 || r.Steps[i].A != r.Steps[i-1].Out)
	}
	for _, g := range s.Groups {
		achieved := g.Achieved
		p.Groups = append(p.Groups, Group{Name: g.Name, Achieved: &achieved, Ceiling: g.Ceiling, Explained: g.Explained, Published: g.Published, Verdict: g.Verdict})
		for _, b := range g.Blocks {
			achieved, unexplained := b.Achieved, b.Unexplained
			p.Blocks = append(p.Blocks, Block{
				Name: b.Name, Group: g.Name, Achieved: &achieved, Ceiling: b.Ceiling, Explained: b.Explained, Unexplained: &unexplained,
				Noise: b.Noise, Verdict: b.Verdict, Weights: b.Weights,
			})
		}
	}
	p.order()
	for _, q := range s.Sources {
		p.Sources = append(p.Sources, Source{Name: q.Name, LoRA: q.LoRA, Evidence: q.Evidence, Low: q.Low, High: q.High, MaxError: q.MaxError, Vague: q.Vague, Blocks: q.Blocks})
	}
	return nil
}

// order brings the blocks into the order of vectors, as people read them.
func (p *View) order() {
	place := func(b Block) int {
		id, _ := p.layout.Index(b.Name)
		return int(id)
	}
	slices.SortStableFunc(p.Blocks, func(a, b Block) int { return place(a) - place(b) })
}

// begun fills in what is known of a study that has its products and no result yet: the
// closest mix and the ceiling, which the products tell, and how far the searches are.
func (p *View) begun(l *studies.Look) error {
	best := map[string]float64{}
	for _, s := range p.Searches {
		best[s.Name] = s.Best[len(s.Best)-1].Value
	}
	p.Notes = append(p.Notes, l.Notes...)
	sources := make([]Source, len(l.Blocks.Names))
	for i, name := range l.Blocks.Names {
		sources[i] = Source{Name: name, LoRA: l.Blocks.IsDifference(i), Evidence: l.Proof.Models[i].Standing}
	}
	for _, id := range l.IDs {
		b, err := blockOf(l, id)
		if err != nil {
			return err
		}
		if v, ok := best[b.Name]; ok && p.Metric == "" {
			v = 1 - v
			b.Achieved, b.Ceiling = &v, max(b.Ceiling, v)
		}
		for _, w := range b.Weights {
			s := &sources[slices.Index(l.Blocks.Names, w.Source)]
			if s.Blocks == 0 {
				s.Low, s.High = w.Weight, w.Weight
			}
			s.Low, s.High, s.MaxError, s.Vague = min(s.Low, w.Weight), max(s.High, w.Weight), max(s.MaxError, w.Error), s.Vague || w.Vague
			s.Blocks++
		}
		p.Blocks = append(p.Blocks, *b)
	}
	p.Sources = sources
	for _, name := range p.layout.Groups() {
		g, n := Group{Name: name}, 0.0
		sum, all := 0.0, true
		for _, b := range p.Blocks {
			if b.Group != name {
				continue
			}
			n++
			g.Ceiling += b.Ceiling
			if b.Achieved == nil {
				all = false
			} else {
				sum += *b.Achieved
			}
		}
		if n == 0 {
			continue
		}
		g.Ceiling /= n
		if all {
			sum /= n
			g.Achieved = &sum
		}
		p.Groups = append(p.Groups, g)
	}
	return nil
}

// blockOf returns what the products tell of block id: the closest mix of all sources that
// are not out of it.
func blockOf(l *studies.Look, id block.ID) (*Block, error) {
	ceiling, err := l.Blocks.Nearest(id)
	if err != nil {
		return nil, err
	}
	b := &Block{Name: l.Blocks.Layout.Name(id), Group: l.Blocks.Layout.GroupOf(id), Ceiling: ceiling.Cosine}
	witness := l.Proof.Blocks[id]
	d := l.Blocks.Distance(id, witness.Weights)
	if l.Base >= 0 {
		e := l.Blocks.Explained(id, d, l.Base)
		b.Explained = &e
	}
	f := l.Blocks.Judge(id, d, ceiling, l.Base, len(l.Proof.Chosen), witness.Exact)
	b.Unexplained, b.Noise = &f.Unexplained, f.Noise
	for i, v := range witness.Weights {
		if v == 0 || l.Proof.Models[i].Standing == similarity.Out {
			continue
		}
		w := studies.Weight{Source: l.Blocks.Names[i], Weight: v, Error: witness.Bars[i], Low: witness.Low[i], High: witness.High[i]}
		if !finite(w.Error) || !finite(w.Low) || !finite(w.High) {
			w.Error, w.Low, w.High, w.Vague = 0, v, v, true
		}
		b.Weights = append(b.Weights, w)
	}
	return b, nil
}

func finite(v float64) bool { return v-v == 0 }
