package exchange

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"mixmatch/merge/block"
	"mixmatch/merge/recipe"
)

// fuzz wants of a format that what is read can be written as JSON and read
// again, and that reading never fails in another way than by an error.
func fuzz(f *testing.F, format string, seeds ...string) {
	// Short seeds: the time to minimize an input grows with the square of it.
	r, err := recipe.Parse(layoutOf(f, block.SD1, block.SM2025), "A x 0.5 + B x 0.5 = C", recipe.Options{})
	if err != nil {
		f.Fatal(err)
	}
	for _, c := range codecs() {
		if c.CanWrite && strings.HasPrefix(c.Name, format) && format != "mecha" {
			text, _, err := Export(r, c.Name, Options{Models: digests(r), Keys: []string{"first_stage_model.weight"}})
			if err != nil {
				f.Fatal(err)
			}
			var short bytes.Buffer
			if json.Compact(&short, text) == nil {
				text = short.Bytes()
			}
			f.Add(text)
		}
	}
	for _, s := range seeds {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		Recognize(text)
		r, notes, err := Import(text, format, nil, Options{})
		for _, n := range notes {
			if len(n) > 500 || strings.ContainsAny(n, "\n\r\x1b") {
				t.Errorf("the note %q", n)
			}
		}
		if err != nil {
			return
		}
		if _, err := recipe.New(r.Layout, slices.Clone(r.Steps)); err != nil {
			t.Fatal(err)
		}
		doc, _, err := Export(r, "json", Options{})
		if errors.Is(err, ErrCannot) { // names that are not UTF-8
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		again, _, err := Import(doc, "", nil, Options{})
		if err != nil {
			t.Fatalf("%v in %s", err, doc)
		}
		same(t, again, r)
	})
}

func FuzzJSON(f *testing.F) {
	fuzz(f, "json", `{"format":"mixmatch recipe 1","era":"sm2025-10","blocks":[],"steps":[]}`, `{"format":"mixmatch recipe 1","era":"sm2025-10","blocks":[],"steps":[{"mode":"Add LoRA","a":"A","lora":"D","alpha":[0.5],"out":"C"}]}`, `{"format":1}`, `{"steps":[{"alpha":[null,{"open":"own","lo":1,"hi":0}]}]}`)
}

func FuzzHistory(f *testing.F) {
	fuzz(f, "history", "1,t,A x 0.5 + B x 0.5,,,,,,0.5,0.25,Weight sum,False,T,[],[]\n2,t,T x 0.5 + B x 0.5,,,,,,0.5,0.25,Weight sum,False,T,[],[]\n", "ID\n1,\"a\"b,c", "\"", ",,,,,,,,,,sum Twice,,,,\n")
}

func FuzzPresets(f *testing.F) {
	fuzz(f, "presets", "a\t"+vec("1", "NaN"), "a:"+vec("1", "1_0"), ":"+vec("1", "1e999"), "a\t"+vec("-0", "R"))
}

func FuzzMecha(f *testing.F) {
	fuzz(
		f, "mecha", "version 0.1.0\nmodel \"A\"\nmodel \"B\"\nmerge \"weighted_sum\" &0 &1 alpha=0.25\nmerge \"weighted_sum\" &2 &1 alpha=1e-3\n# name \"x\"\nmerge \"weighted_sum\" &3 &0 alpha=-1",
		"version 0.1.0\nmodel \"A\"\nmodel \"B\"\nmerge \"subtract\" &0 &1\nmerge \"add_difference\" &0 &2 alpha=0.5\nmerge \"add_difference\" &0 &3 alpha=0.5",
		"version 0.1.0\nmodel \"a\\\"\\\\b\" model_config=\"sdxl-sgm\"\ndict "+blockDict()+"\nliteral &1\nmerge \"weighted_sum\" &0 &0 alpha=&2", "version 0.1.0\ndict a=b=c \"", "version 0.1.0\nmerge \"x\" &9",
	)
}

func FuzzMergekit(f *testing.F) {
	fuzz(
		f, "mergekit", "merge_method: task_arithmetic\nbase_model: V\nmodels:\n  - model: A\n    parameters: {weight: 0.3}\n",
		"merge_method: linear\nmodels:\n- model: 'A # b'\n  parameters:\n    weight:\n    - 1\n- model: \"B\" # x\n  parameters: {weight: [{filter: '*', value: 1e-3}]}\n", "a: &b c", "- - - -\n  - x", "{a: {b: [c, {d: e}]}}", "a:\n- b\n- c: d\n  e: [", "?:", "\"a\": b\n'c':", "merge_method: linear\nmodels: []",
	)
}

func FuzzMetadata(f *testing.F) {
	models := `{"` + shaA + `":{"name":"half","sd_merge_recipe":{"type":"webui","primary_model_hash":"` + shaA + `","secondary_model_hash":"` + shaB + `","interp_method":"Weighted sum","multiplier":0.3}}}`
	fuzz(
		f, "metadata", meta(f, `{"type":"webui","primary_model_hash":"`+shaA+`","secondary_model_hash":"`+shaB+`","interp_method":"Add difference","tertiary_model_hash":"x","multiplier":0.3}`, models),
		`{"type":"merge-models-chattiori","merge_method":"Sum Twice","primary_model_hash":"a","secondary_model_hash":"b","tertiary_model_hash":"c","alpha_info":"0.1,[[0.2, 0.3],[None]]","beta_info":"preset:[(0.0,1.0,5,[None])],0.5"}`,
		`{"type":"sd-model-analyzer","blocks":"BASE,OUT11","weights_alpha":[[0.4,0.3],[0.5,0.25]],"model_a":"a","mode":["madd","sum"],"model_base":"v","model_b":"b"}`,
		`{"type":"sd-webui-model-mixer","weights_alpha":[[0]],"alpha":[0.1],"model_a":"a","model_b":"b","mode":["Sum"],"recipe":"a(0.1)@1"}`,
		`{"mecha_recipe":"version 0.1.0"}`, `"{}"`, `{"__metadata__":{}}`,
		`{"type":"mixmatch","recipe":"A x 0.5 + B x 0.5 = C","sources":{"A":"`+shaA+`"}}`,
	)
}
