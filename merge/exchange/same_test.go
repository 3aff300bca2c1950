package exchange

import (
	"errors"
	"strings"
	"testing"

	"mixmatch/merge/block"
	"mixmatch/merge/recipe"
)

// TestRefused reads documents that say more than a recipe of ours would: they
// are refused, not read as something else.
func TestRefused(t *testing.T) {
	const tasks = "merge_method: task_arithmetic\nbase_model: V\nparameters: {lambda: L}\nmodels:\n  - model: A\n    parameters: {weight: 1}\n"
	for _, text := range []string{
		strings.ReplaceAll(tasks, "L", "0.5"),
		"version 0.1.0\nmodel \"a.safetensors\"\nmodel \"two/a.safetensors\"\nliteral 0.3\nmerge \"weighted_sum\" &0 &1 alpha=&2\n",
	} {
		if r, _, err := Import([]byte(text), "", nil, Options{}); !errors.Is(err, ErrCannot) {
			t.Errorf("%s\nwas read as %v, %v", text, r, err)
		}
	}
	if _, _, err := Import([]byte(strings.ReplaceAll(tasks, "L", "1")), "", nil, Options{}); err != nil {
		t.Errorf("lambda 1: %v", err)
	}
}

// TestOneFile exports a recipe whose models would be one file to the reader.
func TestOneFile(t *testing.T) {
	l, err := block.For(block.SD1, block.SM2025)
	if err != nil {
		t.Fatal(err)
	}
	r, err := recipe.Parse(l, "a x 0.7 + b x 0.3 = C\n", recipe.Options{})
	if err != nil {
		t.Fatal(err)
	}
	models := map[string]Model{"a": {File: "model.safetensors"}, "b": {File: "model.safetensors"}}
	for _, format := range []string{"mecha", "mergekit", "meh", "comfyui"} {
		if out, _, err := Export(r, format, Options{Models: models}); !errors.Is(err, ErrCannot) {
			t.Errorf("%s: %.200s, %v", format, out, err)
		}
	}
	if _, _, err := Export(r, "text", Options{Models: models}); err != nil {
		t.Errorf("text: %v", err)
	}
}
