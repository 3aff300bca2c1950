package exchange

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"mixmatch/merge/recipe"
)

// The columns of SuperMerger's mergehistory.csv. The header names 16, one of
// them gone since, so only positions count (supermerger.py:1033-1080).
const (
	colID = iota
	colTime
	colName // the formula, lossy
	colWeightsA
	colWeightsB
	colHashA
	colHashB
	colHashC
	colAlpha // the sliders, not the vectors' BASE
	colBeta
	colMode
	colMBW
	colCustomName
	colSaveSets
	colIDSets
	colDeep // elemental merges
	colCalc
	colSeed
	colAdjust
	colGamma
	colInEx
	colExBlocks
	colExElems
	historyColumns

	historyNeeds = colIDSets + 1 // what the oldest rows have
)

// historyHeader returns the first line of the file, as SuperMerger has it.
func historyHeader() []string {
	return []string{
		"ID", "time", "name", "weights alpha", "weights beta", "model A", "model B", "model C", "alpha", "beta",
		"mode", "use MBW", "plus lora", "custum name", "save setting", "use ID",
	}
}

// pythonList writes strings as Python prints a list of them.
func pythonList(list []string) string {
	q := make([]string, len(list))
	for i, s := range list {
		q[i] = "'" + s + "'"
	}
	return "[" + strings.Join(q, ", ") + "]"
}

// writeHistory writes the header and a row a step. A program appends the rows
// to a file that exists; their numbers are decorative there.
func writeHistory(e *exporter) ([]byte, error) {
	e.superMerger()
	if e.opt.Date.IsZero() {
		e.note("no date was given: the rows have 1970.01.01")
	}
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	if err := w.Write(historyHeader()); err != nil {
		return nil, err
	}
	hash := func(name string) string {
		h := e.short(name)
		if h == "" {
			e.note("the sha256 of %s is not known: \"Load settings from\" leaves its box empty", name)
		}
		return h
	}
	for i := range e.Steps {
		s := &e.Steps[i]
		row := make([]string, historyColumns)
		row[colID] = strconv.Itoa(i + 1)
		row[colTime] = "1970.01.01 00.00.00"
		if !e.opt.Date.IsZero() {
			row[colTime] = e.opt.Date.Format("2006.01.02 15.04.05")
		}
		alpha, beta, ok := sliders(s)
		if !ok {
			row[colWeightsA] = recipe.Vector(s.Alpha)
			if s.Mode.HasBeta() {
				row[colWeightsB] = recipe.Vector(s.Beta)
			}
			alpha, beta = 0.5, 0.25 // where the sliders stand unless moved
		}
		row[colName] = mergedName(s, ok)
		row[colHashA], row[colHashB] = hash(s.A), hash(s.B)
		if s.Mode.HasC() {
			row[colHashC] = hash(s.C)
		}
		row[colAlpha], row[colBeta] = decimal(alpha), decimal(beta)
		row[colMode] = formula(s.Mode)
		row[colMBW] = "False"
		if !ok {
			row[colMBW] = "True"
		}
		row[colCustomName] = customName(s.Out)
		row[colSaveSets] = pythonList(e.saveSets())
		row[colIDSets] = "[]"
		row[colCalc], row[colSeed], row[colGamma] = "normal", "-1", "0.3"
		row[colInEx], row[colExBlocks] = "Off", "[]"
		if err := w.Write(row); err != nil {
			return nil, err
		}
	}
	w.Flush()
	return b.Bytes(), w.Error()
}

// mergedName returns the formula of a step in full, which SuperMerger rounds.
func mergedName(s *recipe.Step, scalar bool) string {
	one := recipe.Recipe{Steps: []recipe.Step{*s}}
	text := strings.TrimRight(one.String(), "\n")
	lines := strings.Split(text, "\n")
	head := strings.TrimSuffix(lines[0], " = "+lastName(lines[0], s))
	for _, line := range lines[1:] {
		_, v, _ := strings.Cut(line, " = ")
		if !strings.HasPrefix(v, "(") {
			v = "(" + v + ")"
		}
		if !scalar {
			head += " " + v
		}
	}
	return head
}

// lastName returns the notation of a step's result, which ends its first line.
func lastName(line string, s *recipe.Step) string {
	if strings.HasSuffix(line, " = "+s.Out) {
		return s.Out
	}
	return strconv.Quote(s.Out)
}

// readHistory reads the rows of a history as steps. A row that is no linear
// merge is left out with a note, and what it made counts as a source.
func readHistory(im *importer, text []byte) ([]recipe.Step, error) {
	c := newCSV(bytes.NewReader(bytes.TrimPrefix(text, []byte("\ufeff"))))
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
		return nil, errors.New("no row that is a linear merge")
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
	s, err := h.step(row)
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
func (h *history) step(row []string) (s recipe.Step, err error) {
	if len(row) < historyNeeds {
		return s, fmt.Errorf("%d columns", len(row))
	}
	row = append(row, make([]string, max(0, historyColumns-len(row)))...)
	if calc := strings.TrimSpace(row[colCalc]); calc != "" && calc != "normal" {
		return s, cannot("its calculation mode is %q", calc)
	}
	if strings.TrimSpace(row[colDeep]) != "" {
		return s, cannot("it merges elements apart")
	}
	if strings.Trim(row[colAdjust], " 0,.") != "" {
		return s, cannot("it adjusts the result")
	}
	if row[colInEx] != "" && row[colInEx] != "Off" && strings.Trim(row[colExBlocks]+row[colExElems], "[] ") != "" {
		return s, cannot("it includes or excludes blocks")
	}
	if s.Mode, err = parseMode(row[colMode]); err != nil {
		return s, err
	}
	alpha, beta := row[colAlpha], row[colBeta]
	if strings.EqualFold(row[colMBW], "true") {
		alpha, beta = row[colWeightsA], row[colWeightsB]
	}
	if s.Alpha, err = h.row(alpha); err != nil {
		return s, err
	}
	if s.Mode.HasBeta() {
		if s.Beta, err = h.row(beta); err != nil {
			return s, err
		}
	}
	formula, err := recipe.Parse(h.layout(), cutCalc(row[colName]), recipe.Options{})
	var written recipe.Step
	if err == nil && formula.Steps[0].Mode == s.Mode {
		written = formula.Steps[0]
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
	for _, n := range s.Operands() {
		if n == "" {
			return s, errors.New("its models cannot be told from its name, and have no hashes")
		}
	}
	s.Out = strings.TrimSuffix(strings.TrimSuffix(row[colCustomName], ".safetensors"), ".ckpt")
	if s.Out != "" && s.Out == row[colCustomName] && strings.Contains(row[colSaveSets], "'fp16'") {
		s.Out += ".fp16"
	}
	if s.Out == "" {
		s.Out = fmt.Sprintf("MERGE%d", len(h.steps)+1)
	}
	return s, nil
}

// cutCalc cuts the mark of the normal calculation off a name.
func cutCalc(name string) string { return strings.TrimSuffix(name, "_normal") }
