package identify

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"mixmatch/merge/block"
	"mixmatch/similarity"
)

// A mix is a block's weights, by model, and how sure they are.
type mix struct {
	weights, bars, low, high []float64
	vague                    []bool
	best                     *similarity.Fit
}

// solve returns the mix of a block. Where all sources are there it is that of those
// needed alone; else that of all, since what is missing may hide behind any.
func (w *weighing) solve(id block.ID) (*mix, error) {
	n := len(w.models)
	e := w.proof.Blocks[id]
	m := &mix{weights: make([]float64, n), bars: make([]float64, n), low: make([]float64, n), high: make([]float64, n), vague: make([]bool, n)}
	var some []int
	for _, i := range w.proof.Chosen {
		if !w.blocks.Lacks(id, i) {
			some = append(some, i)
		}
	}
	slices.Sort(some)
	var err error
	if len(some) == 0 || w.blocks.IsDifference(some[0]) {
		m.best, err = w.blocks.Ceiling(id)
	} else {
		m.best, err = w.blocks.Fit(id, some, nil)
	}
	if err != nil {
		return nil, err
	}
	for i := range n {
		if w.proof.Exact {
			m.weights[i], m.bars[i] = m.best.Weights[i], similarity.BarExact*m.best.SE[i]
			m.low[i], m.high[i] = m.weights[i]-m.bars[i], m.weights[i]+m.bars[i]
		} else {
			m.weights[i], m.bars[i], m.low[i], m.high[i] = e.Weights[i], e.Bars[i], e.Low[i], e.High[i]
		}
		if m.vague[i] = math.IsInf(m.bars[i], 1); m.vague[i] {
			m.bars[i], m.low[i], m.high[i] = 0, 0, 0
		}
	}
	return m, nil
}

// result makes the result.
func (w *weighing) result() (*Result, error) {
	r := &Result{
		Sources: []Source{}, Format: 1, Target: w.target.Name, Arch: w.target.Arch, Era: w.era, EraBy: w.eraBy, Notes: w.notes, Itself: w.screen.itself,
		Library: Screened{Records: w.screen.count, Others: w.screen.differ, Read: len(w.known), Rounds: w.rounds},
	}
	if w.o.Base != nil {
		r.Base = w.o.Base.Name
	}
	mixes := map[block.ID]*mix{}
	var findings []similarity.Finding
	for _, id := range w.ids {
		m, err := w.solve(id)
		if err != nil {
			return nil, err
		}
		mixes[id] = m
		f := w.blocks.Judge(id, w.blocks.Distance(id, m.best.Weights), m.best, w.base, max(1, len(w.proof.Chosen)), w.proof.Blocks[id].Exact)
		findings = append(findings, f)
		b := Block{Name: w.blocks.Layout.Name(id), Numbers: w.numbers(id), Verdict: f.Verdict, Cosine: m.best.Cosine, Unexplained: f.Unexplained, Noise: f.Noise, Weights: []Weight{}}
		for _, i := range w.named() {
			if w.blocks.Lacks(id, i) {
				continue
			}
			b.Weights = append(b.Weights, Weight{w.name(i), m.weights[i], m.bars[i], m.vague[i], m.low[i], m.high[i]})
		}
		for _, set := range w.proof.Blocks[id].Same {
			var names []string
			for _, i := range set {
				if w.proof.Models[i].Standing != similarity.Out {
					names = append(names, w.name(i))
				}
			}
			if len(names) > 1 {
				b.Same = append(b.Same, names)
			}
		}
		r.Blocks = append(r.Blocks, b)
	}
	r.Verdict = similarity.Sum(findings)
	w.doubtCentre()
	for _, i := range w.named() {
		s := w.source(i, mixes)
		if s.Evidence == similarity.In && !w.proof.Exact && w.rounds > 0 && math.Abs(s.Share) <= s.Error && few*s.In < s.Of {
			// All blocks together make it sure, and few do: so it is with relatives of what is
			// missing, chosen from among thousands for being like it.
			s.Evidence = similarity.Perhaps
		}
		r.Sources = append(r.Sources, s)
	}
	r.Missing = w.missing(r.Sources)
	for i := range r.Sources {
		if s := &r.Sources[i]; s.Evidence == similarity.In && !s.Base && w.doubtful(s, r.Missing) {
			s.Evidence = similarity.Perhaps
		}
	}
	r.Parts = w.partsOf(r)
	slices.SortStableFunc(r.Sources, func(a, b Source) int {
		return cmp.Or(cmp.Compare(a.Evidence, b.Evidence), cmp.Compare(b.Share, a.Share)) // "in" is before "perhaps"
	})
	return r, nil
}

// Of models that were named, and not chosen among many: where so much is missing, or it
// cannot be told how much, only sources that weigh half of it at least are not taken
// for its relatives. And as few models as these tell nothing of how far models are alike.
const (
	muchMissing = 0.4
	fewModels   = 3
)

// doubtful reports whether source s, which seems to be in it, may only be like what is
// missing, or weighs nothing that stands clear of its error.
func (w *weighing) doubtful(s *Source, m *Missing) bool {
	// A twin makes the error of a sure source as large as its share, and no larger.
	if s.Error >= 3*math.Abs(s.Share) {
		return true
	}
	if m == nil || s.LoRA {
		return false
	}
	models := 0
	for i, f := range w.models {
		if !f.Difference && i != w.base {
			models++
		}
	}
	rest := m.Weight
	if rest == 0 {
		rest = 1
	}
	return models < fewModels || w.rounds == 0 && rest >= muchMissing && math.Abs(s.Share) < rest/2
}

