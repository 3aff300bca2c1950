package studies_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/jsonschema-go/jsonschema"

	"mixmatch/merge/block"
	"mixmatch/studies"
)

// TestSchema validates summaries of a study that finds everything and of one that
// misses a source, and shows that the schema refuses what it does not name.
func TestSchema(t *testing.T) {
	text, err := os.ReadFile("../docs/summary.schema.json")
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
	p := family(t, block.SM2025)
	plan := settings
	plan.Trials = 5
	for _, withhold := range [][]string{nil, {"sxd_10Pruned"}} {
		dir := filepath.Join(t.TempDir(), "s")
		run(t, create(t, dir, p, plan, withhold...), studies.Options{})
		text, err := os.ReadFile(filepath.Join(dir, "summary.json"))
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
			t.Errorf("without %v: %v", withhold, err)
		}
		for old, changed := range map[string]string{
			`"evidence": "in"`: `"evidence": "maybe"`,
			`"verdict": `:      `"verdicts": `,
			`"low": `:          `"lowest": `,
		} {
			if validate(strings.Replace(string(text), old, changed, 1)) == nil {
				t.Errorf("without %v: %s passes as %s", withhold, changed, old)
			}
		}
	}
}
