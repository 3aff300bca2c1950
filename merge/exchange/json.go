package exchange

import (
	"bytes"
	_ "embed"
	"encoding/json"

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
	LoRAs   []jsonSource                  `json:"loras,omitempty"`
	Steps   []jsonStep                    `json:"steps"`
	Weights map[string]map[string]float64 `json:"weights,omitempty"`
	VAE     string                        `json:"vae,omitempty"` // whose VAE the result has; read and noted
}

type jsonSource struct {
	Name   string `json:"name"`
	File   string `json:"file,omitempty"`
	SHA256 string `json:"sha256,omitempty"`
}

type jsonStep struct {
	Mode  string      `json:"mode"`
	A     string      `json:"a"`
	B     string      `json:"b,omitempty"`
	LoRA  string      `json:"lora,omitempty"` // in place of b
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

func writeJSON(e *exporter) ([]byte, error) {
	doc := document{Format: jsonFormat, Arch: e.Layout.Arch(), Era: e.Layout.Era(), Blocks: e.Layout.Names(), VAE: e.opt.VAE}
	files := func(names []string) (list []jsonSource) {
		for _, name := range names {
			m := e.opt.Models[name]
			list = append(list, jsonSource{name, m.File, m.SHA256})
		}
		return list
	}
	doc.Sources, doc.LoRAs = files(e.Sources()), files(e.Differences())
	ratios := func(row recipe.Row) []jsonRatio {
		var list []jsonRatio
		for _, q := range row {
			list = append(list, jsonRatio(q))
		}
		return list
	}
	for i := range e.Steps {
		s := &e.Steps[i]
		step := jsonStep{s.Mode.String(), s.A, s.B, s.LoRA(), s.C, ratios(s.Alpha), ratios(s.Beta), s.Out}
		if step.LoRA != "" {
			step.B = ""
		}
		doc.Steps = append(doc.Steps, step)
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
