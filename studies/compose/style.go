package compose

import "errors"

// A Style is a wish for the steps. None but [Author] has more steps than there are
// sources less one.
type Style string

const (
	// Default is Author where all that is left is rounding, else Fewest.
	Default Style = ""
	// Author is the steps that whoever made the target took, as far as the weights
	// tell: those with the shortest description. See [Composition.AuthorsOwn].
	Author Style = "author"
	// Fewest is one step fewer than there are sources: weight sums where they serve,
	// else add differences.
	Fewest Style = "fewest"
	// Add is add differences only.
	Add Style = "add"
	// Between is ratios from 0 to 1 only, as sliders of other programs have them.
	Between Style = "between"
	// Triple is triple sums, which bring in two models each: half the steps.
	Triple Style = "triple"
)

// Styles returns the styles, the default first.
func Styles() []Style { return []Style{Default, Author, Fewest, Add, Between, Triple} }

// ErrStyle is wrapped by errors that mean that the steps cannot have the style.
// [Fewest] and [Add] can always be had.
var ErrStyle = errors.New("the steps cannot have the style that was asked for")

// applyStyle gives the steps that chooseOrder chose the style that is wanted.
func (c *Composition) applyStyle() error {
	if len(c.order) == 1 {
		return nil
	}
	switch c.style {
	case Between:
		return c.applyBetween()
	case Triple:
		return c.applyTriple()
	case Add:
		if c.subtracted < 0 {
			c.subtracted = c.order[0]
		}
	default:
		if c.subtracted < 0 && !c.weightSumsServe() {
			c.subtracted = c.order[0]
		}
	}
	return nil
}

// broughtIn returns the models that each step brings in: all but the first, one
// or two a step.
func (c *Composition) broughtIn() [][]int {
	var steps [][]int
	rest := c.order[1:]
	for len(rest) > 0 {
		n := 1
		if c.style == Triple && len(rest)%2 == 0 {
			n = 2
		}
		steps = append(steps, rest[:n])
		rest = rest[n:]
	}
	return steps
}
