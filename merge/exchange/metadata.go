package exchange

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"mixmatch/merge/block"
	"mixmatch/merge/recipe"
)

// The keys of a merged file's metadata. Both values are JSON.
const (
	recipeKey = "sd_merge_recipe"
	modelsKey = "sd_merge_models"
	mechaKey  = "mecha_recipe"
)

// A parent is what sd_merge_models says of a model, by its sha256.
type parent struct {
	Name   string `json:"name"`
	Legacy string `json:"legacy_hash"`
	Recipe any    `json:"sd_merge_recipe"`
}

// writeMetadata writes the two strings that a file's metadata hold.
func writeMetadata(rec any, models map[string]parent) ([]byte, error) {
	r, err := compact(rec)
	if err != nil {
		return nil, err
	}
	m, err := compact(models)
	if err != nil {
		return nil, err
	}
	return marshal(map[string]string{"format": "pt", recipeKey: r, modelsKey: m})
}

// parents returns what is known of the named models.
func (e *exporter) parents(names []string) map[string]parent {
	models := map[string]parent{}
	for _, n := range names {
		m := e.opt.Models[n]
		if m.SHA256 == "" {
			e.unknown(n)
			continue
		}
		models[m.SHA256] = parent{Name: n, Legacy: m.Legacy}
	}
	return models
}

func (e *exporter) unknown(name string) {
	e.note("the sha256 of %s is not known: it is missing in %s", name, modelsKey)
}

// Metadata returns what a merged file says of its making, under the names that
// the web-ui and SuperMerger use, so that their readers find it: the recipe's
// notation, the layout it is for and the hashes of its sources, of those that are
// among models. [Import] reads it back.
func Metadata(notation string, l *block.Layout, models map[string]Model) (map[string]string, error) {
	type parent struct {
		Name   string `json:"name"`
		Legacy string `json:"legacy_hash"`
	}
	parents, sources := map[string]parent{}, map[string]string{}
	for _, name := range slices.Backward(slices.Sorted(maps.Keys(models))) { // of equal files the first name stays
		m := models[name]
		parents[m.SHA256] = parent{name, m.Legacy}
		sources[name] = m.SHA256
	}
	// Maps are written in the order of their keys, so equal merges are equal files.
	r, err := json.Marshal(map[string]any{"type": "mixmatch", "recipe": notation, "arch": l.Arch(), "era": l.Era(), "sources": sources})
	if err != nil {
		return nil, err
	}
	p, err := json.Marshal(parents)
	return map[string]string{recipeKey: string(r), modelsKey: string(p)}, err
}

// writeOwnMetadata writes what merged files of this program hold.
func writeOwnMetadata(e *exporter) ([]byte, error) {
	known := map[string]Model{}
	for _, n := range append(e.Sources(), e.Differences()...) {
		if m := e.opt.Models[n]; m.SHA256 != "" {
			known[n] = m
		} else {
			e.unknown(n)
		}
	}
	m, err := Metadata(e.String(), e.Layout, known)
	if err != nil {
		return nil, err
	}
	m["format"] = "pt"
	return marshal(m)
}

// nested writes a recipe whose models are known by their digests: that of the
// last step, and those of the steps before as its parents' own.
func (e *exporter) nested(step func(s *recipe.Step, sha func(string) string) (map[string]any, error)) ([]byte, error) {
	var missing string
	sha := func(name string) string {
		h := e.opt.Models[name].SHA256
		if h == "" && missing == "" {
			missing = name
		}
		return h
	}
	models := e.parents(e.Sources())
	var last map[string]any
	for i := range e.Steps {
		s := &e.Steps[i]
		doc, err := step(s, sha)
		if err != nil {
			return nil, err
		}
		if missing != "" {
			return nil, cannot("models are named by their sha256, and that of %s is not known", missing)
		}
		last = doc
		if i < len(e.Steps)-1 {
			m := e.opt.Models[s.Out]
			if m.SHA256 == "" {
				return nil, cannot("models are named by their sha256, and that of %s, which a step makes, is not known", s.Out)
			}
			models[m.SHA256] = parent{s.Out, m.Legacy, doc}
		}
	}
	return writeMetadata(last, models)
}

// writeWebui writes as AUTOMATIC1111's checkpoint merger does. It has one
// multiplier for all, and two of the modes.
func writeWebui(e *exporter) ([]byte, error) {
	return e.nested(func(s *recipe.Step, sha func(string) string) (map[string]any, error) {
		v, ok := uniform(s.Alpha)
		if !ok || s.Mode.HasBeta() {
			return nil, cannot("%s is no merge with one ratio for all blocks", s.Out)
		}
		var c any
		method := "Weighted sum"
		if s.Mode == recipe.AddDifference {
			method, c = "Add difference", sha(s.C)
		}
		return map[string]any{
			"type": "webui", "primary_model_hash": sha(s.A), "secondary_model_hash": sha(s.B), "tertiary_model_hash": c,
			"interp_method": method, "multiplier": v, "save_as_half": e.opt.Half, "custom_name": s.Out, "config_source": 0,
			"bake_in_vae": "None", "discard_weights": "", "is_inpainting": false, "is_instruct_pix2pix": false,
		}, nil
	})
}

