package report

import (
	"fmt"
	"strconv"

	"mixmatch/studies/report/picture"
)

// A Figure is a picture of a page, and the numbers in it as a table.
type Figure struct {
	Name    string // of its file, without an ending
	Title   string
	Caption string
	Picture *picture.Picture // nil where there is nothing to show
	Absent  string           // why
	Table   Table

	Choices []Choice // other things to colour a map by; the first is as it is drawn
}

// A Table is numbers as text, the first of each row its name.
type Table struct {
	Head []string
	Rows [][]string
}

// A Choice is something to colour a map by.
type Choice struct {
	Name  string              `json:"name"`
	Lo    string              `json:"lo"`
	Hi    string              `json:"hi"`
	Desc  string              `json:"desc"`
	Cells map[string]mapColor `json:"cells"` // by block
}

// A mapColor is what a block of a map shows.
type mapColor struct {
	Text string        `json:"t"`
	Fill picture.Paint `json:"f"` // "" where there is nothing
	Ink  picture.Paint `json:"i"`
}

// drawings are all pictures, in the order in which a page has them.
var drawings = []struct {
	name, title string
	draw        func(p *View, f *Figure)
}{
	{"map", "Map of the network", drawMap},
	{"weights", "Weights of the sources, block by block", drawWeights},
	{"reach", "How close it comes, and how close it could", drawReach},
	{"steps", "Step by step", drawSteps},
	{"left", "What is missing, by kind of tensor and block", drawLeft},
	{"values", "Singular values of the LoRA", drawValues},
	{"alike", "How alike the sources are", drawAlike},
	{"history", "The searches", drawHistory},
}

// Figures draws all pictures of p.
func (p *View) Figures() []*Figure {
	var all []*Figure
	for _, d := range drawings {
		f := &Figure{Name: d.name, Title: d.title, Absent: p.Absent[d.name]}
		if f.Absent == "" {
			d.draw(p, f)
		}
		if f.Picture != nil {
			f.Picture.Title = d.title
			if f.Picture.Desc == "" {
				f.Picture.Desc = f.Caption + " The numbers are in the table below it."
			}
		} else if f.Absent == "" {
			f.Absent = "there is nothing of it in the study yet"
		}
		all = append(all, f)
	}
	return all
}

// Pictures are all that p has, by the names of their files: of a map one for each
// thing that it is coloured by.
func (p *View) Pictures() (names []string, pictures []*picture.Picture) {
	for _, f := range p.Figures() {
		if f.Picture == nil {
			continue
		}
		if f.Name != "map" {
			names, pictures = append(names, f.Name), append(pictures, f.Picture)
			continue
		}
		for i := range f.Choices {
			q := p.mapOf(&f.Choices[i])
			q.Title = f.Title + ": " + f.Choices[i].Name
			names, pictures = append(names, mapName(i, f.Choices)), append(pictures, q)
		}
	}
	return names, pictures
}

// mapName names the file of a map: those of sources by their numbers, since names of
// models may be anything.
func mapName(i int, all []Choice) string {
	first := len(all)
	for k, c := range all {
		if c.source() {
			first = k
			break
		}
	}
	if i >= first {
		return fmt.Sprintf("map-weight-%02d", i-first+1)
	}
	return "map-" + []string{"similarity", "explained", "gap", "unexplained"}[indexOf(all[i].Name)]
}

// percentOf writes a similarity in as many digits as tell it from others.
func percentOf(v *float64) string {
	if v == nil {
		return "–"
	}
	return percent(*v)
}

func share100(v float64) string {
	switch p := 100 * v; {
	case p >= 10:
		return strconv.FormatFloat(p, 'f', 0, 64)
	case p >= 0.095:
		return strconv.FormatFloat(p, 'f', 1, 64)
	case p >= 0.005:
		return strconv.FormatFloat(p, 'f', 2, 64)[1:]
	}
	return "0"
}

// few writes a number in three digits.
func few(v float64) string { return strconv.FormatFloat(v, 'g', 3, 64) }

// blockNames returns the names of the page's blocks.
func (p *View) blockNames() (names []string) {
	for _, b := range p.Blocks {
		names = append(names, b.Name)
	}
	return names
}
