package studies

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"mixmatch/merge/block"
	"mixmatch/merge/checkpoint"
	"mixmatch/merge/recipe"
	"mixmatch/similarity"
)

// A Summary is everything a run found out. It is what the screen, the report
// and programs that read summary.json are made from.
type Summary struct {
	Format   int                `json:"format"`
	Target   string             `json:"target"`
	Base     string             `json:"base,omitempty"`
	Arch     block.Arch         `json:"arch"`
	Era      block.Era          `json:"era"`
	EraBy    string             `json:"era_by"` // "recognised", "given" or "assumed"
	Eras     []EraFit           `json:"eras,omitempty"`
	Verdict  similarity.Verdict `json:"verdict"`
	Groups   []Group            `json:"groups"`
	Steps    []Step             `json:"steps"`
	Missing  *Missing           `json:"missing,omitempty"` // what is in the target and in no source
	Sources  []Source           `json:"sources"`           // all candidates
	Twins    []similarity.Twin  `json:"twins,omitempty"`
	VAE      VAE                `json:"vae"`
	Recipe   string             `json:"recipe"`
	Template bool               `json:"template"` // the recipe's steps were given
	Trials   int                `json:"trials"`
	Notes    []string           `json:"notes,omitempty"`
	CRC      string             `json:"crc32"` // of the summary without it
}

// An EraFit is how well one era's block map explains the time_embed tensors.
type EraFit struct {
	Era   block.Era `json:"era"`
	Block string    `json:"block"`
	Noise float64   `json:"noise"` // residual, in roundings of the target
}

// A Group is what was reached in blocks searched together. Its numbers are the
// plain means of its blocks', as the calculators' totals are.
type Group struct {
	Name      block.Group        `json:"name"`
	Achieved  float64            `json:"achieved"`
	Ceiling   float64            `json:"ceiling"`
	Explained *float64           `json:"explained,omitempty"` // only with a base
	Published *float64           `json:"published,omitempty"` // what similar.py prints of the attention, a mean
	Attention *Likeness          `json:"attention,omitempty"` // with the attention metric: means over the blocks
	Verdict   similarity.Verdict `json:"verdict"`
	Blocks    []Block            `json:"blocks"`
}

// A Block is what was reached in one block.
type Block struct {
	Name        string             `json:"name"`
	Achieved    float64            `json:"achieved"`            // cosine of the recipe as printed
	Ceiling     float64            `json:"ceiling"`             // best cosine of any mix of the sources
	Explained   *float64           `json:"explained,omitempty"` // 1 - |T-M|^2/|T-B|^2
	Unexplained float64            `json:"unexplained"`         // share of |T-B|^2, B the base or else the nearest source
	Noise       float64            `json:"noise"`               // |T-M|^2 in roundings of the target
	Verdict     similarity.Verdict `json:"verdict"`
	Searched    *float64           `json:"searched,omitempty"` // best cosine of the search, before rounding
	Trials      int                `json:"trials"`
	Published   *float64           `json:"published,omitempty"` // what similar.py prints of its attention
	Attention   *Likeness          `json:"attention,omitempty"` // with the attention metric
	Weights     []Weight           `json:"weights"`
	Same        [][]string         `json:"same,omitempty"` // sources that are the same in this block
}

// A Weight is the share of one source in one block.
type Weight struct {
	Source string  `json:"source"`
	Weight float64 `json:"weight"`
	Error  float64 `json:"error"`           // the truth is within it in 95 of 100 cases; 0 where the recipe gives no choice
	Vague  bool    `json:"vague,omitempty"` // the error is beyond all bounds: the source has a twin
	Low    float64 `json:"low"`             // the true weight is between low and high in 95 of 100 cases: where a source is
	High   float64 `json:"high"`            // missing they need not lie evenly around the weight of the closest mix
}

// A Step is one merge and how close the model is after it.
type Step struct {
	Text       string                  `json:"text"`
	Evidence   similarity.Standing     `json:"evidence,omitempty"`  // the least of the sources it brings in
	Similarity map[block.Group]float64 `json:"similarity"`          // cosines of the weights
	Published  map[block.Group]float64 `json:"published,omitempty"` // what similar.py prints
}

// A Source is a candidate, what speaks for it, and the range of its weights.
type Source struct {
	Name     string              `json:"name"`
	Evidence similarity.Standing `json:"evidence"`
	Low      float64             `json:"low"`  // the lowest of its weights in the recipe
	High     float64             `json:"high"` // the highest
	MaxError float64             `json:"max_error"`
	Vague    bool                `json:"vague,omitempty"` // it has a twin that its share may be of
	Blocks   int                 `json:"blocks"`          // in how many it takes part; 0 where the recipe has no weights
}

