package report

import (
	"fmt"

	"mixmatch/merge/exchange"
	"mixmatch/studies"
)

// mostDocument is how long the recipe in one format may be, in bytes, to be in a page:
// sd-mecha's names every tensor.
const mostDocument = 200 << 10

// documents writes the recipe of s in every format that can be written.
func (p *View) documents(s *studies.Summary, keys []string, o Options) error {
	r, err := s.Parse()
	if err != nil {
		return fmt.Errorf("%w: %w", studies.ErrDamaged, err)
	}
	opt := exchange.Options{Date: o.Date, Models: map[string]exchange.Model{}, Keys: keys}
	for _, f := range p.Files {
		if f.Role != "target" && f.File != "" {
			opt.Models[f.Name] = exchange.Model{File: f.File, SHA256: f.SHA256, Legacy: f.Legacy}
		}
	}
	vae := ""
	if v := s.VAE; v.Same && !v.Blended {
		opt.VAE = v.Source
		if _, blended := r.Layout.MergesVAE(); blended || v.Source != r.KeySources()[0] {
			vae = fmt.Sprintf("the target has the VAE of %s, not a blend: bake that one in afterwards", v.Source)
		}
	}
	for _, f := range exchange.Formats() {
		if !f.CanWrite {
			continue
		}
		d := Document{Name: f.Name, Ext: f.Ext, Doc: f.Doc}
		text, notes, err := exchange.Export(r, f.Name, opt)
		if f.Name == "text" && err == nil { // with the similarity after each step
			text = []byte(s.Annotated())
		}
		switch {
		case err != nil:
			d.Why = err.Error()
		case len(text) > mostDocument:
			d.Why = fmt.Sprintf("it has %d kB, too many for this page: mixmatch export STUDY --format %s -o FILE%s", len(text)>>10, f.Name, f.Ext)
		default:
			d.Text, d.Notes = string(text), notes
			if vae != "" && f.Name != "json" {
				d.Notes = append([]string{vae}, d.Notes...)
			}
		}
		p.Formats = append(p.Formats, d)
	}
	return nil
}
