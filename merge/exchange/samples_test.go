package exchange

import (
	"cmp"
	"encoding/csv"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"mixmatch/merge/block"
	"mixmatch/merge/recipe"
)

const (
	shaA = "aaaaaaaaaa11111111111111111111111111111111111111111111111111111a"
	shaB = "bbbbbbbbbb22222222222222222222222222222222222222222222222222222b"
	shaC = "cccccccccc33333333333333333333333333333333333333333333333333333c"
	shaD = "dddddddddd44444444444444444444444444444444444444444444444444444d"
)

// quoteJSON returns s as a JSON string.
func quoteJSON(t testing.TB, s string) string {
	t.Helper()
	b, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func meta(t testing.TB, rec, models string) string {
	t.Helper()
	return `{"format":"pt","sd_merge_recipe":` + quoteJSON(t, rec) + `,"sd_merge_models":` + quoteJSON(t, models) + `}`
}

// vec returns a vector of 26: v in OUT00 and on, base in BASE.
func vec(base, v string) string { return base + strings.Repeat(",0.0", 13) + strings.Repeat(","+v, 12) }

// in returns the notation of a recipe in which long vectors are cut short.
func in(r *recipe.Recipe) string {
	var lines []string
	for line := range strings.Lines(r.String()) {
		if strings.HasPrefix(line, "alpha = (") || strings.HasPrefix(line, "beta = (") {
			f := strings.Split(strings.TrimRight(line, ")\n"), ",")
			line = f[0] + ".." + f[len(f)-1] + ")\n"
		}
		lines = append(lines, strings.TrimRight(line, "\n"))
	}
	return strings.Join(lines, "; ")
}

// A sample is what another program writes, and what is to be read of it: the
// steps, or a part of a note or of the error.
type sample struct{ name, text, want, note, err string }

// samples are documents after what other programs write.
func samples(t testing.TB) []sample {
	t.Helper()
	models := `{"` + shaA + `":{"name":"OpenBra.safetensors","legacy_hash":"1"},"` + shaB + `":{"name":"sub\\Evt.ckpt [bbbbbbbbbb]","legacy_hash":"2"},"` + shaC + `":{"name":"v1-5","legacy_hash":"3"}}`
	list25 := "[" + strings.TrimPrefix(vec("", "0.08"), ",") + "]"
	webui := `{"type":"webui","primary_model_hash":"` + shaA + `","secondary_model_hash":"` + shaB + `","tertiary_model_hash":null,"interp_method":"Weighted sum","multiplier":0.3,"save_as_half":true,"custom_name":"half","config_source":0,"bake_in_vae":"None","discard_weights":"","is_inpainting":false,"is_instruct_pix2pix":false}`
	sm := `{"type":"sd-webui-supermerger","weights_alpha":` + list25 + `,"weights_beta":"","weights_alpha_orig":"FLAT","weights_beta_orig":"","model_a":"` + shaA + `","model_b":"` + shaB + `","model_c":"` + shaC + `","base_alpha":0.5,"base_beta":0.25,"mode":"Add difference:A+(B-C)*alpha","mbw":true,"elemental_merge":"","calcmode":"normal","Off":[]}`
	child := `{"` + shaD + `":{"name":"half","legacy_hash":"4","sd_merge_recipe":` + webui + `},` + models[1:]
	return []sample{
		{"webui", meta(t, webui, models), "OpenBra x 0.7 + Evt x 0.3 = half", "", ""},
		{"webui alone", webui, `aaaaaaaaaa x 0.7 + bbbbbbbbbb x 0.3 = half`, "known by its hash only", ""},
		{"no interpolation", strings.Replace(webui, "Weighted sum", "No interpolation", 1), "", "", "No interpolation"},
		{"header", `{"__metadata__":` + meta(t, webui, models) + `}`, "OpenBra x 0.7 + Evt x 0.3 = half", "", ""},
		{"supermerger", meta(t, sm, models), "OpenBra + (Evt - v1-5) x alpha = MERGE1; alpha = (0.5..0.08)", "", ""},
		{"supermerger, models in quotes twice", `{"sd_merge_recipe":` + quoteJSON(t, sm) + `,"sd_merge_models":` + quoteJSON(t, quoteJSON(t, models)) + `}`, "OpenBra + (Evt - v1-5) x alpha = MERGE1; alpha = (0.5..0.08)", "", ""},
		{"supermerger, typed", meta(t, strings.Replace(sm, "FLAT", strings.ReplaceAll(vec("0.5", "0.08"), "0.0,", "0,"), 1), models), "OpenBra + (Evt - v1-5) x alpha = MERGE1; alpha = (0.5..0.08)", "", ""},
		{"supermerger, told otherwise", meta(t, strings.Replace(sm, "FLAT", vec("0.5", "0.0801"), 1), models), "", "", "weights_alpha and weights_alpha_orig differ in OUT00: 0.08 and 0.0801"},
		{"supermerger, no MBW", meta(t, strings.Replace(sm, `"mbw":true`, `"mbw":false`, 1), models), "OpenBra + (Evt - v1-5) x 0.5 = MERGE1", "", ""},
		{"supermerger, cosine", meta(t, strings.Replace(sm, `"normal"`, `"cosineA"`, 1), models), "OpenBra + (Evt - v1-5) x alpha _cosineA = MERGE1; alpha = (0.5..0.08)", "", ""},
		{"supermerger, elements", meta(t, strings.Replace(sm, `"elemental_merge":""`, `"elemental_merge":["OUT01::0.5"]`, 1), models), "", "", "elemental"},
		{"supermerger, excluded", meta(t, strings.Replace(sm, `"Off":[]`, `"Exclude":["OUT01"]`, 1), models), "", "", "Exclude"},
		{
			"parents", meta(t, strings.Replace(sm, shaA, shaD, 1), child),
			"OpenBra x 0.7 + Evt x 0.3 = half; half + (Evt - v1-5) x alpha = MERGE1; alpha = (0.5..0.08)", "", "",
		},
		{
			"a parent that is not linear", meta(t, strings.Replace(sm, shaA, shaD, 1), strings.Replace(child, "Weighted sum", "No interpolation", 1)),
			"half + (Evt - v1-5) x alpha = MERGE1; alpha = (0.5..0.08)", "cannot be read", "",
		},
		{
			"made from itself", meta(t, strings.Replace(webui, shaA, shaD, 1), strings.Replace(child, `"`+shaA+`","sec`, `"`+shaD+`","sec`, 1)),
			"", "", "",
		},
		{
			"chattiori", meta(t, `{"type":"merge-models-chattiori","primary_model_hash":"`+shaD+`","secondary_model_hash":"`+shaB+`","tertiary_model_hash":null,"merge_method":"Weighted Sum","block_weights":true,"alpha_info":"0.1,[`+strings.ReplaceAll(list25, ",", ", ")+`,[None]]","beta_info":null,"calculation":null,"save_as_half":true,"output_name":"mix","bake_in_vae":false,"pruned":true}`, strings.Replace(child, webui, quoteJSON(t, webui), 1)),
			"OpenBra x 0.7 + Evt x 0.3 = half; half x (1-alpha) + Evt x alpha = mix; alpha = (0.1..0.08)", "three decimals", "",
		},
		{
			"chattiori, in full", meta(t, `{"type":"merge-models-chattiori","primary_model_hash":"`+shaA+`","secondary_model_hash":"`+shaB+`","tertiary_model_hash":"`+shaC+`","merge_method":"Triple Sum","alpha_info":"0.1","beta_info":"0.2","alpha":0.10001,"beta":0.2,"alpha_weights":`+list25+`,"beta_weights":null,"calculation":null,"output_name":"mix"}`, models),
			"OpenBra x (1-alpha-beta) + Evt x alpha + v1-5 x beta = mix; alpha = (0.10001..0.08); beta = 0.2", "", "",
		},
		{
			"mixer", meta(t, `{"type":"sd-webui-model-mixer","blocks":"BASE,IN00","mbw":false,"weights_alpha":[[`+vec("0.5", "0.08")+`],[0.25`+strings.Repeat(",0.25", 25)+`]],"alpha":[0.1,0.25],"model_a":"OpenBra.safetensors","model_b":"Evt","model_c":"ds6","base_model":"v1-5","mode":["Add-Diff","Sum"],"calcmode":["Normal","Normal"],"recipe":"(OpenBra + (Evt - v1-5) * alpha_0) * (1 - alpha_1) + ds6 * alpha_1(`+vec("0.5", "0.08")+`),(0.25)"}`, models),
			"OpenBra + (Evt - v1-5) x alpha = MERGE1; alpha = (0.5..0.08); MERGE1 x 0.75 + ds6 x 0.25 = MERGE2", "VAE", "",
		},
		{
			"analyzer", meta(t, `{"type":"sd-model-analyzer","blocks":"BASE,OUT11","weights_alpha":[[0.4,0.3],[0.5,0.25]],"model_a":"bp_mk5.safetensors","mode":["madd","madd"],"mbw":true,"calcmode":"normal","model_base":"v1-5-pruned-emaonly.safetensors","model_b":"blessing.safetensors"}`, "{}"),
			"bp_mk5 + (bp_mk5 - v1-5-pruned-emaonly) x alpha = MERGE1; alpha = (-0.6..-0.7); MERGE1 + (blessing - v1-5-pruned-emaonly) x alpha = MERGE2; alpha = (0.5..0.25)", "", "",
		},
		{
			"own", meta(t, `{"era":"sm2025-10","recipe":"A x 0.5 + B x 0.5 = C\n","sources":{"A":"`+shaD+`","B":"`+shaB+`"},"type":"mixmatch"}`, child),
			"OpenBra x 0.7 + B x 0.3 = A; A x 0.5 + B x 0.5 = C", "", "",
		},
		{"another type", `{"type":"untitled"}`, "", "", "not known"},
		{"comfyui", `{"prompt":"{}"}`, "", "", "ComfyUI"},
		{"nothing", `{"format":"pt"}`, "", "", "no merge recipe"},
		{
			"history, c60e6f3", "\"ID\",\"time\",\"name\"\n" + `1,2025.11.23 04.10.00,"OpenBra + (Evt_V4_e04_ema -  v1-5-pruned-emaonly) x alpha (0.08,` + vec("0.08", "0.08")[5:] + `)","` + vec("0.08", "0.08") + `",,aaaaaaaaaa,bbbbbbbbbb,cccccccccc,0.08,0.0,Add difference:A+(B-C)*alpha,True,TEMP1,"['save model', 'safetensors']",[],,normal,-1,,0.3,Off,[],` + "\n" +
				"2,2025.11.23 04.10.00,TEMP1 x 0.95 + D x 0.05,,,dddddddddd,eeeeeeeeee,,0.05,0.25,Weight sum,False,,[],[],,normal,-1,,0.3,Off,[],\n",
			"OpenBra + (Evt_V4_e04_ema - v1-5-pruned-emaonly) x alpha = TEMP1; alpha = (0.08..0.08); TEMP1 x 0.95 + D x 0.05 = MERGE2", "", "",
		},
		{
			"history, csv.writer", "ID,time,name,weights alpha\r\n1,t,A x 0.5 + B x 0.5,,,,,,0.5,0.25,Weight sum,False,T,[],[],,plus random,-1,,0.3,Off,[],\r\n2,t,A x 0.4 + B x 0.6,,,,,,0.6,0.25,Weight sum,False,T,[],[],,normal,-1,,0.3,Off,[],\r\n3,t,T x 0.4 + B x 0.6,,,,,,0.6,0.25,Weight sum,False,T,[],[],,normal,-1,,0.3,Off,[],\r\n",
			`A x 0.4 + B x 0.6 = "T (row 2)"; "T (row 2)" x 0.4 + B x 0.6 = T`, "row 1 was left out", "",
		},
		{
			"presets", "preset_name\tpreset_weights\nMM_STEP7_DS6\t" + vec("0", "0.15") + "\nALL_R\t" + strings.Repeat("R,", 25) + "R\nflat:" + vec("0.5", "0.5"),
			"A x (1-alpha) + B x alpha = MM_STEP7_DS6; alpha = (0..0.15); A x (1-alpha) + B x alpha = flat; alpha = (0.5..0.5)", "ALL_R", "",
		},
		{
			"mecha by block", "version 0.1.0\n# made by hand\nmodel \"OpenBra.safetensors\" model_config=\"sd1-ldm\" merge_space=\"weight\"\nmodel \"Evt.safetensors\" model_config=\"sd1-ldm\" merge_space=\"weight\"\nmodel \"v1-5.safetensors\" model_config=\"sd1-ldm\" merge_space=\"weight\"\nmerge \"subtract\" &1 &2\ndict " + blockDict() + "\nliteral &4 model_config=\"sd1-supermerger_blocks\" merge_space=\"param\"\nmerge \"convert_sd1_blocks_to_ldm\" &5\nmerge \"add_difference\" &0 &3 alpha=&6",
			"OpenBra + (Evt - v1-5) x alpha = MERGE1; alpha = (0..0.08)", "time_embed", "",
		},
		{"mecha, number", "version 0.1.0\nmodel \"A.safetensors\"\nmodel \"B.safetensors\"\nmerge \"weighted_sum\" &0 &1 alpha=0.25", "A x 0.75 + B x 0.25 = MERGE1", "", ""},
		{"mecha, method", "version 0.1.0\nmodel \"A.safetensors\"\nmodel \"B.safetensors\"\nmerge \"slerp\" &0 &1 alpha=0.25", "", "", "slerp"},
		{"mecha, version", "version 0.2.0\n", "", "", "0.1.0"},
		{"mergekit", "merge_method: linear # note\nparameters: {normalize: false}\nmodels:\n- model: A.safetensors\n  parameters:\n    weight:\n      - {filter: \"model.diffusion_model.output_blocks.11.\", value: 0.92}\n      - filter: time_embed\n        value: .92\n      - {filter: model.diffusion_model.out., value: 0.92}\n      - value: 1.0\n- model: 'B.safetensors'\n  parameters: {weight: [{filter: model.diffusion_model.output_blocks.11., value: 0.08}, {filter: model.diffusion_model.out., value: 0.08}, {filter: time_embed, value: 0.08}, {value: 1.0e-12}]}\n", "A x (1-alpha) + B x alpha = MERGE1; alpha = (0..0.08)", "", ""},
		{"mergekit, normalized", "merge_method: linear\nmodels:\n  - model: A\n    parameters: {weight: 3}\n  - model: B\n    parameters:\n      weight: 1\n", "A x 0.75 + B x 0.25 = MERGE1", "", ""},
		{"mergekit, tasks", "merge_method: task_arithmetic\nbase_model: V\nmodels:\n  - model: A\n    parameters: {weight: 0.3}\n  - model: B\n    parameters: {weight: 0.8}\n", "V x 0.7 + A x 0.3 = MERGE1; MERGE1 + (B - V) x 0.8 = MERGE2", "", ""},
		{"mergekit, sum", "merge_method: linear\nparameters: {normalize: false}\nmodels:\n  - model: A\n    parameters: {weight: 3}\n  - model: B\n    parameters: {weight: 1}\n", "", "", "sum to 4"},
		{"mergekit, ties", "merge_method: ties\nmodels:\n  - model: A\n", "", "", "ties"},
		{
			"table", "| Model A | Model B | Model C | Method | Weight | Merge Name |\n|-|-|-|-|-|-|\n| OpenBra | Evt.ckpt | v1-5 | Add Difference @ 0.25 |  | half |\n| half | ds6 |  | Weighted sum | " + vec("0.5", "0.08") + " | mix |",
			"OpenBra + (Evt - v1-5) x 0.25 = half; half x (1-alpha) + ds6 x alpha = mix; alpha = (0.5..0.08)", "", "",
		},
		{"png", "Model: A x 0.9 + B x 0.1 ID 3", "A x 0.9 + B x 0.1 = MERGE1", "", ""},
	}
}

// TestSamples reads what other programs write.
func TestSamples(t *testing.T) {
	for _, c := range samples(t) {
		t.Run(c.name, func(t *testing.T) {
			r, notes, err := Import([]byte(c.text), "", nil, Options{})
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) {
					t.Fatalf("%v; want %s", err, c.err)
				}
				return
			}
			if err != nil {
				if c.want == "" {
					return
				}
				t.Fatal(err)
			}
			if got := in(r); c.want != "" && got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
			if !strings.Contains(strings.Join(notes, "\n"), c.note) {
				t.Errorf("notes %q; want %s", notes, c.note)
			}
		})
	}
}