// Missing describes what is in the target and in none of the sources.
type Missing struct {
	Weight float64 `json:"weight"` // as a share of the mix; 0 where too few sources are there to tell
	Low    float64 `json:"low"`
	High   float64 `json:"high"`

	Subtracted bool     `json:"subtracted,omitempty"` // it is subtracted: the base of add differences
	WithBase   *float64 `json:"with_base,omitempty"`  // the weight of the base and what is missing together, where only that is known
	Near       []string `json:"near,omitempty"`       // sources another version of which it may be
}

// A VAE says where the target's VAE comes from.
type VAE struct {
	Source     string  `json:"source,omitempty"` // the nearest; "" if the target has none, or no source has one
	Same       bool    `json:"same"`             // the source's, but for rounding
	Blended    bool    `json:"blended"`          // a blend with the weights of BASE, as SuperMerger makes it
	Difference float64 `json:"difference"`       // |T-S|/|T|
}

const summaryFormat = 2

// sameBits is the largest |T-S|^2/|T|^2 that rounding to bfloat16 explains.
const sameBits = 4e-6

// summarise scores the recipe as it is printed.
func (r *run) summarise(ctx context.Context) (*Summary, error) {
	s := &Summary{
		Format: summaryFormat, Target: r.Plan.Target.Name, Base: r.Plan.Base,
		Arch: r.arch, Era: r.blocks.Layout.Era(), EraBy: "given",
		Recipe: r.recipe.String(), Template: r.Plan.Template != "",
		Twins: r.blocks.Twins(), Notes: r.notes,
	}
	if r.Plan.Era == "" {
		s.EraBy = "assumed"
		if r.sure {
			s.EraBy = "recognised"
		}
		for _, e := range r.eras {
			s.Eras = append(s.Eras, EraFit(e))
		}
	}
	for _, n := range r.trials {
		s.Trials += n
	}
	// What is printed is what is scored: the recipe is read back from its text.
	printed, err := recipe.Parse(r.blocks.Layout, s.Recipe, recipe.Options{})
	if err != nil {
		return nil, fmt.Errorf("the recipe found cannot be read back: %w", err)
	}
	program := printed.Program()
	var findings []similarity.Finding
	totals := make([]Source, len(r.blocks.Names))
	for _, group := range r.Plan.Groups {
		g := Group{Name: group, Verdict: similarity.Exact}
		var inGroup []similarity.Finding
		for _, id := range r.ids {
			if r.blocks.Layout.GroupOf(id) != group {
				continue
			}
			var b *Block
			var f similarity.Finding
			if r.stage != nil {
				b, f, err = r.staged(ctx, printed, id)
			} else {
				b, f, err = r.block(id, weightsOf(r.blocks, program, printed.Column(id)))
			}
			if err != nil {
				return nil, err
			}
			r.tally(totals, b)
			inGroup = append(inGroup, f)
			g.Blocks = append(g.Blocks, *b)
		}
		if len(g.Blocks) == 0 {
			continue
		}
		g.mean()
		g.Verdict = similarity.Sum(inGroup)
		findings = append(findings, inGroup...)
		s.Groups = append(s.Groups, g)
	}
	s.Verdict = similarity.Sum(findings)
	for i, t := range totals {
		t.Name = r.blocks.Names[i]
		t.Evidence = r.standing(i, slices.Contains(program.Sources, t.Name), s.Verdict)
		s.Sources = append(s.Sources, t)
	}
	s.Missing = r.missing()
	s.VAE = vaeOf(r.gram, weightsOf(r.blocks, program, printed.Column(0)))
	s.Steps, err = r.steps(printed)
	if r.stage != nil && err == nil {
		last := &s.Steps[len(s.Steps)-1]
		last.Similarity = map[block.Group]float64{}
		for _, g := range s.Groups {
			last.Similarity[g.Name] = g.Achieved
		}
	}
	return s, err
}

