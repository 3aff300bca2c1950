package recipe

// KeySources returns the sources that the result has its keys from: first the
// one that model A comes down to, then those that give it what it lacks. In
// SuperMerger that is model B, but never where it stands for a difference,
// which is no model.
func (r *Recipe) KeySources() []string {
	steps := map[string]*Step{}
	for i := range r.Steps {
		steps[r.Steps[i].Out] = &r.Steps[i]
	}
	var keys []string
	seen := map[string]bool{}
	var follow func(name string)
	follow = func(name string) {
		if seen[name] {
			return
		}
		seen[name] = true
		s := steps[name]
		if s == nil {
			keys = append(keys, name)
			return
		}
		follow(s.A)
		if s.Mode != AddDifference && s.Mode != AddLoRA {
			follow(s.B)
		}
	}
	follow(r.Result())
	return keys
}