func blockDict() string {
	var f []string
	l, _ := block.For(block.SD1, block.Mecha)
	for _, n := range l.Names() {
		v := "0.0"
		if strings.HasPrefix(n, "OUT") {
			v = "0.08"
		}
		f = append(f, n+"="+v)
	}
	return strings.Join(f, " ")
}

// TestNames reads the names that SuperMerger printed, as merge/recipe does.
func TestNames(t *testing.T) {
	b, err := os.ReadFile("../recipe/testdata/names.json")
	if err != nil {
		t.Fatal(err)
	}
	var names []struct{ Calc, Name, Mode string }
	if err := json.Unmarshal(b, &names); err != nil {
		t.Fatal(err)
	}
	for _, n := range names {
		r, _, err := Import([]byte(n.Name), "", nil, Options{})
		if err != nil || r.Steps[0].Mode.String() != n.Mode || cmp.Or(r.Steps[0].Calc, "normal") != n.Calc {
			t.Errorf("%s: %v", n.Name, err)
		}
	}
}

// TestArticle carries a published recipe through the formats.
func TestArticle(t *testing.T) {
	want := published(t)
	for _, format := range []string{"text", "json", "history", "mecha", "metadata", "metadata-supermerger"} {
		opt := Options{Models: digests(want)}
		text, _, err := Export(want, format, opt)
		if err != nil {
			t.Errorf("%s: %v", format, err)
			continue
		}
		opt.Recipe.Result = want.Result()
		got, _, err := Import(text, "", want.Layout, opt)
		if err != nil {
			t.Errorf("%s: %v", format, err)
			continue
		}
		sameWeights(t, got, want, 0)
	}
	// Extrapolating ratios are beyond ComfyUI, one multiplier is beyond vectors.
	for _, format := range []string{"metadata-webui", "metadata-mixer"} {
		if _, _, err := Export(want, format, Options{Models: digests(want)}); !errors.Is(err, ErrCannot) {
			t.Errorf("%s: %v", format, err)
		}
	}
}

