package exchange

import (
	"encoding/json"
	"errors"
	"fmt"

	"mixmatch/merge/recipe"
)

// An operand is what a step of a chain takes besides the result of the one
// before.
type operand struct {
	mode  recipe.Mode
	field string // that names the model
	row   recipe.Row
	base  string // the model subtracted, in Add difference
}

// chain appends steps each of which takes the one before as its model A. The
// models go by file names.
func (m *metaReader) chain(f *fields, out string, operands []operand) error {
	if f.err != nil {
		return f.err
	}
	last := m.file(f.text("model_a"))
	first := len(m.steps)
	for i, o := range operands {
		s := recipe.Step{Mode: o.mode, A: last, B: m.file(f.text(o.field)), Alpha: o.row}
		if s.Mode.HasC() {
			s.C = m.file(o.base)
		}
		switch {
		case f.err != nil:
			return f.err
		case last == "":
			return errors.New("model_a is missing")
		case s.B == "":
			return fmt.Errorf("%s is missing", o.field)
		case s.Mode.HasC() && s.C == "":
			return fmt.Errorf("the model that step %d subtracts is missing", i+1)
		}
		m.steps = append(m.steps, s)
		last = fmt.Sprintf("\x00%d", i)
	}
	if err := f.finish(m.importer); err != nil {
		return err
	}
	for i := range m.steps[first:] {
		s := &m.steps[first+i]
		if i > 0 {
			s.A = m.steps[first+i-1].Out
		}
		if i == len(operands)-1 {
			s.Out = m.result(out, "")
		} else {
			s.Out = unused(m.taken)
		}
	}
	return nil
}

// file returns the name of a model that goes by its file's name.
func (m *metaReader) file(name string) string {
	if name == "" || name == "None" {
		return ""
	}
	n := recipe.NameOf(name)
	m.taken[n] = true
	return n
}

// spare notes models behind the last of a chain.
func (m *metaReader) spare(f *fields, next byte) {
	for c := next; c <= 'z'; c++ {
		if name := "model_" + string(rune(c)); f.has(name) && f.text(name) != "None" {
			m.note("%s has no mode: it takes no part", name)
		}
	}
}

// rawAt returns item i of a list, nil if it has none.
func rawAt(list []json.RawMessage, i int) json.RawMessage {
	if i < len(list) {
		return list[i]
	}
	return nil
}
