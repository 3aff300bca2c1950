package heatmap

import (
	"bytes"
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"image/png"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mixmatch/similarity/relatives"
)

var update = flag.Bool("update", false, "rewrite the expected outputs")

// chart makes one of two families of models.
func chart(names ...string) Chart {
	m := &relatives.Matrix{Names: names}
	for i := range names {
		row := make([]float64, len(names))
		for j := range row {
			switch {
			case i == j:
				row[j] = 1
			case i%2 == j%2:
				row[j] = max(-0.5, 0.7-float64(i+j)/100)
			default:
				row[j] = min(0.5, float64(i+j)/50-0.3)
			}
		}
		m.Values = append(m.Values, row)
	}
	return Chart{Title: "cosine of deltas from base, network", Matrix: m, Tree: relatives.Cluster(m), Low: -1}
}

var hostile = []string{
	`"><script>alert(1)</script>`, "a\x1b[31mb\x00", "\u202egnp.exe", "]]>&amp;&<!--", "日本語のモデル名がとても長い場合はどうなるか", "x\ny\u2028z", "\xff\xfe",
	strings.Repeat("long", 100), "", "e\u0301", "\ufffe",
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(bytes.ReplaceAll(want, []byte("\r\n"), []byte("\n")), got) {
		t.Errorf("%s is another; -update writes it anew", name)
	}
}

func TestGolden(t *testing.T) {
	c := chart("anything-v3", "OpenBra", "counterfeit", "OpenBra1.1")
	c.Notes = []string{"without --base the deltas are taken from the mean of the 4 models: unrelated ones have cosines of about -0.33"}
	c.Matrix.Values[1][2], c.Matrix.Values[2][1] = math.NaN(), math.NaN()
	p, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "four.svg", p.SVG())
	plain := chart(hostile...)
	plain.Low = 0
	if p, err = New(plain); err != nil {
		t.Fatal(err)
	}
	golden(t, "hostile.svg", p.SVG())
}

// TestHostile holds pictures to well-formed XML in which names are nothing but text.
func TestHostile(t *testing.T) {
	for _, title := range hostile {
		c := chart(hostile...)
		c.Title, c.Notes = title, hostile
		p, err := New(c)
		if err != nil {
			t.Fatal(err)
		}
		known := map[string]bool{"svg": true, "title": true, "rect": true, "path": true, "text": true}
		d := xml.NewDecoder(bytes.NewReader(p.SVG()))
		for {
			token, err := d.Token()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("%q: %v", title, err)
			}
			switch token := token.(type) {
			case xml.StartElement:
				if !known[token.Name.Local] {
					t.Errorf("%q: an element %s", title, token.Name.Local)
				}
			case xml.CharData:
				if strings.ContainsAny(string(token), "\x1b\x00\u202e\u2028") {
					t.Errorf("%q: %q", title, token)
				}
			case xml.Comment, xml.ProcInst, xml.Directive:
				t.Errorf("%q: %v", title, token)
			}
		}
		if _, lost, err := p.PNG(); err != nil || !lost {
			t.Errorf("%q: %v, %v", title, lost, err)
		}
	}
}

// TestPNG reads the picture back.
func TestPNG(t *testing.T) {
	for _, n := range []int{1, 2, 40, 41, 200} {
		var names []string
		for i := range n {
			names = append(names, fmt.Sprint("model ", i))
		}
		p, err := New(chart(names...))
		if err != nil {
			t.Fatal(err)
		}
		data, lost, err := p.PNG()
		if err != nil || lost {
			t.Fatalf("%d: %v, %v", n, lost, err)
		}
		img, err := png.Decode(bytes.NewReader(data))
		if err != nil || img.Bounds().Dx() != p.Width || img.Bounds().Dy() != p.Height {
			t.Fatalf("%d: %v, %v", n, img.Bounds(), err)
		}
		diagonal := 0
		for _, s := range p.shapes {
			if s.kind != rectShape || s.text == "" {
				continue
			}
			r, g, b, _ := img.At(s.x+1, s.y+1).RGBA()
			if got := (colour{uint8(r >> 8), uint8(g >> 8), uint8(b >> 8)}); got != s.colour {
				t.Fatalf("%d: %s is %v, not %v", n, s.text, got, s.colour)
			}
			if s.colour == blues[len(blues)-1] {
				diagonal++
			}
		}
		if diagonal != n {
			t.Errorf("%d: %d cells of 1", n, diagonal)
		}
	}
	if _, err := New(Chart{Matrix: &relatives.Matrix{Names: make([]string, Most+1)}}); !errors.Is(err, ErrTooMany) {
		t.Errorf("too many: %v", err)
	}
}

// TestColours holds the scale to what people see who confuse red and green, or see
// shades alone: more is darker, and the signs differ in how blue they are.
func TestColours(t *testing.T) {
	for _, c := range []Chart{{Low: -1}, {Low: 0}, {Low: 0.9}} {
		for _, sign := range []float64{1, -1} {
			if sign < 0 && c.Low >= 0 {
				continue
			}
			from := max(c.Low, 0)
			last := c.colour(sign * from).luma()
			for k := 1; k <= 100; k++ {
				now := c.colour(sign * (from + (1-from)*float64(k)/100)).luma()
				if now > last {
					t.Errorf("from %v: %d %% of %v is lighter than less", c.Low, k, sign)
				}
				last = now
			}
		}
	}
	c := Chart{Low: -1}
	blue := func(x colour) int { return 2*int(x.b) - int(x.r) - int(x.g) }
	for k := 10; k <= 100; k++ {
		more, less := c.colour(float64(k)/100), c.colour(-float64(k)/100)
		if blue(more)-blue(less) < 20 {
			t.Errorf("%d and -%d hundredths: %v, %v", k, k, more, less)
		}
	}
	all := map[colour]bool{white: true, black: true, none: true}
	for k := -1000; k <= 1000; k++ {
		all[c.colour(float64(k)/1000)] = true
	}
	if len(all) > 256 {
		t.Errorf("%d colours", len(all))
	}
}