// missing says what is in no record, or returns nil.
//
// How much it weighs can be told in two ways. By its size, if it differs from the
// models as they do from each other: [similarity.Unknown]. And by what the sources
// leave of 1, since all that stands for a missing model has its weight together, if
// nothing else is among it, such as the base. The second is far more exact, and is
// believed where the first does not speak against it. It tells the sign, too: with a
// model that is subtracted the others come to more than 1.
func (w *weighing) missing(sources []Source) *Missing {
	u := w.proof.Unknown
	if u == nil {
		return nil
	}
	rest := 1.0
	for _, s := range sources {
		if !s.LoRA && (s.Evidence == similarity.In || !s.Base && math.Abs(s.Share) > s.Error) {
			rest -= s.Share
		}
	}
	m := &Missing{Weight: u.Weight, Low: u.Low, High: u.High, Subtracted: u.Subtracted && rest < smallest}
	for _, i := range u.Near {
		m.Near = append(m.Near, w.name(i))
	}
	if size := math.Abs(rest); m.Subtracted == (rest < 0) && u.Low/2 <= size && size <= 2*u.High {
		m.Weight, m.Low, m.High = size, min(m.Low, size), max(m.High, size)
	}
	m.High = min(m.High, mostMissing(m.Subtracted))
	m.Low = min(m.Low, m.High)
	return m
}

// mostMissing is the largest weight of what is missing: all, or what a slider gives
// when the base is subtracted.
func mostMissing(subtracted bool) float64 {
	if subtracted {
		return 4
	}
	return 1
}

// doubtCentre leaves a model at perhaps that lies where all models have their middle,
// if something is missing: what all were trained from stands in for any model, and no
// regression on others shows it.
func (w *weighing) doubtCentre() {
	if w.proof.Exact {
		return
	}
	for i := range w.proof.Models {
		if m := &w.proof.Models[i]; i != w.base && w.models[i].Content == w.central && m.Standing == similarity.In {
			m.Standing = similarity.Perhaps
		}
	}
}

// named returns the models that are in the target, or perhaps.
func (w *weighing) named() []int {
	var out []int
	for i, m := range w.proof.Models {
		if m.Standing != similarity.Out {
			out = append(out, i)
		}
	}
	return out
}

// name returns what model i is called: with the beginning of its content behind it, if
// another of the short list is called the same.
func (w *weighing) name(i int) string {
	f := w.models[i]
	for k, o := range w.models {
		if k != i && o.Name == f.Name {
			return fmt.Sprintf("%s#%.8s", f.Name, f.Content)
		}
	}
	return f.Name
}

// source sums up the weights of model i.
func (w *weighing) source(i int, mixes map[block.ID]*mix) Source {
	f := w.models[i]
	s := Source{Card: f.Card, Content: f.Content, LoRA: f.Difference, Base: i == w.base, Evidence: w.proof.Models[i].Standing, Same: w.same[f.Content]}
	s.Name = w.name(i)
	total, variance, sum := 0.0, 0.0, 0.0
	for _, id := range w.ids {
		if w.blocks.Lacks(id, i) || w.blocks.Idle(id, i) {
			continue
		}
		m, n := mixes[id], float64(w.numbers(id))
		v := m.weights[i]
		s.Of++
		if !m.vague[i] && math.Abs(v) > max(far*m.bars[i], smallest) {
			if s.In == 0 || v < s.Low {
				s.Low = v
			}
			if s.In == 0 || v > s.High {
				s.High = v
			}
			s.In++
		}
		total += n
		s.Share += float64(n * v)
		variance += float64(n * n * m.bars[i] * m.bars[i])
		sum += float64(n * m.bars[i])
	}
	if total > 0 {
		s.Share /= total
		s.Error = math.Sqrt(variance) / total // what is rounding is another in each block
		if !w.proof.Exact {                   // and what stands for something missing is not
			s.Error = sum / total
		}
	}
	return s
}

// partsOf says where the parts that are the same in a model read are from: in sources
// first.
func (w *weighing) partsOf(r *Result) []Part {
	var out []Part
	for _, part := range block.Parts() {
		name := part.String()
		if w.target.Parts[name] == "" {
			continue
		}
		p := Part{Part: name, Same: []string{}}
		for _, s := range r.Sources {
			if slices.Contains(w.parts[name], s.Name) {
				p.Same = append(p.Same, s.Name)
			}
		}
		p.Same = union(p.Same, w.parts[name])
		out = append(out, p)
	}
	return out
}

// A source is in a block if its weight there is so many error bars from zero, 3.5
// standard errors where all sources are there, and more than is ever typed as nothing.
const (
	far      = 1.75
	smallest = 0.0005
)

// few is the part of the blocks, one in so many, in which a weight may stand clear by
// what it is like.
const few = 4

// numbers returns how many elements of the model are in a block.
func (w *weighing) numbers(id block.ID) int {
	n := 0
	for b := range w.target.Sections {
		s := &w.target.Sections[b]
		if of, ok := w.blocks.Layout.Of(s.Key); ok && of == id {
			n += s.Len
		}
	}
	return n
}
