package picture

import (
	"bytes"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"math"
	"sync"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/fixed"
	"golang.org/x/image/vector"

	"mixmatch/merge/portable"
)

// pixels is how many there are to a unit.
const pixels = 2

// PNG returns the picture in its light colours, two pixels a unit. Signs that the Go
// fonts lack, such as those of Chinese, show as boxes; see [Picture.Lacks].
func (p *Picture) PNG() ([]byte, error) {
	c := canvas{image.NewRGBA(image.Rect(0, 0, int(math.Ceil(p.W*pixels)), int(math.Ceil(p.H*pixels))))}
	draw.Draw(c.img, c.img.Bounds(), image.NewUniform(rgb(light(Paper))), image.Point{}, draw.Src)
	for _, s := range p.shapes {
		if err := c.shape(s); err != nil {
			return nil, err
		}
	}
	var b bytes.Buffer
	err := png.Encode(&b, c.img)
	return b.Bytes(), err
}

type canvas struct{ img *image.RGBA }

func (c canvas) shape(s *Shape) error {
	switch s.kind {
	case rectKind:
		box := outline{{s.x, s.y}, {s.x + s.w, s.y}, {s.x + s.w, s.y + s.h}, {s.x, s.y + s.h}}
		c.fill(s.fill, box)
		c.fill(s.line, append(box, box[0]).strokes(s.width, s.dashed)...)
	case circleKind:
		ring := circle(point{s.x, s.y}, s.w)
		c.fill(s.fill, ring)
		c.fill(s.line, append(ring, ring[0]).strokes(s.width, s.dashed)...)
	case lineKind:
		var way outline
		for i := range s.xs {
			way = append(way, point{s.xs[i], s.ys[i]})
		}
		c.fill(s.line, way.strokes(s.width, s.dashed)...)
	case textKind:
		return c.text(s)
	}
	return nil
}

type point struct{ x, y float64 }

// An outline is the corners of a shape, or the points of a line.
type outline []point

func circle(m point, r float64) outline {
	const corners = 24
	var o outline
	for i := range corners {
		sin, cos := portable.Sincos(2 * math.Pi * float64(i) / corners)
		o = append(o, point{m.x + float64(r*cos), m.y + float64(r*sin)})
	}
	return o
}

// strokes returns what a pen of a width covers along o, as shapes that turn the same
// way, so that they add up where they overlap.
func (o outline) strokes(width float64, dashed bool) []outline {
	var all []outline
	const on, off = 4.0, 3.0
	at := 0.0
	for i := 1; i < len(o); i++ {
		a, b := o[i-1], o[i]
		length := math.Hypot(b.x-a.x, b.y-a.y)
		if length == 0 {
			continue
		}
		ux, uy := (b.x-a.x)/length, (b.y-a.y)/length
		piece := func(from, to float64) {
			nx, ny := float64(-uy*width/2), float64(ux*width/2)
			p, q := point{a.x + float64(ux*from), a.y + float64(uy*from)}, point{a.x + float64(ux*to), a.y + float64(uy*to)}
			all = append(all, outline{{p.x - nx, p.y - ny}, {q.x - nx, q.y - ny}, {q.x + nx, q.y + ny}, {p.x + nx, p.y + ny}})
		}
		if !dashed {
			piece(0, length)
			if i > 1 {
				all = append(all, circle(a, width/2)) // the joint
			}
			continue
		}
		for s := -math.Mod(at, on+off); s < length; s += on + off {
			if from, to := max(0, s), min(length, s+on); from < to {
				piece(from, to)
			}
		}
		at += length
	}
	return all
}

// fill paints outlines, which turn the same way.
func (c canvas) fill(p Paint, all ...outline) {
	if p == "" || len(all) == 0 {
		return
	}
	x0, y0, x1, y1 := math.Inf(1), math.Inf(1), math.Inf(-1), math.Inf(-1)
	for _, o := range all {
		for _, q := range o {
			x0, y0, x1, y1 = min(x0, q.x), min(y0, q.y), max(x1, q.x), max(y1, q.y)
		}
	}
	box := image.Rect(int(math.Floor(x0*pixels)), int(math.Floor(y0*pixels)), int(math.Ceil(x1*pixels))+1, int(math.Ceil(y1*pixels))+1).Intersect(c.img.Bounds())
	if box.Empty() {
		return
	}
	z := vector.NewRasterizer(box.Dx(), box.Dy())
	for _, o := range all {
		for i, q := range o {
			x, y := float32(q.x*pixels-float64(box.Min.X)), float32(q.y*pixels-float64(box.Min.Y))
			if i == 0 {
				z.MoveTo(x, y)
			} else {
				z.LineTo(x, y)
			}
		}
		z.ClosePath()
	}
	z.Draw(c.img, box, image.NewUniform(rgb(light(p))), image.Point{})
}

