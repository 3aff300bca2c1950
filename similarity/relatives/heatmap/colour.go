package heatmap

import (
	"fmt"
	"math"
)

type colour struct{ r, g, b uint8 }

var (
	black = colour{0, 0, 0}
	white = colour{255, 255, 255}
	none  = colour{204, 204, 204} // of a pair without a number
)

// The ends of the scale, from 0 on, are ColorBrewer's Blues and the orange half of its
// PuOr (Harrower and Brewer 2003), which people who confuse red and green, or see no
// colours, tell apart: blue from orange, and more from less by how dark it is.
var (
	blues   = []colour{white, {198, 219, 239}, {107, 174, 214}, {33, 113, 181}, {8, 48, 107}}
	oranges = []colour{white, {254, 224, 182}, {253, 184, 99}, {179, 88, 6}, {127, 59, 8}}
)

// colour returns that of a value.
func (c *Chart) colour(v float64) colour {
	switch {
	case v != v:
		return none
	case c.Low >= 0:
		if c.Low >= 1 {
			return blues[len(blues)-1]
		}
		return between(blues, (v-c.Low)/(1-c.Low))
	case v < 0:
		return between(oranges, v/c.Low)
	}
	return between(blues, v)
}

// steps is how many colours a half of the scale has: all together are fewer than the
// 256 of a picture with a palette.
const steps = 120

// between returns the colour at x of a scale from 0 to 1.
func between(scale []colour, x float64) colour {
	at := float64(math.Round(min(1, max(0, x))*steps) / steps * float64(len(scale)-1))
	i := min(int(at), len(scale)-2)
	f := at - float64(i)
	mix := func(a, b uint8) uint8 {
		return uint8(math.Round(float64(float64(a)*(1-f)) + float64(float64(b)*f)))
	}
	a, b := scale[i], scale[i+1]
	return colour{mix(a.r, b.r), mix(a.g, b.g), mix(a.b, b.b)}
}

// luma is how light a colour looks, 0 to 255 (Rec. 601).
func (c colour) luma() int { return (299*int(c.r) + 587*int(c.g) + 114*int(c.b)) / 1000 }

// dark reports whether white text is easier to read on it than black.
func (c colour) dark() bool { return c.luma() < 140 }

func (c colour) String() string { return fmt.Sprintf("#%02x%02x%02x", c.r, c.g, c.b) }
