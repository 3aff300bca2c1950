package studies

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"mixmatch/merge/block"
	"mixmatch/merge/recipe"
)

// Parse returns the recipe of s.
func (s *Summary) Parse() (*recipe.Recipe, error) {
	l, err := block.For(s.Arch, s.Era)
	if err != nil {
		return nil, err
	}
	return recipe.Parse(l, s.Recipe, recipe.Options{})
}

// Export returns the recipe of s in a format: "text", SuperMerger's notation;
// "vectors", the line of ratios of each step, ready to paste into "Weights for
// alpha"; "json", the steps and the weights they come down to.
func Export(s *Summary, format string) ([]byte, error) {
	r, err := s.Parse()
	if err != nil {
		return nil, err
	}
	switch format {
	case "text":
		return []byte(s.Recipe), nil
	case "vectors":
		var b strings.Builder
		for _, st := range r.Steps {
			fmt.Fprintf(&b, "# %s: %s, A %s, B %s", st.Out, st.Mode, st.A, st.B)
			if st.C != "" {
				fmt.Fprintf(&b, ", C %s", st.C)
			}
			fmt.Fprintf(&b, "\n%s\n", recipe.Vector(st.Alpha))
			if st.Beta != nil {
				fmt.Fprintf(&b, "# beta\n%s\n", recipe.Vector(st.Beta))
			}
		}
		return []byte(b.String()), nil
	case "json":
		return exportJSON(s, r)
	}
	return nil, fmt.Errorf("no format %q: choose text, vectors or json", format)
}

// A jsonStep is one merge as programs read it.
type jsonStep struct {
	Mode  string    `json:"mode"`
	A     string    `json:"a"`
	B     string    `json:"b"`
	C     string    `json:"c,omitempty"`
	Alpha []float64 `json:"alpha"`
	Beta  []float64 `json:"beta,omitempty"`
	Out   string    `json:"out"`
}

func exportJSON(s *Summary, r *recipe.Recipe) ([]byte, error) {
	values := func(row recipe.Row) []float64 {
		var v []float64
		for _, q := range row {
			v = append(v, q.Value)
		}
		return v
	}
	out := struct {
		Format  string                        `json:"format"`
		Era     block.Era                     `json:"era"`
		Blocks  []string                      `json:"blocks"`
		Steps   []jsonStep                    `json:"steps"`
		Weights map[string]map[string]float64 `json:"weights"`
		VAE     string                        `json:"vae,omitempty"`
	}{Format: "mixmatch recipe 1", Era: s.Era, Blocks: r.Layout.Names(), Weights: map[string]map[string]float64{}, VAE: s.VAE.Source}
	for _, st := range r.Steps {
		out.Steps = append(out.Steps, jsonStep{st.Mode.String(), st.A, st.B, st.C, values(st.Alpha), values(st.Beta), st.Out})
	}
	for id := range r.Layout.Blocks().All() {
		w := map[string]float64{}
		for name, q := range r.Flatten(id) {
			w[name], _ = q.Float64()
		}
		out.Weights[r.Layout.Name(id)] = w
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetIndent("", "  ")
	err := enc.Encode(out)
	return b.Bytes(), err
}
