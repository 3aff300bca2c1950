package picture

import (
	"fmt"
	"math"
)

// Scale returns the colour of a share from 0 to 1 on a scale that the colour-blind
// read as others do and that grows steadily lighter, so that it may be printed grey:
// cividis (Nuñez, Anderton and Renslow, PLOS ONE 13(7), 2018), by every fifteenth
// of its 256 colours. What is below 0 or above 1, or no number, has the colour of the end.
func Scale(share float64) Paint {
	r, g, b := scaled(share)
	return Paint(fmt.Sprintf("#%02x%02x%02x", r, g, b))
}

// On returns black or white, which of the two is to be read better on a share's colour.
func On(share float64) Paint {
	r, g, b := scaled(share)
	if luminance(r, g, b) > 0.21 { // where both have about the contrast 4.6 by WCAG 2
		return "#000000"
	}
	return "#ffffff"
}

func scaled(share float64) (r, g, b byte) {
	if !(share > 0) {
		share = 0
	}
	at := float64(min(share, 1) * float64(len(cividis)-1))
	i := min(int(at), len(cividis)-2)
	f := at - float64(i)
	mix := func(c int) byte {
		x, y := float64(cividis[i][c]), float64(cividis[i+1][c])
		return byte(math.Round(x + float64(f*(y-x))))
	}
	return mix(0), mix(1), mix(2)
}

var cividis = [18][3]byte{
	{0, 32, 76},
	{0, 42, 102},
	{0, 52, 110},
	{39, 63, 108},
	{60, 74, 107},
	{76, 85, 107},
	{91, 95, 109},
	{104, 106, 112},
	{117, 117, 117},
	{131, 129, 120},
	{146, 140, 120},
	{161, 152, 118},
	{176, 165, 114},
	{192, 177, 109},
	{209, 191, 102},
	{225, 204, 92},
	{243, 219, 79},
	{255, 233, 69},
}

// luminance is that of WCAG 2.2, with sRGB's curve as a square.
func luminance(r, g, b byte) float64 {
	lin := func(v byte) float64 { return float64(v) * float64(v) / (255 * 255) }
	return float64(0.2126*lin(r)) + float64(0.7152*lin(g)) + float64(0.0722*lin(b))
}
