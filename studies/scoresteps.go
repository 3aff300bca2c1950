package studies

import (
	"math"
	"strings"

	"mixmatch/merge/block"
	"mixmatch/merge/recipe"
)

// scoreSteps scores the model after each step.
func (p *problem) scoreSteps(printed *recipe.Recipe) ([]Step, error) {
	texts := stepTexts(printed)
	var steps []Step
	for i := range printed.Steps {
		prefix := &recipe.Recipe{Layout: printed.Layout, Steps: printed.Steps[:i+1]}
		program := prefix.Program()
		if !prefix.Linear() {
			steps = append(steps, Step{Text: texts[i], Evidence: p.evidence(printed, i)})
			continue
		}
		st := Step{Text: texts[i], Evidence: p.evidence(printed, i), Similarity: map[block.Group]float64{}, Published: map[block.Group]float64{}}
		for _, group := range p.Plan.Groups {
			sum, n := 0.0, 0.0
			for _, id := range p.ids {
				if p.blocks.Layout.GroupOf(id) != group {
					continue
				}
				w := weightsOf(p.blocks, program, prefix.Column(id))
				if lacking(p.blocks, id, w) >= 0 { // a model that does not exist, in this block
					n = math.Inf(-1)
					continue
				}
				v, err := p.blocks.Score(id, w)
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
