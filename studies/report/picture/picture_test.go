package picture

import (
	"bytes"
	"encoding/xml"
	"errors"
	"image/png"
	"io"
	"math"
	"strings"
	"testing"
)

// some is a picture with every kind of shape, and a hostile text in each place that has
// one.
func some() *Picture {
	const hostile = `</title><script>alert(1)</script>"'&` + "\x00\u202e"
	p := &Picture{Title: hostile, Desc: hostile, W: 120, H: 80}
	p.Rect(1, 1, 20, 10, Scale(0.5)).Stroke(Soft, 1).Mark(hostile).Tip(hostile)
	p.Line([]float64{0, 30, 60}, []float64{70, 20, math.NaN()}, Series(1), 2).Dash()
	p.Segment(0, 0, 50, 50, Ink, 1)
	p.Circle(40, 40, 5, Paper).Stroke(Series(7), 1)
	p.Text(10, 30, 11, Middle, Ink, hostile).Bold()
	p.Text(90, 70, 11, End, Soft, hostile).Upward()
	h := &Heat{Title: hostile, Rows: []string{hostile, "b"}, Cols: []string{"x", hostile}, Values: [][]float64{{1, math.NaN()}, {0, 2}}, Texts: [][]string{{"1", ""}, {"0", hostile}}, Lo: 0, Hi: 2}
	q := h.Picture()
	p.shapes = append(p.shapes, q.shapes...)
	return p
}

// wellFormed fails unless text is one element of XML with nothing that acts.
func wellFormed(t *testing.T, text []byte) {
	t.Helper()
	d := xml.NewDecoder(bytes.NewReader(text))
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		if e, ok := token.(xml.StartElement); ok {
			if !strings.Contains(" svg title desc style rect path circle text ", " "+e.Name.Local+" ") {
				t.Errorf("element %s", e.Name.Local)
			}
			for _, a := range e.Attr {
				if strings.HasPrefix(a.Name.Local, "on") || strings.Contains(a.Name.Local, "href") {
					t.Errorf("attribute %s", a.Name.Local)
				}
			}
		}
	}
}

func TestSVG(t *testing.T) {
	p := some()
	wellFormed(t, p.SVG())
	wellFormed(t, []byte(p.Inline(`a"b`)))
	if text := string(p.SVG()); strings.Contains(text, "NaN") || strings.Contains(text, "\x00") || strings.Contains(text, "\u202e") {
		t.Error("a sign that acts, or a number that is none")
	}
}

func TestPNG(t *testing.T) {
	p := some()
	text, err := p.PNG()
	if err != nil {
		t.Fatal(err)
	}
	again, err := some().PNG()
	if err != nil || !bytes.Equal(text, again) {
		t.Errorf("the same picture is another file: %v", err)
	}
	img, err := png.Decode(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if b := img.Bounds(); b.Dx() != 240 || b.Dy() != 160 {
		t.Errorf("bounds %v", b)
	}
	// Within the rectangle there is its colour.
	want := rgb(string(Scale(0.5)))
	if r, g, b, _ := img.At(38, 8).RGBA(); byte(r>>8) != want.R || byte(g>>8) != want.G || byte(b>>8) != want.B {
		t.Errorf("colour %d %d %d; want %v", r>>8, g>>8, b>>8, want)
	}
	if s := p.Lacks(); s != "" {
		t.Errorf("the font lacks a sign of %q", s)
	}
	p.Text(0, 0, 10, Start, Ink, "混合")
	if s := p.Lacks(); s != "混合" {
		t.Errorf("lacks %q", s)
	}
}

// TestScale shows that the scale grows steadily lighter, and that what stands on it can
// be read: WCAG 2 asks for a contrast of 4.5.
func TestScale(t *testing.T) {
	last := -1.0
	for i := range 101 {
		share := float64(i) / 100
		l := exactLuminance(scaled(share))
		if l < last {
			t.Errorf("%v is darker than what is before it", share)
		}
		last = l
		on := 1.0
		if On(share) == "#000000" {
			on = 0
		}
		if c := (max(l, on) + 0.05) / (min(l, on) + 0.05); c < 4.4 {
			t.Errorf("contrast %.2f at %v", c, share)
		}
	}
	if Scale(-1) != Scale(0) || Scale(2) != Scale(1) || Scale(math.NaN()) != Scale(0) {
		t.Error("what is out of bounds has not the colour of the end")
	}
}

func exactLuminance(r, g, b byte) float64 {
	lin := func(v byte) float64 {
		x := float64(v) / 255
		if x <= 0.04045 {
			return x / 12.92
		}
		return math.Pow((x+0.055)/1.055, 2.4)
	}
	return 0.2126*lin(r) + 0.7152*lin(g) + 0.0722*lin(b)
}

// TestRoles shows that text can be read in both themes.
func TestRoles(t *testing.T) {
	paper := roles[3]
	for _, r := range roles {
		want := map[Paint]float64{Ink: 4.5, Soft: 4.5, Grid: 1, Paper: 1}[r.role]
		if want == 0 {
			want = 3
		}
		for _, pair := range [][2]string{{r.light, paper.light}, {r.dark, paper.dark}} {
			a, b := rgb(pair[0]), rgb(pair[1])
			x, y := exactLuminance(a.R, a.G, a.B), exactLuminance(b.R, b.G, b.B)
			if c := (max(x, y) + 0.05) / (min(x, y) + 0.05); c < want {
				t.Errorf("%s: %s on %s has the contrast %.2f", r.role, pair[0], pair[1], c)
			}
		}
	}
}

func TestFit(t *testing.T) {
	if s := Fit("short", 10, 100); s != "short" {
		t.Errorf("%q", s)
	}
	s := Fit("a name that is much too long", 10, 60)
	if !strings.HasSuffix(s, "…") || Width(s, 10) > 60 {
		t.Errorf("%q is %v wide", s, Width(s, 10))
	}
	if s := Fit("wide", 10, 1); s != "…" {
		t.Errorf("%q", s)
	}
}
