package exchange

import (
	"encoding/json"
	"errors"
	"fmt"

	"mixmatch/merge/recipe"
)

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
	m := &metaReader{importer: im, known: map[string]string{}, names: map[string]string{}, taken: map[string]bool{}, making: map[string]bool{}}
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
		if raw, ok := top[modelsKey]; !ok {
			m.note("there is no %s, which tells how the models were made", modelsKey)
		} else if m.models, err = unwrap(raw); err != nil {
			return nil, fmt.Errorf("%s: %w", modelsKey, err)
		}
	} else if raw, ok := top[mechaKey]; ok {
		f := fieldsOf(top)
		if s := f.text(mechaKey); f.err == nil {
			return readMecha(im, []byte(s))
		}
		return nil, fmt.Errorf("%s is %s, not text", mechaKey, describe(raw))
	} else if _, ok := top["prompt"]; ok {
		return nil, errors.New("a ComfyUI workflow; those are only written")
	}
	if _, ok := rec["type"]; !ok {
		return nil, errors.New("no merge recipe in it")
	}
	out := im.opt.Recipe.Result
	if kindOf(rec) == "mixmatch" { // names its steps itself
		out = ""
	}
	if err := m.read(rec, out); err != nil {
		return nil, err
	}
	return m.steps, nil
}

// kindOf returns the program that wrote a recipe, "" if it does not say.
func kindOf(rec object) string { return fieldsOf(rec).text("type") }

// read appends the steps of a recipe, the last of which makes out; "" stands
// for the name that the recipe gives it.
func (m *metaReader) read(rec object, out string) error {
	f := fieldsOf(rec)
	kind := f.text("type")
	if f.err != nil {
		return f.err
	}
	switch kind {
	case "mixmatch":
		return m.own(f, out)
	case "webui":
		return m.webui(f, out)
	case "sd-webui-supermerger":
		return m.superMerger(f, out)
	case "sd-webui-model-mixer":
		return m.mixer(f, out)
	case "merge-models-chattiori":
		return m.chattiori(f, out)
	case "sd-model-analyzer":
		return m.analyzer(f, out)
	}
	return fmt.Errorf("recipes of the type %.60q are not known", kind)
}

// model returns the name of the model with a digest, after the steps that made
// it if the metadata tell.
func (m *metaReader) model(sha string) string {
	if n, ok := m.names[sha]; ok {
		return n
	}
	short := sha[:min(10, len(sha))]
	about := object{}
	if raw, ok := m.models[sha]; ok {
		var err error
		if about, err = unwrap(raw); err != nil {
			m.note("what %s says of %s cannot be read: %v", modelsKey, short, err)
		}
	} else if m.models != nil {
		m.note("%s says nothing of %s", modelsKey, short)
	}
	f := fieldsOf(about)
	name, ok := m.known[sha]
	if !ok {
		name = recipe.NameOf(f.text("name"))
	}
	if f.err != nil {
		m.note("what %s says of %s cannot be read: %v", modelsKey, short, f.err)
	}
	if name == "" || name == "." {
		name = short
		m.note("%s is known by its hash only: %s does not name it", name, modelsKey)
	}
	if m.taken[name] && !ok {
		name += "-" + short
	}
	m.taken[name], m.names[sha] = true, name
	if !f.empty(recipeKey) {
		m.parent(sha, name, f.object[recipeKey])
	}
	return name
}

// parent reads how the model with a digest, called name, was merged itself.
func (m *metaReader) parent(sha, name string, raw json.RawMessage) {
	rec, err := unwrap(raw)
	switch {
	case err != nil:
		m.note("%s of %s cannot be read: %v", recipeKey, name, err)
	case m.opt.Shallow:
		m.note("%s is a merge too, by %.60q", name, kindOf(rec))
	case m.making[sha] || len(m.steps) > recipe.MaxSteps || len(m.making) > 200:
		m.note("%s says that it is made from itself", name)
	default:
		m.making[sha] = true
		steps := len(m.steps)
		if err := m.read(rec, name); err != nil {
			m.steps = m.steps[:steps]
			m.note("%s is a merge too, whose %s cannot be read: %v", name, recipeKey, err)
		}
		delete(m.making, sha)
	}
}

// nested reports whether the recipe being read is that of a parent.
func (m *metaReader) nested() bool { return len(m.making) > 0 }

// digest reads a field that names a model by its digest.
func (m *metaReader) digest(f *fields, field string) (string, error) {
	sha := f.text(field)
	if f.err != nil {
		return "", f.err
	}
	if sha == "" {
		return "", fmt.Errorf("%s is missing", field)
	}
	return m.model(sha), nil
}

// operands reads the models of a step.
func (m *metaReader) operands(s *recipe.Step, f *fields, names [3]string) (err error) {
	f.skip(names[2])
	if s.A, err = m.digest(f, names[0]); err != nil {
		return err
	}
	if s.B, err = m.digest(f, names[1]); err != nil {
		return err
	}
	if s.Mode.HasC() {
		s.C, err = m.digest(f, names[2])
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