// judge makes the result in block id of the recipe's cosine v there and of its
// distance d, |T-M|^2.
func (r *run) judge(id block.ID, v, d float64) (*Block, similarity.Finding, error) {
	ceiling, err := r.blocks.Ceiling(id)
	if err != nil {
		return nil, similarity.Finding{}, err
	}
	// A mix at its ceiling equals it but for the last bits.
	b := &Block{Name: r.blocks.Layout.Name(id), Achieved: v, Ceiling: max(ceiling.Cosine, v)}
	base := r.Plan.base()
	if base >= 0 {
		e := r.blocks.Explained(id, d, base)
		b.Explained = &e
	}
	if v, ok := r.reached[id]; ok {
		b.Searched = &v
	}
	b.Trials = r.trials[b.Name]
	f := r.blocks.Judge(id, d, ceiling, base, len(r.recipe.Sources()), r.stage != nil || r.proof.Blocks[id].Exact)
	b.Unexplained, b.Noise, b.Verdict = f.Unexplained, f.Noise, f.Verdict
	return b, f, nil
}

// block scores weights w in block id.
func (r *run) block(id block.ID, w []float64) (*Block, similarity.Finding, error) {
	v, err := r.blocks.Score(id, w)
	if err != nil {
		return nil, similarity.Finding{}, err
	}
	b, f, err := r.judge(id, v, r.blocks.Distance(id, w))
	if err != nil {
		return nil, f, err
	}
	var support []int
	for i, v := range w {
		if math.Abs(v) > 1e-9 && !r.blocks.Lacks(id, i) {
			support = append(support, i)
		}
	}
	fit, err := r.blocks.Fit(id, support, nil)
	if err != nil {
		return nil, f, err
	}
	witness := r.proof.Blocks[id]
	for _, i := range support {
		q := Weight{Source: r.blocks.Names[i], Weight: w[i], Error: similarity.BarExact * fit.SE[i]}
		q.Low, q.High = fit.Weights[i]-q.Error, fit.Weights[i]+q.Error
		q.Error += math.Abs(w[i] - fit.Weights[i]) // ratios are written shorter than they are
		if !r.proof.Exact {
			q.Error = max(q.Error, witness.Bars[i]+math.Abs(w[i]-witness.Weights[i]))
			q.Low, q.High = witness.Low[i], witness.High[i]
		}
		if math.IsInf(q.Error, 0) || math.IsInf(q.Low, 0) {
			q.Error, q.Low, q.High, q.Vague = 0, q.Weight, q.Weight, true
		}
		b.Weights = append(b.Weights, q)
	}
	for _, set := range witness.Same {
		var names []string
		taken := false
		for _, i := range set {
			names = append(names, r.blocks.Names[i])
			taken = taken || slices.Contains(support, i)
		}
		if taken {
			b.Same = append(b.Same, names)
		}
	}
	return b, f, nil
}

// tally widens the sources' ranges by the weights of a block.
func (r *run) tally(totals []Source, b *Block) {
	for _, q := range b.Weights {
		t := &totals[slices.Index(r.blocks.Names, q.Source)]
		if t.Blocks == 0 {
			t.Low, t.High = q.Weight, q.Weight
		}
		t.Low, t.High = min(t.Low, q.Weight), max(t.High, q.Weight)
		t.MaxError = max(t.MaxError, q.Error)
		t.Vague = t.Vague || q.Vague
		t.Blocks++
	}
}

// mean sets the group's numbers to the means of its blocks'.
func (g *Group) mean() {
	n := float64(len(g.Blocks))
	explained := 0.0
	for _, b := range g.Blocks {
		g.Achieved += b.Achieved / n
		g.Ceiling += b.Ceiling / n
		if b.Explained != nil {
			explained += *b.Explained / n
		}
	}
	if g.Blocks[0].Explained != nil {
		g.Explained = &explained
	}
}

// standing returns what speaks for source i, which takes part in the recipe or not.
// A recipe that was given may mix a source that nothing speaks for. What the inner
// products prove is about linear mixes: of another recipe only the result tells.
func (r *run) standing(i int, taken bool, v similarity.Verdict) similarity.Standing {
	s := r.proof.Models[i].Standing
	if r.stage != nil {
		switch {
		case !taken:
			return similarity.Out
		case v == similarity.Exact:
			return similarity.In
		}
		return similarity.Perhaps
	}
	if taken && s == similarity.Out {
		return similarity.Perhaps
	}
	return s
}

// missing says what is in none of the sources, or nil.
func (r *run) missing() *Missing {
	u := r.proof.Unknown
	if u == nil || r.stage != nil {
		return nil
	}
	m := &Missing{Weight: u.Weight, Low: u.Low, High: u.High, Subtracted: u.Subtracted}
	for _, i := range u.Near {
		m.Near = append(m.Near, r.blocks.Names[i])
	}
	if base := r.Plan.base(); base >= 0 && r.proof.Models[base].Standing != similarity.In {
		sum := 0.0
		for _, id := range r.ids {
			sum += (r.proof.Blocks[id].Weights[base] + r.proof.Blocks[id].Gap) / float64(len(r.ids))
		}
		m.WithBase = &sum
	}
	return m
}

