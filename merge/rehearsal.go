package merge

import (
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"sync"

	"mixmatch/merge/block"
	"mixmatch/merge/calc"
	"mixmatch/merge/recipe"
)

// A Rehearsal executes a recipe step by step, as [Save] does with a Compat,
// without writing anything: to see what ratios that are to be found would give.
//
// What steps give that have the ratios of earlier times is kept in a cache, so
// that only those are done anew that come after the first ratio that changes.
type Rehearsal struct {
	pool   *Pool
	recipe *recipe.Recipe
	era    block.Era
	ranges map[string]calc.Range
	cache  *cache
}

// Rehearsable reports whether r, which may have holes, can be rehearsed in the
// arithmetic of era. The error wraps [ErrRecipe] if ratios within the holes'
// bounds cannot be executed, or if a cosine mode compares models with holes:
// its range would tie all blocks together.
func Rehearsable(r *recipe.Recipe, era block.Era) error {
	for _, end := range []func(recipe.Ratio) float64{
		func(q recipe.Ratio) float64 { return q.Lo }, func(q recipe.Ratio) float64 { return q.Hi },
	} {
		if err := (&Mix{Layout: r.Layout, Recipe: closed(r, end)}).Executable(era); err != nil {
			return err
		}
	}
	open := map[string]bool{} // models that depend on holes
	for i := range r.Steps {
		s := &r.Steps[i]
		if isCosine(s) {
			for _, name := range []string{s.A, s.B} {
				if open[name] {
					return fmt.Errorf("%w: step %s: %s compares all blocks of %s, which has ratios to find; give those, or find them first", ErrRecipe, s.Out, s.Calc, name)
				}
			}
		}
		hole := func(q recipe.Ratio) bool { return q.Hole != recipe.Fixed }
		open[s.Out] = slices.ContainsFunc(s.Alpha, hole) || s.HasBeta() && slices.ContainsFunc(s.Beta, hole)
		for _, name := range s.Operands() {
			open[s.Out] = open[s.Out] || open[name]
		}
	}
	return nil
}

// NewRehearsal returns a rehearsal of r, which may have holes, in the
// arithmetic of era, with a cache of so many bytes. It reads the models of the
// cosine modes once. Errors are also those of [Rehearsable].
func NewRehearsal(ctx context.Context, p *Pool, r *recipe.Recipe, era block.Era, cacheBytes int64) (*Rehearsal, error) {
	if err := r.Resolve(p.Names()); err != nil {
		return nil, err
	}
	if err := Rehearsable(r, era); err != nil {
		return nil, err
	}
	h := &Rehearsal{pool: p, recipe: r, era: era, ranges: map[string]calc.Range{}, cache: &cache{limit: cacheBytes, entries: map[mark]*entry{}}}
	if slices.ContainsFunc(r.Steps, func(s recipe.Step) bool { return isCosine(&s) }) {
		c := &chain{Pool: p, recipe: r, era: era, ranges: h.ranges}
		if _, err := c.result(ctx); err != nil {
			return nil, err
		}
	}
	return h, nil
}

// closed returns r with a number in place of each hole.
func closed(r *recipe.Recipe, number func(recipe.Ratio) float64) *recipe.Recipe {
	r = r.Clone()
	for id := range r.Layout.Blocks().All() {
		x := r.Column(id)
		for _, pos := range r.Holes(id) {
			x[pos] = number(r.Ratio(id, pos))
		}
		r.SetColumn(id, x)
	}
	return r
}

func isCosine(s *recipe.Step) bool {
	return calc.Calc(s.Calc) == calc.CosineA || calc.Calc(s.Calc) == calc.CosineB
}

// A BlockRehearsal is the rehearsal of one block. It is for one goroutine;
// those of several blocks may be under way at once.
type BlockRehearsal struct {
	*Rehearsal
	id     block.ID
	chain  *chain
	recipe *recipe.Recipe
}

// Block returns the rehearsal of keys, which are of block id.
func (h *Rehearsal) Block(id block.ID, keys []string) *BlockRehearsal {
	b := &BlockRehearsal{Rehearsal: h, id: id, recipe: h.recipe.Clone()}
	b.chain = &chain{
		Pool:   &Pool{Kind: h.pool.Kind, Models: h.pool.Models, keys: keys},
		recipe: b.recipe, era: h.era, ranges: h.ranges, same: map[string]bool{},
	}
	return b
}

// Name returns the block's name.
func (b *BlockRehearsal) Name() string { return b.recipe.Layout.Name(b.id) }

// Merge calls use for each of the block's keys with what the recipe makes of it
// with the ratios of column, as [recipe.Recipe.Column] has them. A key that the
// result lacks is left out. The tensor may be read until use returns.
func (b *BlockRehearsal) Merge(ctx context.Context, column []float64, use func(key string, t calc.Tensor) error) error {
	b.recipe.SetColumn(b.id, column)
	b.chain.notes = nil
	made, err := b.chain.result(ctx)
	if err != nil {
		return err
	}
	b.cache.next()
	for _, key := range b.chain.keys {
		n := made[key]
		if n == nil {
			continue
		}
		e := newEvaluator(b.pool, 0, 0, true)
		e.cache, e.root, e.marks = b.cache, n, map[*node]mark{}
		e.count(n)
		t, err := e.get(n)
		if err != nil {
			return err
		}
		if err := use(key, t); err != nil {
			return err
		}
	}
	return nil
}

// A mark tells what a node is computed from, and how.
type mark [sha256.Size]byte

// mark returns a node's mark.
func (e *evaluator) mark(n *node) mark {
	if m, ok := e.marks[n]; ok {
		return m
	}
	text := fmt.Sprintf("%d %q", n.model, n.file.Name)
	if n.step != nil {
		text = fmt.Sprintf("%q %+v", n.key, *n.step)
		for _, o := range n.operands() {
			m := e.mark(o)
			text += string(m[:])
		}
	}
	m := mark(sha256.Sum256([]byte(text)))
	e.marks[n] = m
	return m
}

// A cache keeps tensors up to a limit. One that is full takes no more until
// what nobody has asked for in a while makes room: where more would be of use
// than it holds, throwing out the oldest would throw out all before its turn.
type cache struct {
	limit int64

	mu      sync.Mutex
	size    int64
	now     int // evaluations so far
	swept   int // when it made room last
	entries map[mark]*entry
}

type entry struct {
	tensor calc.Tensor
	used   int
}

// old is after how many evaluations without use an entry may go.
const old = 64

func (c *cache) next() {
	c.mu.Lock()
	c.now++
	c.mu.Unlock()
}

func (c *cache) get(m mark) (calc.Tensor, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.entries[m]
	if e == nil {
		return calc.Tensor{}, false
	}
	e.used = c.now
	return e.tensor, true
}

// put keeps t if there is room, and reports whether it does.
func (c *cache) put(m mark, t calc.Tensor) bool {
	bytes := int64(4 * cap(t.Data))
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.size+bytes > c.limit && c.swept < c.now {
		c.swept = c.now
		for m, e := range c.entries {
			if e.used < c.now-old {
				c.size -= int64(4 * cap(e.tensor.Data))
				delete(c.entries, m)
			}
		}
	}
	if c.size+bytes > c.limit || c.entries[m] != nil {
		return false
	}
	c.size += bytes
	c.entries[m] = &entry{t, c.now}
	return true
}
