package studies

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"runtime"
	"slices"

	"mixmatch/merge/block"
	"mixmatch/merge/checkpoint"
	"mixmatch/merge/recipe"
	"mixmatch/optimize"
	"mixmatch/similarity"
)

// Options are how a study is run. They do not change what comes of it.
type Options struct {
	Threads  int            // searches and readers side by side; 0 for one a processor
	Progress func(Progress) // told what goes on; calls do not overlap
}

// A Progress says how far a run is.
type Progress struct {
	Stage       string // "reading" (Done and Total in bytes) or "searching" (in trials)
	Done, Total int64
}

// A run is a study under way.
type run struct {
	*Study
	o      Options
	gram   *similarity.Gram
	blocks *similarity.Blocks
	arch   block.Arch
	ids    []block.ID // the blocks searched
	proof  *similarity.Evidence
	eras   []similarity.EraFit
	sure   bool
	notes  []string

	stage    *stage               // nil for a linear recipe
	composed *composition         // nil with a template
	holed    *recipe.Recipe       // the recipe with holes
	recipe   *recipe.Recipe       // the recipe found: no holes, ratios as printed
	lens     *lens                // nil unless the metric is the attention similarity
	trials   map[string]int       // by search
	reached  map[block.ID]float64 // the best value of each block's search, before rounding
}

// Run searches what has not been searched and returns what came of it. A
// canceled run keeps every finished trial; running again goes on from there.
func (s *Study) Run(ctx context.Context, o Options) (*Summary, error) {
	if o.Threads <= 0 {
		o.Threads = runtime.GOMAXPROCS(0)
	}
	if o.Progress == nil {
		o.Progress = func(Progress) {}
	}
	r := &run{Study: s, o: o, trials: map[string]int{}, reached: map[block.ID]float64{}}
	if err := r.measure(ctx); err != nil {
		return nil, err
	}
	if err := r.plan(); err != nil {
		return nil, err
	}
	var err error
	if !r.holed.Linear() {
		err = r.raise(ctx)
		defer func() { r.stage.close() }()
		if err != nil {
			return nil, err
		}
	}
	if err := r.openLens(); err != nil {
		return nil, err
	}
	defer r.lens.close()
	if r.composed != nil {
		err = r.searchComposed(ctx)
	} else {
		err = r.searchTemplate(ctx)
	}
	if err != nil {
		return nil, err
	}
	sum, err := r.summarise(ctx)
	if err != nil {
		return nil, err
	}
	if err := r.publish(ctx, sum); err != nil {
		return nil, err
	}
	if err := checkpoint.WriteFileAtomic(s.path(bestFile), []byte(sum.Annotated())); err != nil {
		return nil, err
	}
	return sum, sum.write(s.path(summaryFile))
}

// measure gets the inner products, and the block map they are summed by.
func (r *run) measure(ctx context.Context) error {
	g, kind, err := r.products(ctx, r.o.Threads, func(done, total int64) {
		r.o.Progress(Progress{"reading", done, total})
	})
	if err != nil {
		return err
	}
	g, scale := g.Unscale(kind.Arch)
	if scale != 1 {
		r.notes = append(r.notes, fmt.Sprintf("the target is a mix times %.6g, which no merge of these does; the weights are those of the mix, and a model made by them is to be multiplied by it", scale))
	}
	r.gram, r.arch = g, kind.Arch
	era := r.Plan.Era
	seen, fits, sure := g.RecogniseEra(kind.Arch)
	switch {
	case era == "":
		era, r.eras, r.sure = seen, fits, sure
	case sure && seen != era:
		r.notes = append(r.notes, fmt.Sprintf("the era was given as %s, but the time_embed tensors look like %s: try --era auto", era, seen))
	}
	l, err := block.For(kind.Arch, era)
	if err != nil {
		return err
	}
	r.blocks = g.Blocks(l)
	for _, group := range r.Plan.Groups {
		found := false
		for id := range l.Group(group).All() {
			if r.blocks.Has(id) {
				r.ids = append(r.ids, id)
				found = true
			}
		}
		if !found {
			r.notes = append(r.notes, fmt.Sprintf("the %s were not searched: the target or the first source has no such tensors", group))
		}
	}
	slices.Sort(r.ids)
	if len(r.ids) == 0 {
		return fmt.Errorf("%w: nothing to search in the groups %v", ErrInvalid, r.Plan.Groups)
	}
	r.proof = r.blocks.Weigh(r.ids, r.Plan.base())
	return nil
}