// writeSuperMerger writes as SuperMerger does (mergers.py:661-699).
func writeSuperMerger(e *exporter) ([]byte, error) {
	e.superMerger()
	return e.nested(func(s *recipe.Step, sha func(string) string) (map[string]any, error) {
		// weights is a row without BASE; SuperMerger's own rows for SDXL end in
		// a 0 for the VAE.
		weights := func(row recipe.Row) []float64 {
			v := values(row)[1:]
			if e.Layout.Arch() == block.SDXL {
				v = append(v, 0)
			}
			return v
		}
		alpha, beta, ok := sliders(s)
		doc := map[string]any{
			"type": "sd-webui-supermerger", "weights_alpha": nil, "weights_beta": nil,
			"weights_alpha_orig": "", "weights_beta_orig": "",
			"model_a": sha(s.A), "model_b": sha(s.B), "model_c": sha(s.A),
			"base_alpha": alpha, "base_beta": beta, "mode": s.Mode.String(), "mbw": !ok,
			"elemental_merge": "", "calcmode": "normal", "Off": []string{},
		}
		if s.Mode.HasC() {
			doc["model_c"] = sha(s.C)
		}
		if !ok {
			doc["weights_alpha"], doc["weights_alpha_orig"], doc["base_alpha"] = weights(s.Alpha), recipe.Vector(s.Alpha), s.Alpha[0].Value
			if s.Mode.HasBeta() {
				doc["weights_beta"], doc["weights_beta_orig"], doc["base_beta"] = weights(s.Beta), recipe.Vector(s.Beta), s.Beta[0].Value
			}
		}
		return doc, nil
	})
}

// writeMixer writes as sd-webui-model-mixer does: a chain in which each step
// takes the result of the one before, and all differences one base model.
func writeMixer(e *exporter) ([]byte, error) {
	const most = 5 // models that its page has room for
	sources := e.Sources()
	base := ""
	var models, modes, originals, calcs []string
	var weights [][]float64
	var alphas []float64
	uses, mbws := []bool{}, [][]string{}
	for i := range e.Steps {
		s := &e.Steps[i]
		switch {
		case s.Mode.HasBeta():
			return nil, cannot("%s is a %v; the model mixer knows two modes", s.Out, s.Mode)
		case i > 0 && s.A != e.Steps[i-1].Out:
			return nil, cannot("%s is not made from the step before: the model mixer merges in a chain", s.Out)
		case !slices.Contains(sources, s.B) || s.C != "" && !slices.Contains(sources, s.C):
			return nil, cannot("%s takes what a step makes as its second or third model: the model mixer merges in a chain", s.Out)
		case s.C != "" && base != "" && s.C != base:
			return nil, cannot("differences to %s and to %s; the model mixer has one base model", base, s.C)
		}
		mode := "Sum"
		if s.Mode == recipe.AddDifference {
			mode, base = "Add-Diff", s.C
		}
		modes, calcs = append(modes, mode), append(calcs, "Normal")
		models = append(models, s.B)
		weights = append(weights, values(s.Alpha))
		originals = append(originals, recipe.Vector(s.Alpha))
		v, ok := uniform(s.Alpha)
		alphas, uses = append(alphas, v), append(uses, true)
		used := []string{}
		if !ok {
			used = e.Layout.Names()
		}
		mbws = append(mbws, used)
	}
	if len(models) > most {
		return nil, cannot("%d models besides the first; the model mixer has room for %d", len(models), most)
	}
	e.note("the model mixer keeps time_embed and the VAE of model A where a vector is used")
	doc := map[string]any{
		"type": "sd-webui-model-mixer", "blocks": strings.Join(e.Layout.Names(), ","), "mbw": false,
		"weights_alpha": weights, "weights_alpha_orig": originals, "alpha": alphas, "model_a": e.file(e.Steps[0].A),
		"mode": modes, "calcmode": calcs, "uses": uses, "use_mbws": mbws, "recipe": mixerText(e, base),
	}
	for i, n := range models {
		doc["model_"+string(rune('b'+i))] = e.file(n)
	}
	if base != "" {
		doc["base_model"] = e.file(base)
	}
	return writeMetadata(doc, e.parents(e.Sources()))
}

// mixerText returns the formula that the model mixer shows: the ratios used
// stand behind it, in the order of the steps.
func mixerText(e *exporter, base string) string {
	text := e.Steps[0].A
	var ratios []string
	for i := range e.Steps {
		s := &e.Steps[i]
		if s.Mode == recipe.WeightSum {
			text = fmt.Sprintf("(%s) * (1 - alpha_%d) + %s * alpha_%d", text, i, s.B, i)
		} else {
			text = fmt.Sprintf("%s + (%s - %s) * alpha_%d", text, s.B, base, i)
		}
		v := recipe.Vector(s.Alpha)
		if x, ok := uniform(s.Alpha); ok {
			v = decimal(x)
		}
		ratios = append(ratios, "("+v+")")
	}
	return text + strings.Join(ratios, ",")
}
