package exchange

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"mixmatch/merge/block"
	"mixmatch/merge/recipe"
)

// object is a JSON object whose fields are read as they are needed, since
// programs differ in theirs.
type object map[string]json.RawMessage

// maxWraps is how often a value may be JSON in a string. SuperMerger's "save
// current merge" wraps sd_merge_models twice (supermerger's model_util.py:50).
const maxWraps = 3

// unwrap reads an object that may be a string of JSON.
func unwrap(raw json.RawMessage) (object, error) {
	for range maxWraps {
		var s string
		if json.Unmarshal(raw, &s) != nil {
			break
		}
		raw = json.RawMessage(s)
	}
	var o object
	err := json.Unmarshal(raw, &o)
	if err == nil && o == nil {
		err = errors.New("it is null")
	}
	return o, err
}

// text returns a field that is a string, "" if it is none.
func (o object) text(name string) string {
	var s string
	_ = json.Unmarshal(o[name], &s)
	return s
}

// number returns a field that is a number, and whether it is one.
func (o object) number(name string) (float64, bool) {
	var v *float64
	if json.Unmarshal(o[name], &v) != nil || v == nil {
		return 0, false
	}
	return *v, true
}

// empty reports whether a field is missing or holds nothing.
func (o object) empty(name string) bool {
	switch string(bytes.TrimSpace(o[name])) {
	case "", `""`, "null", "[]", `[""]`, "{}", "false":
		return true
	}
	return false
}

// A metaReader reads the metadata of a merged file.
type metaReader struct {
	*importer
	models object            // sha256 -> what is known of it
	known  map[string]string // sha256 -> the name that the caller knows it by
	names  map[string]string // sha256 -> the name it has in the recipe
	taken  map[string]bool   // names
	making map[string]bool   // digests of models whose recipe is being read
	steps  []recipe.Step
}

// readMetadata reads the metadata of a file, or the recipe among them alone.
func readMetadata(im *importer, text []byte) ([]recipe.Step, error) {
	top, err := unwrap(text)
	if err != nil {
		return nil, err
	}
	if inner, ok := top["__metadata__"]; ok { // a safetensors header
		if top, err = unwrap(inner); err != nil {
			return nil, err
		}
	}
	rec := top
	m := &metaReader{importer: im, models: object{}, known: map[string]string{}, names: map[string]string{}, taken: map[string]bool{}, making: map[string]bool{}}
	for name, known := range im.opt.Models {
		if known.SHA256 != "" {
			if have, ok := m.known[known.SHA256]; !ok || name < have {
				m.known[known.SHA256] = name
			}
		}
	}
	if raw, ok := top[recipeKey]; ok {
		if rec, err = unwrap(raw); err != nil {
			return nil, fmt.Errorf("%s: %w", recipeKey, err)
		}
		if raw, ok := top[modelsKey]; ok {
			if m.models, err = unwrap(raw); err != nil {
				return nil, fmt.Errorf("%s: %w", modelsKey, err)
			}
		}
	} else if s := top.text(mechaKey); s != "" {
		return readMecha(im, []byte(s))
	} else if _, ok := top["prompt"]; ok {
		return nil, errors.New("a ComfyUI workflow; those are only written")
	}
	if rec.text("type") == "" {
		return nil, errors.New("no merge recipe in it")
	}
	out := im.opt.Recipe.Result
	if rec.text("type") == "mixmatch" { // names its steps itself
		out = ""
	}
	if err := m.read(rec, out); err != nil {
		return nil, err
	}
	return m.steps, nil
}

// read appends the steps of a recipe, the last of which makes out; "" stands
// for the name that the recipe gives it.
func (m *metaReader) read(rec object, out string) error {
	kind := rec.text("type")
	switch kind {
	case "mixmatch":
		return m.own(rec, out)
	case "webui":
		return m.webui(rec, out)
	case "sd-webui-supermerger":
		return m.superMerger(rec, out)
	case "sd-webui-model-mixer":
		return m.mixer(rec, out)
	case "merge-models-chattiori":
		return m.chattiori(rec, out)
	case "sd-model-analyzer":
		return m.analyzer(rec, out)
	}
	return fmt.Errorf("recipes of %.60q are not known", kind)
}

