package identify

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/google/jsonschema-go/jsonschema"

	"mixmatch/similarity/library"
)

// TestSchema validates results that find everything and that miss a source.
func TestSchema(t *testing.T) {
	text, err := os.ReadFile("../../docs/identify.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	var s jsonschema.Schema
	if err := json.Unmarshal(text, &s); err != nil {
		t.Fatal(err)
	}
	schema, err := s.Resolve(nil)
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, 10, 40)
	p := w.plant(0, 3, 1, 0.15)
	p.target.Parts = map[string]string{"VAE": "v"}
	for _, missing := range []bool{false, true} {
		if missing {
			w.withhold(p.sources[2])
		}
		o := Options{}
		if missing {
			o.Base = w.fingerprint(0)
		}
		r := find(t, w, p, o)
		r.Answers = r.Answer([]*library.Entry{w.entries[1], w.entries[p.sources[0]]})
		if (r.Missing != nil) != missing {
			t.Errorf("missing: %+v", r.Missing)
		}
		text, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		validate := func(text string) error {
			var v any
			if err := json.Unmarshal([]byte(text), &v); err != nil {
				t.Fatal(err)
			}
			return schema.Validate(v)
		}
		if err := validate(string(text)); err != nil {
			t.Errorf("missing %v: %v", missing, err)
		}
		for old, changed := range map[string]string{
			`"evidence":"in"`: `"evidence":"maybe"`,
			`"verdict":`:      `"verdicts":`,
			`"low":`:          `"lowest":`,
		} {
			if validate(strings.Replace(string(text), old, changed, 1)) == nil {
				t.Errorf("%s passes as %s", changed, old)
			}
		}
	}
}
