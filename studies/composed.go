package studies

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"unicode/utf8"

	"mixmatch/merge"
	"mixmatch/merge/block"
	"mixmatch/merge/durable"
	"mixmatch/merge/recipe"
	"mixmatch/merge/stepwise"
	"mixmatch/similarity"
	"mixmatch/studies/compose"
)

// Composed is the second phase of a run: the recipe whose holes are searched.
type composed struct {
	recipe *recipe.Recipe       // with holes
	steps  *compose.Composition // what the recipe was made from; nil if it was given
	first  int                  // the model whose tensors the target has where nothing is merged, or -1
	ids    []block.ID           // the blocks to search: those measured that the recipe can be searched in
	notes  []string
}

// composeRecipe gets the recipe with holes and keeps it in the study.
func (s *Study) composeRecipe(ctx context.Context, m *measured) (*composed, error) {
	c := &composed{ids: m.ids, first: s.firstModel(m)}
	var err error
	if s.Plan.Template != "" {
		c.recipe, err = parseTemplate(&s.Plan, m.arch, m.blocks.Layout.Era())
	} else {
		c.steps, c.notes, err = s.composeSteps(ctx, m, c.first)
	}
	if err != nil {
		return nil, err
	}
	if c.steps != nil {
		c.recipe = c.steps.Recipe()
	}
	if err := s.Plan.makes(m.arch, c.recipe); err != nil {
		if c.steps == nil {
			return nil, fmt.Errorf("recipe: %w", invalid{err})
		}
		c.notes = append(c.notes, fmt.Sprintf("no merge makes the target by these steps: %v", err))
	}
	if err := s.keepRecipe(c.recipe); err != nil {
		return nil, err
	}
	switch {
	case !c.recipe.Linear(): // its steps leave out the models that lack tensors
		c.notes = append(c.notes, "the recipe is not linear: no closed form starts the search, and the ceiling is that of linear mixes")
	case c.steps == nil:
		var notes []string
		c.ids, notes = searchable(m, c.recipe)
		c.notes = append(c.notes, notes...)
	}
	if len(c.ids) == 0 {
		return nil, fmt.Errorf("%w: no block is left to search: %s", ErrInvalid, strings.Join(slices.Concat(m.notes, c.notes), "; "))
	}
	return c, nil
}

// composeSteps chooses the steps, in another style if they cannot have the
// plan's, and says so.
func (s *Study) composeSteps(ctx context.Context, m *measured, first int) (steps *compose.Composition, notes []string, err error) {
	o := compose.Options{Base: s.Plan.base(), First: first, Style: s.Plan.Style, Evidence: m.proof}
	steps, err = compose.New(ctx, m.blocks, m.ids, o)
	if errors.Is(err, compose.ErrStyle) { // better other steps than none, after so much reading
		notes = append(notes, err.Error())
		o.Style = compose.Fewest
		steps, err = compose.New(ctx, m.blocks, m.ids, o)
	}
	if err != nil {
		return nil, nil, err
	}
	if order := steps.Order(); slices.Contains(order, o.First) && order[0] != o.First {
		notes = append(notes, fmt.Sprintf("the steps begin with %s, as their style wants, but what is not merged is %s's in the target", m.blocks.Names[order[0]], m.blocks.Names[o.First]))
	}
	return steps, notes, nil
}

// keptModel returns the model whose tensors the target has where nothing is
// merged, or -1 if it has none such, or nobody's.
func keptModel(m *measured) int {
	best := -1
	apart := m.gram.Kept(m.blocks.Layout)
	for i, d := range apart {
		if d >= 0 && d < sameBits && (best < 0 || d < apart[best]) {
			best = i
		}
	}
	return best
}

// keepRecipe writes the recipe with holes into the study. One that is there
// already must be the same.
func (s *Study) keepRecipe(r *recipe.Recipe) error {
	text := []byte(r.String())
	old, err := os.ReadFile(s.path(recipeFile))
	if err == nil && string(old) == string(text) {
		return nil
	}
	if err == nil {
		return fmt.Errorf("%s: %w: it is not the recipe that follows from the plan: delete it to have it made again", s.path(recipeFile), ErrDamaged)
	}
	if !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return durable.WriteFile(s.path(recipeFile), text)
}

// searchable returns the blocks in which a linear recipe can be searched, and
// notes on the others: those in which it mixes a model that has no such tensors.
func searchable(m *measured, holed *recipe.Recipe) (ids []block.ID, notes []string) {
	program := holed.Program()
	for _, id := range m.ids {
		column := holed.Column(id)
		for k, pos := range holed.Holes(id) {
			column[pos] = 0.37 + float64(0.011*float64(k)) // no ratios at which shares cancel
		}
		i := lacking(m.blocks, id, weightsOf(m.blocks, program, column))
		if i < 0 {
			ids = append(ids, id)
			continue
		}
		notes = append(notes, fmt.Sprintf("%s was not searched: the recipe mixes %s, which has no such tensors", m.blocks.Layout.Name(id), m.blocks.Names[i]))
	}
	return ids, notes
}

// lacking returns a model that weights w give a share of block id though it has
// no such tensors, or -1.
func lacking(b *similarity.Blocks, id block.ID, w []float64) int {
	for i, v := range w {
		if math.Abs(v) > 1e-9 && b.Lacks(id, i) {
			return i
		}
	}
	return -1
}

// layoutOf returns the layout of arch in era, the default one for no era.
func layoutOf(arch block.Arch, era block.Era) (*block.Layout, error) {
	if era == "" {
		return block.Default(arch)
	}
	return block.For(arch, era)
}

// parseTemplate reads the plan's recipe with holes and checks its names. The
// era matters for the layout only, so any will do before it is known.
func parseTemplate(p *Plan, arch block.Arch, era block.Era) (*recipe.Recipe, error) {
	l, err := layoutOf(arch, era)
	if err != nil {
		return nil, err
	}
	if !utf8.ValidString(p.Template) {
		return nil, fmt.Errorf("recipe: %w", invalid{errors.New("it is not UTF-8 text")})
	}
	r, err := recipe.Parse(l, p.Template, recipe.Options{})
	if err != nil {
		return nil, fmt.Errorf("recipe: %w", invalid{err})
	}
	if err := r.Resolve(p.names()); err != nil {
		return nil, fmt.Errorf("recipe: %w", invalid{err})
	}
	for _, in := range p.Sources {
		if in.Difference && slices.Contains(r.Sources(), in.Name) {
			return nil, fmt.Errorf("recipe: %w: it merges %s as a model, but that is a LoRA: write + <lora:%[2]s> x ?", merge.ErrMismatch, in.Name)
		}
		if !in.Difference && slices.Contains(r.Differences(), in.Name) {
			return nil, fmt.Errorf("recipe: %w: it adds %s as a LoRA, but that is a model", merge.ErrMismatch, in.Name)
		}
	}
	if only := p.Fingerprints(); !r.Linear() && len(only) > 0 {
		return nil, fmt.Errorf("recipe: %w", invalid{fmt.Errorf("it is not linear, so that trials merge files, and of %s there are fingerprints: give the files", some(only))})
	}
	if !r.Linear() {
		if err := stepwise.Rehearsable(r, l.Era()); err != nil {
			return nil, fmt.Errorf("recipe: %w", invalid{err})
		}
	}
	return r, nil
}