// plan gets the recipe with holes and keeps it in the study.
func (r *run) plan() error {
	if r.Plan.Template != "" {
		t, err := parseTemplate(&r.Plan, r.arch, r.blocks.Layout.Era())
		if err != nil {
			return err
		}
		r.holed = t
	} else {
		kept := r.kept()
		c, err := compose(r.blocks, r.ids, r.Plan.base(), kept, r.Plan.Style, r.proof)
		if errors.Is(err, errStyle) { // better other steps than none, after so much reading
			r.notes = append(r.notes, err.Error())
			c, err = compose(r.blocks, r.ids, r.Plan.base(), kept, Plain, r.proof)
		}
		if err != nil {
			return err
		}
		if slices.Contains(c.order, kept) && c.order[0] != kept {
			r.notes = append(r.notes, fmt.Sprintf("the steps begin with %s, as their style wants, but what is not merged is %s's in the target", r.blocks.Names[c.order[0]], r.blocks.Names[kept]))
		}
		r.composed, r.holed = c, c.recipe()
		for _, id := range r.ids {
			r.widen(id, c.exact(id))
		}
	}
	text := []byte(r.holed.String())
	old, err := os.ReadFile(r.path(recipeFile))
	if err == nil && string(old) == string(text) {
		return nil
	}
	if err == nil {
		return fmt.Errorf("%s: %w: it is not the recipe that follows from the plan: delete it to have it made again", r.path(recipeFile), ErrDamaged)
	}
	if !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return checkpoint.WriteFileAtomic(r.path(recipeFile), text)
}

// kept returns the model whose tensors the target has where nothing is merged,
// or -1 if it has none such, or nobody's.
func (r *run) kept() int {
	best := -1
	apart := r.gram.Kept(r.blocks.Layout)
	for i, d := range apart {
		if d >= 0 && d < sameBits && (best < 0 || d < apart[best]) {
			best = i
		}
	}
	return best
}

// widen makes room for the ratios x around the holes of block id, unless bounds
// are what was asked for.
func (r *run) widen(id block.ID, x []float64) {
	if r.composed.style == Between {
		return
	}
	for _, pos := range r.holed.Holes(id) {
		q := r.holed.Ratio(id, pos)
		if x[pos] < q.Lo+0.1 {
			q.Lo = math.Floor(x[pos] - 1)
		}
		if x[pos] > q.Hi-0.1 {
			q.Hi = math.Ceil(x[pos] + 1)
		}
		r.holed.SetRatio(id, pos, q)
	}
}

// search runs searches and counts their trials.
func (r *run) search(ctx context.Context, searches []*search) ([]optimize.Trial, error) {
	var total, done int64
	for range searches {
		total += int64(r.Plan.Trials) + 1
	}
	return r.runAll(ctx, searches, r.lens.limit(len(r.blocks.Names), r.o.Threads), func(name string) {
		done++
		r.trials[name]++
		r.o.Progress(Progress{"searching", min(done, total), total})
	})
}

// searchComposed searches each block around its closed form, and writes the
// ratios down as short as the error bars allow.
func (r *run) searchComposed(ctx context.Context) error {
	var searches []*search
	for _, id := range r.ids {
		holes := holesOf(r.holed, id, recipe.Own)
		if len(holes) == 0 {
			continue
		}
		q := blockSearch(r.blocks, r.holed, id, holes)
		x := r.composed.exact(id)
		for _, h := range holes {
			q.start = append(q.start, x[h.pos])
		}
		searches = append(searches, r.attentive(ctx, q))
	}
	best, err := r.search(ctx, searches)
	if err != nil {
		return err
	}
	columns, err := r.composed.tidy()
	if err != nil {
		return err
	}
	r.recipe = r.holed.Clone()
	for _, id := range r.ids {
		r.recipe.SetColumn(id, columns[id])
	}
	for i, q := range searches {
		id := q.blocks[0]
		if q.found != nil {
			r.recipe.SetColumn(id, q.column(r.recipe, q.found))
			continue
		}
		r.reached[id] = 1 - best[i].Value
		column := r.recipe.Column(id)
		x := make([]float64, len(q.holes))
		for k, h := range q.holes {
			x[k] = column[h.pos]
		}
		// The search may know better than the closed form. It cannot where the
		// metric is the cosine; then what differs is rounding.
		v, err := q.score(x)
		if err != nil {
			return err
		}
		if v > best[i].Value+25*slack(best[i].Value, len(x), r.blocks.Len(id)) {
			if x, err = shorten(best[i].X, q.holes, best[i].Value, slack(best[i].Value, len(x), r.blocks.Len(id)), q.score); err != nil {
				return err
			}
			r.recipe.SetColumn(id, q.column(r.recipe, x))
		}
	}
	return nil
}

// slack is how much worse a value may get before the difference means
// something: what shifting n ratios by two standard errors each costs, with the
// block's len elements to judge by.
func slack(value float64, n, length int) float64 {
	return max(1e-12, 4*float64(n)*value/float64(max(1, length)))
}

// shorten returns x with each number as short as it can be, within its hole's
// bounds, for the value to stay within slack of value.
func shorten(x []float64, holes []hole, value, slack float64, score func([]float64) (float64, error)) ([]float64, error) {
	x = slices.Clone(x)
	for i := len(x) - 1; i >= 0; i-- {
		v := x[i]
		for h := 0.05; h > 1e-8; h /= 2 {
			if x[i] = shortest(v, h); x[i] < holes[i].lo || x[i] > holes[i].hi {
				x[i] = v
				continue
			}
			got, err := score(x)
			if err != nil {
				return nil, err
			}
			if got <= value+slack*float64(len(x)-i)/float64(len(x)) {
				break
			}
			x[i] = v
		}
	}
	return x, nil
}
