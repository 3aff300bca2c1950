package report

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"

	"mixmatch/merge/safetext"
	"mixmatch/studies/report/picture"
)

// What the page is made of. There is no build step: these are the files.
var (
	//go:embed web/page.html
	pageHTML string
	//go:embed web/page.css
	pageCSS string
	//go:embed web/page.js
	pageJS string
)

var pageTemplate = template.Must(template.New("page").Funcs(template.FuncMap{
	"line":     func(v any) string { return safetext.Line(fmt.Sprint(v)) },
	"document": func(s string) string { return string(safetext.Document([]byte(s))) },
	"short":    func(s string) string { return safetext.Short(s, 200) },
	"percent": func(v any) string {
		if p, ok := v.(*float64); ok {
			return percentOf(p)
		}
		return percent(v.(float64))
	},
	"upper":    upper,
	"evidence": evidence,
	"range_":   rangeText,
	"bar":      errorBar,
	"autov2":   func(s string) string { return s[:min(10, len(s))] },
}).Parse(pageHTML))

// An inlineFigure is a figure of a page.
type inlineFigure struct {
	*Figure
	Inline template.HTML
}

// HTML writes p as a page that needs nothing else: no file, no network. A browser is
// told to load nothing (Content-Security-Policy), whatever names of models may hold.
func (p *View) HTML(w io.Writer) error {
	style := themes() + pageCSS + picture.Rules()
	data := struct {
		Page                         *View
		Figures                      []inlineFigure
		Choices                      []Choice
		Explained, Published, NoHash bool
		Policy                       string
		Style                        template.CSS
		Script                       template.JS
	}{Page: p, Style: template.CSS(style), Script: template.JS(pageJS)}
	data.Policy = fmt.Sprintf("default-src 'none'; img-src data:; base-uri 'none'; form-action 'none'; style-src '%s'; script-src '%s'", digest(style), digest(pageJS))
	for _, f := range p.Figures() {
		g := inlineFigure{Figure: f}
		if f.Picture != nil {
			g.Inline = template.HTML(f.Picture.Inline("pic-" + f.Name))
		}
		if f.Choices != nil {
			data.Choices = f.Choices
		}
		data.Figures = append(data.Figures, g)
	}
	for _, g := range p.Groups {
		data.Explained = data.Explained || g.Explained != nil
		data.Published = data.Published || g.Published != nil
	}
	for _, f := range p.Files {
		data.NoHash = data.NoHash || f.SHA256 == "" && f.Note == ""
	}
	return pageTemplate.Execute(w, data)
}

// digest is what a policy knows an inline style or script by.
func digest(s string) string {
	sum := sha256.Sum256([]byte(s))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}

// themes declares the colours: as the system has it, unless the page's switch says
// otherwise, and light on paper.
func themes() string {
	light := picture.Variables(false) + "--soft-ground:#f3f5f7;color-scheme:light;"
	dark := picture.Variables(true) + "--soft-ground:#1f252c;color-scheme:dark;"
	return fmt.Sprintf(":root{%[1]s}@media (prefers-color-scheme:dark){:root:not([data-theme=light]){%[2]s}}:root[data-theme=dark]{%[2]s}"+
		"@media print{:root,:root[data-theme=dark],:root:not([data-theme=light]){%[1]s}}\n", light, dark)
}