func published(t testing.TB) *recipe.Recipe {
	t.Helper()
	b, err := os.ReadFile("../recipe/testdata/article.txt")
	if err != nil {
		t.Fatal(err)
	}
	r, _, err := Import(b, "", nil, Options{Recipe: recipe.Options{
		Lenient: true, Result: "BlessingMix V1",
		Aliases: map[string]string{"FINAL_OUTPUT": "FINAL_OUTPUTS", "BlessingEnc": "BlessingEncV0"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestHistoryColumns asserts where SuperMerger looks for each setting.
func TestHistoryColumns(t *testing.T) {
	l := layoutOf(t, block.SD1, block.SM2025)
	r, err := recipe.Parse(l, "A + (B - \"c, d\") x alpha = T\nalpha = ("+vec("0.5", "0.08")+")\nT x 0.9 + B x 0.1 = U", recipe.Options{})
	if err != nil {
		t.Fatal(err)
	}
	text, notes, err := Export(r, "history", Options{
		Date:   time.Date(2025, 11, 23, 4, 10, 0, 0, time.UTC),
		Models: map[string]Model{"A": {SHA256: shaA}, "B": {SHA256: shaB}, "c, d": {SHA256: shaC}}, Half: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(notes) != 1 || !strings.Contains(notes[0], "sha256 of T") {
		t.Errorf("notes %q", notes)
	}
	c := csv.NewReader(strings.NewReader(string(text)))
	c.FieldsPerRecord = -1
	rows, err := c.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) != 3 || len(rows[0]) != 16 || len(rows[1]) != 23 || len(rows[2]) != 23 {
		t.Fatalf("%q", rows)
	}
	v := strings.ReplaceAll(vec("0.5", "0.08"), "0.0,", "0,")
	for i, want := range map[int]string{
		0: "1", 1: "2025.11.23 04.10.00", 3: v, 4: "", 5: "aaaaaaaaaa", 6: "bbbbbbbbbb", 7: "cccccccccc",
		8: "0.5", 9: "0.25", 10: "Add difference:A+(B-C)*alpha", 11: "True", 12: "T.safetensors",
		13: "['save model', 'safetensors', 'fp16']", 14: "[]", 15: "", 16: "normal", 17: "-1", 18: "", 19: "0.3", 20: "Off", 21: "[]", 22: "",
	} {
		if rows[1][i] != want {
			t.Errorf("column %d is %q; want %q", i, rows[1][i], want)
		}
	}
	if rows[2][3] != "" || rows[2][8] != "0.1" || rows[2][11] != "False" || rows[2][5] != "" || rows[2][2] != "T x 0.9 + B x 0.1" {
		t.Errorf("%q", rows[2])
	}
}