func (c canvas) text(s *Shape) error {
	f, err := face(s.size*pixels, s.bold)
	if err != nil {
		return err
	}
	facesLock.Lock()
	defer facesLock.Unlock() // a face is not to be used concurrently
	width := font.MeasureString(f, s.text)
	back := width * fixed.Int26_6(s.anchor) / 2
	src := image.NewUniform(rgb(light(s.fill)))
	if !s.upward {
		d := font.Drawer{Dst: c.img, Src: src, Face: f, Dot: fixed.Point26_6{X: fixed.Int26_6(s.x*pixels*64) - back, Y: fixed.Int26_6(s.y * pixels * 64)}}
		d.DrawString(s.text)
		return nil
	}
	high := int(math.Ceil(s.size * pixels * 2))
	flat := image.NewAlpha(image.Rect(0, 0, width.Ceil()+2, high))
	d := font.Drawer{Dst: flat, Src: image.Opaque, Face: f, Dot: fixed.P(0, high/2)}
	d.DrawString(s.text)
	turned := image.NewAlpha(image.Rect(0, 0, high, flat.Rect.Dx()))
	for y := range high {
		for x := range flat.Rect.Dx() {
			turned.SetAlpha(y, flat.Rect.Dx()-1-x, flat.AlphaAt(x, y))
		}
	}
	at := image.Pt(int(s.x*pixels)-high/2, int(s.y*pixels)-flat.Rect.Dx()+back.Round())
	draw.DrawMask(c.img, turned.Rect.Add(at), src, image.Point{}, turned, image.Point{}, draw.Over)
	return nil
}

type faceKey struct {
	size float64
	bold bool
}

var (
	facesLock sync.Mutex
	faces     = map[faceKey]font.Face{}
	fonts     = sync.OnceValues(func() ([2]*opentype.Font, error) {
		regular, err := opentype.Parse(goregular.TTF)
		if err != nil {
			return [2]*opentype.Font{}, err
		}
		bold, err := opentype.Parse(gobold.TTF)
		return [2]*opentype.Font{regular, bold}, err
	})
)

func face(size float64, bold bool) (font.Face, error) {
	both, err := fonts()
	if err != nil {
		return nil, err
	}
	facesLock.Lock()
	defer facesLock.Unlock()
	key := faceKey{size, bold}
	if f := faces[key]; f != nil {
		return f, nil
	}
	which := both[0]
	if bold {
		which = both[1]
	}
	f, err := opentype.NewFace(which, &opentype.FaceOptions{Size: size, DPI: 72, Hinting: font.HintingNone})
	if err == nil {
		faces[key] = f
	}
	return f, err
}

// Width returns about how wide text is at a size, in the Go font: that of a page may
// be another.
func Width(text string, size float64) float64 {
	f, err := face(16, false)
	if err != nil {
		return size * 0.6 * float64(len(text))
	}
	facesLock.Lock()
	defer facesLock.Unlock()
	return float64(font.MeasureString(f, text)) / 64 / 16 * size
}

// Lacks returns the first text of which the fonts of [Picture.PNG] lack a sign, "" if
// there is none.
func (p *Picture) Lacks() string {
	both, err := fonts()
	if err != nil {
		return ""
	}
	var buffer sfnt.Buffer
	for _, s := range p.shapes {
		for _, r := range s.text {
			if i, err := both[0].GlyphIndex(&buffer, r); err != nil || i == 0 {
				return s.text
			}
		}
	}
	return ""
}

// rgb reads a colour as #rrggbb.
func rgb(s string) color.RGBA {
	digit := func(i int) byte {
		if i >= len(s) {
			return 0
		}
		switch c := s[i]; {
		case c >= '0' && c <= '9':
			return c - '0'
		case c >= 'a' && c <= 'f':
			return c - 'a' + 10
		}
		return 0
	}
	pair := func(i int) byte { return digit(i)<<4 | digit(i+1) }
	return color.RGBA{pair(1), pair(3), pair(5), 255}
}
