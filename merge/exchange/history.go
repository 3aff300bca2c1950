package exchange

import (
	"bytes"
	"encoding/csv"
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
		row := s.Alpha
		if strings.HasPrefix(line, "beta") {
			row = s.Beta
		}
		if !scalar { // in full, though it may be one number
			head += " (" + recipe.Vector(row) + ")"
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
