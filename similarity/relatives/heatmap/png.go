package heatmap

import (
	"bytes"
	"image"
	"image/color"
	"image/png"

	"golang.org/x/image/font/inconsolata"
	"golang.org/x/image/math/fixed"

	"mixmatch/merge/safetext"
)

// face is a font of bitmaps: the same pixels on every processor.
var face = inconsolata.Regular8x16

// PNG returns the picture as PNG. The font has the letters of Latin alone: what else is
// in a text is shown as "?", and lost tells whether something was.
func (p *Picture) PNG() (data []byte, lost bool, err error) {
	colours := color.Palette{color.White, color.Black}
	known := map[colour]bool{white: true, black: true}
	for _, s := range p.shapes {
		if !known[s.colour] && len(colours) < 256 {
			known[s.colour] = true
			colours = append(colours, s.colour.rgb())
		}
	}
	bounds := image.Rect(0, 0, p.Width, p.Height)
	img := image.NewPaletted(bounds, colours)
	for _, s := range p.shapes {
		ink := image.NewUniform(s.colour.rgb())
		switch s.kind {
		case rectShape:
			fill(img, image.Rect(s.x, s.y, s.x+s.w, s.y+s.h), ink)
		case lineShape:
			fill(img, image.Rect(s.x, s.y, s.w+1, s.h+1), ink)
		case textShape:
			lost = write(img, s) || lost
		}
	}
	var w bytes.Buffer
	if err := png.Encode(&w, img); err != nil {
		return nil, false, err
	}
	return w.Bytes(), lost, nil
}

func (c colour) rgb() color.RGBA { return color.RGBA{c.r, c.g, c.b, 255} }

func fill(img *image.Paletted, r image.Rectangle, ink *image.Uniform) {
	at := uint8(img.Palette.Index(ink.C))
	r = r.Intersect(img.Bounds())
	for y := r.Min.Y; y < r.Max.Y; y++ {
		row := img.Pix[img.PixOffset(r.Min.X, y):img.PixOffset(r.Max.X, y)]
		for x := range row {
			row[x] = at
		}
	}
}

// write writes a text, and reports whether there were signs that the font lacks.
func write(img *image.Paletted, s shape) (lost bool) {
	ink := uint8(img.Palette.Index(s.colour.rgb()))
	at := 0
	if s.align == centre {
		at = -safetext.Columns(s.text) * letter / 2
	}
	for _, r := range s.text {
		wide := safetext.Columns(string(r))
		if _, ok := face.GlyphAdvance(r); !ok || r == '\ufffd' {
			r, lost = '?', true
		}
		bounds, mask, from, _, _ := face.Glyph(fixed.P(0, 0), r)
		for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
			for x := bounds.Min.X; x < bounds.Max.X; x++ {
				_, _, _, a := mask.At(from.X+x-bounds.Min.X, from.Y+y-bounds.Min.Y).RGBA()
				if a < 0x8000 {
					continue
				}
				px, py := s.x+at+x, s.y+y+5 // the baseline is 5 below the middle
				if s.upright {
					px, py = s.x+y+5, s.y-at-x
				}
				if (image.Point{px, py}).In(img.Bounds()) {
					img.SetColorIndex(px, py, ink)
				}
			}
		}
		at += wide * letter
	}
	return lost
}
