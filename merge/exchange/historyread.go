package exchange

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"mixmatch/merge/recipe"
)

// readHistory reads the rows of a history as steps. A row that is none is left
// out with a note, and what it made counts as a source.
func readHistory(im *importer, text []byte) ([]recipe.Step, error) {
	c := newCSV(bytes.NewReader(text))
	names := map[string]string{} // short hash -> name
	for _, name := range slices.Backward(slices.Sorted(maps.Keys(im.opt.Models))) {
		if h := im.opt.Models[name].SHA256; len(h) >= 10 {
			names[h[:10]] = name
		}
	}
	h := &history{importer: im, names: names, made: map[string]int{}}
	for n := 0; ; n++ {
		row, err := c.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		if n == 0 && len(row) > 0 && strings.EqualFold(row[0], "ID") {
			continue
		}
		if len(h.steps) >= recipe.MaxSteps {
			return nil, fmt.Errorf("more than %d rows", recipe.MaxSteps)
		}
		if err := h.add(row, n); err != nil {
			im.note("row %d was left out: %v", n, err)
		}
	}
	if len(h.steps) == 0 {
		return nil, errors.New("no row of it can be read as a merge")
	}
	return h.steps, nil
}

// A history is a log of merges that is being read.
type history struct {
	*importer
	names map[string]string
	steps []recipe.Step
	made  map[string]int // name -> the latest step that made it
}

// add appends the step of a row. In a log a name can be made again; then the
// steps before mean the earlier model, which gets a name of its own.
func (h *history) add(row []string, n int) error {
	s, err := h.step(row, n)
	if err != nil {
		return err
	}
	if at, ok := h.made[s.Out]; ok {
		old := fmt.Sprintf("%s (row %d)", s.Out, h.steps[at].Line)
		if _, ok := h.made[old]; ok {
			return fmt.Errorf("too many models called %q", s.Out)
		}
		for i := at + 1; i < len(h.steps); i++ {
			for _, name := range []*string{&h.steps[i].A, &h.steps[i].B, &h.steps[i].C} {
				if *name == s.Out {
					*name = old
				}
			}
		}
		for _, name := range []*string{&s.A, &s.B, &s.C} {
			if *name == s.Out {
				*name = old
			}
		}
		h.steps[at].Out = old
		h.made[old] = at
	}
	s.Line = n
	h.made[s.Out] = len(h.steps)
	h.steps = append(h.steps, s)
	return nil
}

// step reads a row.
func (h *history) step(row []string, n int) (s recipe.Step, err error) {
	if len(row) < historyNeeds || len(row) > historyColumns {
		return s, fmt.Errorf("it has %d columns; SuperMerger's have %d to %d", len(row), historyNeeds, historyColumns)
	}
	columns := len(row)
	row = append(row, make([]string, max(0, historyColumns-len(row)))...)
	for i := range row {
		row[i] = strings.TrimSpace(row[i])
	}
	if row[colDeep] != "" {
		return s, cannot("it merges elements apart")
	}
	if strings.Trim(row[colAdjust], " 0,.") != "" {
		return s, cannot("it adjusts the result")
	}
	switch row[colInEx] {
	case "", "Off":
	case "Include", "Exclude":
		if strings.Trim(row[colExBlocks]+row[colExElems], "[] ") != "" {
			return s, cannot("it includes or excludes blocks")
		}
	default:
		return s, fmt.Errorf("column %d is %.60q, not Off, Include or Exclude", colInEx+1, row[colInEx])
	}
	if s.Mode, err = parseMode(row[colMode]); err != nil {
		return s, err
	}
	if columns > colCalc && row[colCalc] == "" {
		h.note("row %d: the calculation mode is missing: the merge is taken as a normal one", n)
	}
	if calc := row[colCalc]; calc != "" && calc != "normal" {
		s.Calc = calc // [recipe.New] knows which there are
		if calc == "extract" {
			var ok bool
			if s.Gamma, ok = numberIn(row[colGamma]); !ok {
				return s, fmt.Errorf("gamma is %.60q, not a number", row[colGamma])
			}
		}
	}
	what, alpha, beta := "", row[colAlpha], row[colBeta]
	switch strings.ToLower(row[colMBW]) {
	case "true":
		what, alpha, beta = "weights ", row[colWeightsA], row[colWeightsB]
	case "false":
	default:
		return s, fmt.Errorf("use MBW is %.60q, not True or False", row[colMBW])
	}
	if s.Alpha, err = h.row(alpha); err != nil {
		return s, fmt.Errorf("%salpha: %w", what, err)
	}
	if s.HasBeta() {
		if s.Beta, err = h.row(beta); err != nil {
			return s, fmt.Errorf("%sbeta: %w", what, err)
		}
	}
	if err = h.models(&s, row, n); err != nil {
		return s, err
	}
	s.Out = strings.TrimSuffix(strings.TrimSuffix(row[colCustomName], ".safetensors"), ".ckpt")
	if s.Out != "" && s.Out == row[colCustomName] && strings.Contains(row[colSaveSets], "'fp16'") {
		s.Out += ".fp16"
	}
	if s.Out == "" {
		s.Out = fmt.Sprintf("MERGE%d", len(h.steps)+1)
	}
	alone := s
	alone.Out = "\x00" // in a log a name can be that of an earlier model
	if _, err = recipe.New(h.layout(), []recipe.Step{alone}); err != nil {
		return s, errors.New(strings.TrimPrefix(err.Error(), `"\x00": `))
	}
	return s, nil
}

// models names the step's models by their hashes if those are known, and else as
// the row's formula does, whose ratios are rounded.
func (h *history) models(s *recipe.Step, row []string, n int) error {
	var written recipe.Step
	text := cutCalc(row[colName])
	formula, err := recipe.Parse(h.layout(), text, recipe.Options{})
	if err != nil { // without its numbers it tells the models all the same
		text += "\nalpha = (" + recipe.Vector(s.Alpha) + ")"
		if s.Mode.HasBeta() {
			text += "\nbeta = (" + recipe.Vector(s.Beta) + ")"
		}
		if f, bad := recipe.Parse(h.layout(), text, recipe.Options{}); bad == nil {
			formula, err = f, nil
		}
	}
	switch {
	case err != nil:
		h.note("row %d: the formula %.60q is not understood: models go by their hashes", n, row[colName])
	case len(formula.Steps) != 1 || formula.Steps[0].Mode != s.Mode:
		return fmt.Errorf("its formula %.60q is no %v", row[colName], s.Mode)
	default:
		written = formula.Steps[0]
		f := fieldsOf(nil)
		h.agree(f, "its columns", recipe.Vector(s.Alpha), "its formula", recipe.Vector(written.Alpha), rounded)
		if s.Mode.HasBeta() {
			h.agree(f, "its columns", recipe.Vector(s.Beta), "its formula", recipe.Vector(written.Beta), rounded)
		}
		if f.err != nil {
			return f.err
		}
	}
	model := func(hash, name string) string {
		if n, ok := h.names[hash]; ok {
			return n
		}
		if name == "" {
			return hash
		}
		return name
	}
	s.A, s.B = model(row[colHashA], written.A), model(row[colHashB], written.B)
	if s.Mode.HasC() {
		s.C = model(row[colHashC], written.C)
	}
	if slices.Contains(s.Operands(), "") {
		return errors.New("its models cannot be told from its name, and have no hashes")
	}
	return nil
}

// cutCalc cuts the mark of the normal calculation off a name.
func cutCalc(name string) string { return strings.TrimSuffix(name, "_normal") }