// evidence returns the least that speaks for the sources that step i brings in.
func (r *run) evidence(printed *recipe.Recipe, i int) similarity.Standing {
	if r.stage != nil {
		return ""
	}
	least := similarity.In
	before := []string{}
	if i > 0 {
		before = (&recipe.Recipe{Layout: printed.Layout, Steps: printed.Steps[:i]}).Sources()
	}
	for _, n := range (&recipe.Recipe{Layout: printed.Layout, Steps: printed.Steps[:i+1]}).Sources() {
		k := slices.Index(r.blocks.Names, n)
		if !slices.Contains(before, n) && k != r.Plan.base() && r.proof.Models[k].Standing != similarity.In {
			least = similarity.Perhaps
		}
	}
	return least
}

// steps scores the model after each step.
func (r *run) steps(printed *recipe.Recipe) ([]Step, error) {
	texts := stepTexts(printed)
	var steps []Step
	for i := range printed.Steps {
		prefix := &recipe.Recipe{Layout: printed.Layout, Steps: printed.Steps[:i+1]}
		program := prefix.Program()
		if !prefix.Linear() {
			steps = append(steps, Step{Text: texts[i], Evidence: r.evidence(printed, i)})
			continue
		}
		st := Step{Text: texts[i], Evidence: r.evidence(printed, i), Similarity: map[block.Group]float64{}, Published: map[block.Group]float64{}}
		for _, group := range r.Plan.Groups {
			sum, n := 0.0, 0.0
			for _, id := range r.ids {
				if r.blocks.Layout.GroupOf(id) != group {
					continue
				}
				w := weightsOf(r.blocks, program, prefix.Column(id))
				if r.lacking(id, w) >= 0 { // a model that does not exist, in this block
					n = math.Inf(-1)
					continue
				}
				v, err := r.blocks.Score(id, w)
				if err != nil {
					return nil, err
				}
				sum += v
				n++
			}
			if n > 0 {
				st.Similarity[group] = sum / n
			}
		}
		steps = append(steps, st)
	}
	return steps, nil
}

// stepTexts returns the notation of each step.
func stepTexts(r *recipe.Recipe) []string {
	var texts []string
	for i := range r.Steps {
		one := &recipe.Recipe{Layout: r.Layout, Steps: r.Steps[i : i+1]}
		texts = append(texts, strings.TrimRight(one.String(), "\n"))
	}
	return texts
}

// vaeOf says where the target's VAE comes from, if a recipe gives the models
// the weights blend in BASE.
func vaeOf(g *similarity.Gram, blend []float64) VAE {
	v := VAE{}
	best := math.Inf(1)
	for i, d := range g.VAE() {
		if d >= 0 && d < best {
			best = d
			v = VAE{Source: g.Names[i], Same: d < sameBits, Difference: math.Sqrt(d)}
		}
	}
	if d := g.VAEOf(blend); !v.Same && d >= 0 && d < sameBits {
		v.Blended = true
	}
	return v
}

// checksum returns what CRC is to be.
func (s Summary) checksum() (string, error) {
	s.CRC = ""
	return checksum(s)
}

func (s *Summary) write(path string) (err error) {
	if s.CRC, err = s.checksum(); err != nil {
		return err
	}
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	return checkpoint.WriteFileAtomic(path, append(text, '\n'))
}

// ReadSummary returns what the last run of the study in dir found out. The
// error wraps [ErrPending] if no run has come to its end.
func ReadSummary(dir string) (*Summary, error) {
	if _, err := peek(dir); err != nil {
		return nil, err
	}
	path := filepath.Join(dir, summaryFile)
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("%s: %w: go on with \"resume\"", dir, ErrPending)
	}
	if err != nil {
		return nil, err
	}
	var s Summary
	err = json.Unmarshal(text, &s)
	if sum, bad := s.checksum(); err != nil || bad != nil || sum != s.CRC || s.Format != summaryFormat {
		return nil, fmt.Errorf("%s: %w: \"resume\" makes it anew", path, ErrDamaged)
	}
	return &s, nil
}

// Inputs returns the models of the study in dir, the target last.
func Inputs(dir string) ([]Input, error) {
	p, err := peek(dir)
	if err != nil {
		return nil, err
	}
	return p.inputs(), nil
}
