package recovery

import (
	"slices"

	"mixmatch/merge/recipe"
	"mixmatch/similarity"
	"mixmatch/studies"
)

// A found is what a study says. This file is the only one that knows where in a
// Summary it says so.
type found struct {
	verdict similarity.Verdict
	sources []string                   // said to be in the mix
	weights map[string]map[string]cell // by block and source
	missing float64                    // the weight of what is missing; 0 if nothing is said
	rank    int                        // of the LoRA in the mix; 0 if nothing is said
	recipe  *recipe.Recipe
}

// A cell is one source in one block.
type cell struct {
	weight, bar float64 // bar is the error printed
	in          bool    // it is said to take part
	vague       bool    // no error can be given
}

// read returns what s says.
func read(s *studies.Summary) (*found, error) {
	f := &found{verdict: s.Verdict, weights: map[string]map[string]cell{}}
	for _, q := range s.Sources {
		if q.Evidence == similarity.In {
			f.sources = append(f.sources, q.Name)
		}
	}
	if s.Missing != nil {
		f.missing = s.Missing.Weight
	}
	if s.LoRA != nil {
		f.rank = s.LoRA.Rank
	}
	for _, g := range s.Groups {
		for _, b := range g.Blocks {
			cells := map[string]cell{}
			for _, w := range b.Weights {
				cells[w.Source] = cell{weight: w.Weight, bar: w.Error, in: f.names(w.Source), vague: w.Vague}
			}
			f.weights[b.Name] = cells
		}
	}
	var err error
	f.recipe, err = s.Parse()
	return f, err
}

// names reports whether f says that the model called name is in the mix.
func (f *found) names(name string) bool { return slices.Contains(f.sources, name) }
