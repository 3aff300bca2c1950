package exchange

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"io"

	"mixmatch/merge/block"
	"mixmatch/merge/recipe"
)

//go:embed schema/recipe.schema.json
var schema string

// Schema returns the JSON Schema of the format "json".
func Schema() string { return schema }

const jsonFormat = "mixmatch recipe 1"

// A document is a recipe in JSON.
type document struct {
	Format  string                        `json:"format"`
	Arch    block.Arch                    `json:"arch,omitempty"`
	Era     block.Era                     `json:"era"`
	Blocks  []string                      `json:"blocks"`
	Sources []jsonSource                  `json:"sources,omitempty"`
	Steps   []jsonStep                    `json:"steps"`
	Weights map[string]map[string]float64 `json:"weights,omitempty"`
	VAE     string                        `json:"vae,omitempty"` // whose VAE the result has; read and left out
}

type jsonSource struct {
	Name   string `json:"name"`
	File   string `json:"file,omitempty"`
	SHA256 string `json:"sha256,omitempty"`
}

type jsonStep struct {
	Mode  string      `json:"mode"`
	A     string      `json:"a"`
	B     string      `json:"b"`
	C     string      `json:"c,omitempty"`
	Alpha []jsonRatio `json:"alpha"`
	Beta  []jsonRatio `json:"beta,omitempty"`
	Out   string      `json:"out"`
}

// A jsonRatio is a number, or an object for one that is open.
type jsonRatio recipe.Ratio

type jsonHole struct {
	Open string  `json:"open"`
	Lo   float64 `json:"lo"`
	Hi   float64 `json:"hi"`
}

// MarshalJSON writes a number, or an object that says what is open.
func (q jsonRatio) MarshalJSON() ([]byte, error) {
	switch q.Hole {
	case recipe.Own:
		return json.Marshal(jsonHole{"own", q.Lo, q.Hi})
	case recipe.Shared:
		return json.Marshal(jsonHole{"shared", q.Lo, q.Hi})
	}
	return json.Marshal(q.Value)
}

// UnmarshalJSON reads either.
func (q *jsonRatio) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] != '{' {
		var v *float64
		if err := json.Unmarshal(b, &v); err != nil {
			return err
		}
		if v == nil {
			return fmt.Errorf("a ratio is null")
		}
		*q = jsonRatio{Value: *v + 0} // -0 is 0
		return nil
	}
	h := jsonHole{Lo: recipe.DefaultLo, Hi: recipe.DefaultHi}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&h); err != nil {
		return err
	}
	hole := recipe.Own
	switch h.Open {
	case "own":
	case "shared":
		hole = recipe.Shared
	default:
		return fmt.Errorf(`a ratio is open %q: "own" or "shared" is known`, h.Open)
	}
	*q = jsonRatio(recipe.Open(hole, h.Lo+0, h.Hi+0))
	return nil
}

func writeJSON(e *exporter) ([]byte, error) {
	doc := document{Format: jsonFormat, Arch: e.Layout.Arch(), Era: e.Layout.Era(), Blocks: e.Layout.Names(), VAE: e.opt.VAE}
	for _, name := range e.Sources() {
		m := e.opt.Models[name]
		doc.Sources = append(doc.Sources, jsonSource{name, m.File, m.SHA256})
	}
	ratios := func(row recipe.Row) []jsonRatio {
		var list []jsonRatio
		for _, q := range row {
			list = append(list, jsonRatio(q))
		}
		return list
	}
	for i := range e.Steps {
		s := &e.Steps[i]
		doc.Steps = append(doc.Steps, jsonStep{s.Mode.String(), s.A, s.B, s.C, ratios(s.Alpha), ratios(s.Beta), s.Out})
	}
	if e.fixed() == nil {
		doc.Weights = map[string]map[string]float64{}
		for id := range e.Layout.Blocks().All() {
			w := map[string]float64{}
			for name, q := range e.Flatten(id) {
				w[name], _ = q.Float64()
			}
			doc.Weights[e.Layout.Name(id)] = w
		}
	}
	return marshal(doc)
}

func readJSON(im *importer, text []byte) ([]recipe.Step, error) {
	var doc document
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&doc); err != nil {
		return nil, err
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, fmt.Errorf("something stands behind the recipe")
	}
	if doc.Format != jsonFormat {
		return nil, fmt.Errorf("format %q is not %q", doc.Format, jsonFormat)
	}
	if doc.Arch == "" { // written without it once
		doc.Arch = block.SD1
		if len(doc.Blocks) == 20 {
			doc.Arch = block.SDXL
		}
		if im.given != nil {
			doc.Arch = im.given.Arch()
		}
	}
	if err := im.stated(doc.Arch, doc.Era); err != nil {
		return nil, err
	}
	if names := im.layout().Names(); fmt.Sprint(names) != fmt.Sprint(doc.Blocks) {
		return nil, fmt.Errorf("the blocks are not those of %v", im.layout())
	}
	row := func(list []jsonRatio) recipe.Row {
		var row recipe.Row
		for _, q := range list {
			row = append(row, recipe.Ratio(q))
		}
		return row
	}
	var steps []recipe.Step
	for _, s := range doc.Steps {
		mode, err := parseMode(s.Mode)
		if err != nil {
			return nil, err
		}
		st := recipe.Step{Mode: mode, A: s.A, B: s.B, Alpha: row(s.Alpha), Out: s.Out}
		if mode.HasC() {
			st.C = s.C
		}
		if mode.HasBeta() {
			st.Beta = row(s.Beta)
		}
		steps = append(steps, st)
	}
	if doc.VAE != "" {
		im.note("the result has the VAE of %s", doc.VAE)
	}
	return steps, nil
}

// marshal writes JSON for people too: indented, and no sign escaped that need
// not be.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	err := enc.Encode(v)
	return b.Bytes(), err
}

// compact writes JSON in one line.
func compact(v any) (string, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return "", err
	}
	return string(bytes.TrimSpace(b.Bytes())), nil
}