// model returns the name of the model with a digest, after the steps that made
// it if the metadata tell.
func (m *metaReader) model(sha string) string {
	if n, ok := m.names[sha]; ok {
		return n
	}
	about, _ := unwrap(m.models[sha])
	name, ok := m.known[sha]
	if !ok {
		name = recipe.NameOf(about.text("name"))
	}
	if name == "" || name == "." {
		name = sha[:min(10, len(sha))]
		m.note("%s is known by its hash only", name)
	}
	if m.taken[name] && !ok {
		name += "-" + sha[:min(10, len(sha))]
	}
	m.taken[name], m.names[sha] = true, name
	rec, err := unwrap(about[recipeKey])
	if err != nil || len(rec) == 0 || rec.text("type") == "" {
		return name
	}
	switch {
	case m.opt.Shallow:
		m.note("%s is a merge too, by %s", name, rec.text("type"))
	case m.making[sha] || len(m.steps) > recipe.MaxSteps || len(m.making) > 200:
		m.note("%s says that it is made from itself", name)
	default:
		m.making[sha] = true
		steps := len(m.steps)
		if err := m.read(rec, name); err != nil {
			m.steps = m.steps[:steps]
			m.note("%s is a merge too, which cannot be read: %v", name, err)
		}
		delete(m.making, sha)
	}
	return name
}

// digest reads a field that names a model by its digest.
func (m *metaReader) digest(rec object, field string) (string, error) {
	sha := rec.text(field)
	if sha == "" {
		return "", fmt.Errorf("no %s", field)
	}
	return m.model(sha), nil
}

// operands reads the models of a step.
func (m *metaReader) operands(s *recipe.Step, rec object, a, b, c string) (err error) {
	if s.A, err = m.digest(rec, a); err != nil {
		return err
	}
	if s.B, err = m.digest(rec, b); err != nil {
		return err
	}
	if s.Mode.HasC() {
		s.C, err = m.digest(rec, c)
	}
	return err
}

// result returns a name for what a recipe makes that no model has: the one
// wanted, or one that is told.
func (m *metaReader) result(out, told string) string {
	if out != "" {
		return out
	}
	if told = recipe.NameOf(told); told != "" && told != "." && !m.taken[told] {
		m.taken[told] = true
		return told
	}
	return unused(m.taken)
}

// own reads what this program writes: notation, whose names are as good as the
// digests beside it.
func (m *metaReader) own(rec object, out string) error {
	arch, era := block.Arch(rec.text("arch")), block.Era(rec.text("era"))
	if arch == "" { // not written once
		arch = m.guessArch(rec.text("recipe"))
	}
	if era == "" {
		era = block.Eras()[0]
	}
	if err := m.stated(arch, era); err != nil {
		return err
	}
	r, err := recipe.Parse(m.layout(), rec.text("recipe"), recipe.Options{})
	if err != nil {
		return err
	}
	sources, _ := unwrap(rec["sources"])
	nested := len(m.making) > 0 // a parent's names are its own
	to := map[string]string{}
	for i := range r.Steps {
		n := r.Steps[i].Out
		to[n] = n
		if nested {
			to[n] = unused(m.taken)
		}
		m.taken[to[n]] = true
	}
	if out != "" {
		to[r.Result()] = out
	}
	for _, n := range r.Sources() {
		to[n] = n
		if _, ok := m.known[sources.text(n)]; !ok && !nested {
			m.known[sources.text(n)] = n
		}
	}
	for _, n := range r.Sources() {
		if sha := sources.text(n); sha != "" {
			to[n] = m.model(sha)
		}
	}
	for _, s := range r.Steps {
		if s.Mode.HasC() {
			s.C = to[s.C]
		}
		s.A, s.B, s.Out = to[s.A], to[s.B], to[s.Out]
		m.steps = append(m.steps, s)
	}
	return nil
}

// guessArch tells the architecture from the length of a recipe's vectors.
func (m *metaReader) guessArch(text string) block.Arch {
	if m.given != nil {
		return m.given.Arch()
	}
	for line := range strings.Lines(text) {
		if strings.Count(line, ",") == 19 {
			return block.SDXL
		}
	}
	return block.SD1
}

// fill returns a row that is 0 in the blocks that are not named.
func (m *metaReader) fill(blocks []string, v []float64) (recipe.Row, error) {
	all := make([]float64, m.layout().Len())
	for i, name := range blocks {
		id, ok := m.layout().Index(name)
		if !ok || i >= len(v) {
			return nil, fmt.Errorf("%d ratios for the blocks %.80q", len(v), strings.Join(blocks, ","))
		}
		all[id] = v[i]
	}
	return m.numbers(all)
}
