package studies

import (
	"mixmatch/merge/block"
	"mixmatch/merge/recipe"
)

// Parse returns the recipe of s.
func (s *Summary) Parse() (*recipe.Recipe, error) {
	l, err := block.For(s.Arch, s.Era)
	if err != nil {
		return nil, err
	}
	return recipe.Parse(l, s.Recipe, recipe.Options{})
}
