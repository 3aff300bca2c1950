package exchange

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"mixmatch/merge/recipe"
)

// A table is one that is being read.
type table struct {
	*importer
	columns []string // what each column holds
	sep     rune     // what stands between the cells
	inside  bool     // whether the line before was a row or headings
	steps   []recipe.Step
	outside []int             // lines that are no rows
	written map[string]string // a name -> how it is written as that of a file
}

// readTable reads tables in Markdown, or with tabs or commas, that have a merge a
// row. Lines around them are prose.
func readTable(im *importer, text []byte) ([]recipe.Step, error) {
	t := &table{importer: im, written: map[string]string{}}
	n := 0
	for line := range strings.Lines(string(text)) {
		n++
		if err := t.line(line, n); err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
	}
	if len(t.outside) > 0 {
		t.note("outside of the table is what was not read: line %s", ranges(t.outside))
	}
	if len(t.steps) == 0 {
		return nil, errors.New("no row of it is a merge")
	}
	return t.steps, nil
}

// line reads a line: headings, a row, or prose.
func (t *table) line(line string, n int) error {
	if strings.TrimSpace(line) == "" {
		t.inside = false
		return nil
	}
	if strings.Trim(line, " |:-+=\r\n\t>") == "" { // below headings
		return nil
	}
	cells := cellsOf(line)
	// A row may look like headings: models can be called A and B.
	if columns := headings(cells); columns != nil && !t.inside {
		for i, c := range columns {
			if c != "" && c != "step" && slices.Index(columns, c) != i {
				return fmt.Errorf("two columns, %.60q and %.60q, could be the same", cells[slices.Index(columns, c)], cells[i])
			}
			if c == "" && cells[i] != "" {
				t.note("the column %.60q is not known, and was not read", cells[i])
			}
		}
		if !slices.Contains(columns, "name") {
			t.note("no column of the table has the names of the results: no row takes in what another makes")
		}
		t.columns, t.inside, t.sep = columns, true, separator(line)
		return nil
	}
	if t.columns == nil || len(cells) < 2 || separator(line) != t.sep {
		t.columns, t.inside = nil, false // prose ends a table
		t.outside = append(t.outside, n)
		return nil
	}
	t.inside = true
	if len(cells) > len(t.columns) {
		return fmt.Errorf("the row has %d cells, and the headings are %d: quote a vector in it", len(cells), len(t.columns))
	}
	if len(t.steps) == recipe.MaxSteps {
		return fmt.Errorf("more than %d rows", recipe.MaxSteps)
	}
	row := map[string]string{}
	for i, c := range cells {
		if !slices.Contains([]string{"-", "–", "—", "n/a", "none", "None", "N/A", "NA"}, c) && t.columns[i] != "" {
			row[t.columns[i]] = c
		}
	}
	s, err := t.step(row)
	s.Line = n
	t.steps = append(t.steps, s)
	return err
}

// atRatio matches a method with its ratio, as in "Weighted sum @0.3".
var atRatio = regexp.MustCompile(`^(.*?)[ 　]*[@＠:][ 　]*([-+]?[0-9.]+ ?%?)$`)

// step reads a row.
func (t *table) step(row map[string]string) (s recipe.Step, err error) {
	method, ratio := row["method"], ""
	if m := atRatio.FindStringSubmatch(method); m != nil {
		method, ratio = m[1], m[2]
	}
	mode, ok := tableMethods[strings.ReplaceAll(strings.ToLower(method), " ", "")]
	switch {
	case ok:
		s.Mode = mode
	case method != "":
		return s, cannot("the method %.60q", method)
	case row["c"] != "" || row["beta"] != "":
		return s, errors.New("the row has no method, and more than two models: it could be an Add difference or a Triple sum")
	default:
		t.note("a row without a method is taken as a Weight sum")
	}
	weight := strings.Trim(row["weight"], "()[]{} ")
	if base := row["base"]; base != "" {
		if strings.Count(weight, ",") != t.layout().Len()-2 {
			return s, fmt.Errorf("base alpha is given, and the weights are not the %d others", t.layout().Len()-1)
		}
		weight = base + "," + weight
	}
	switch {
	case weight == "":
		weight = ratio
	case ratio != "":
		return s, fmt.Errorf("the ratio is given twice: %s with the method and %.60q as the weight", ratio, weight)
	}
	if weight == "" {
		return s, errors.New("the row has no weight")
	}
	if s.Alpha, err = t.ratios(weight); err != nil {
		return s, fmt.Errorf("weight: %w", err)
	}
	if s.Calc = row["calc"]; strings.EqualFold(s.Calc, "normal") {
		s.Calc = ""
	}
	switch beta := strings.Trim(row["beta"], "()[]{} "); {
	case s.HasBeta() && beta == "":
		return s, fmt.Errorf("%v without beta", s.Mode)
	case s.HasBeta():
		if s.Beta, err = t.ratios(beta); err != nil {
			return s, fmt.Errorf("beta: %w", err)
		}
	case beta != "":
		t.note("the beta of a %v was not read", s.Mode)
	}
	for _, m := range []struct {
		column string
		name   *string
	}{{"a", &s.A}, {"b", &s.B}, {"c", &s.C}, {"name", &s.Out}} {
		cell := row[m.column]
		if m.column == "c" && !s.Mode.HasC() {
			if cell != "" {
				t.note("model C of a %v, %.60q, takes no part", s.Mode, cell)
			}
			continue
		}
		if cell == "" && m.column != "name" {
			return s, fmt.Errorf("model %s is missing", strings.ToUpper(m.column))
		}
		if *m.name, err = t.model(cell); err != nil {
			return s, err
		}
	}
	if s.Out == "" {
		s.Out = fmt.Sprintf("MERGE%d", len(t.steps)+1)
		t.note("the result of row %d has no name: it is called %s", len(t.steps)+1, s.Out)
	}
	return s, nil
}

// ranges writes numbers that rise, as in 1-3, 5.
func ranges(list []int) string {
	var parts []string
	for i := 0; i < len(list); {
		j := i
		for j+1 < len(list) && list[j+1] == list[j]+1 {
			j++
		}
		part := strconv.Itoa(list[i])
		if j > i {
			part += "-" + strconv.Itoa(list[j])
		}
		parts = append(parts, part)
		i = j + 1
	}
	return strings.Join(parts, ", ")
}

// model returns the name of a model, which may be that of its file.
func (t *table) model(cell string) (string, error) {
	name := recipe.NameOf(cell)
	if strings.HasSuffix(cell, name) { // no file's: a sign in it is no folder
		name = cell
	}
	before, ok := t.written[name]
	if ok && before != cell && before != name && cell != name {
		return "", fmt.Errorf("%.60q and %.60q could be two models or one: give them names", before, cell)
	}
	if !ok || before == name {
		t.written[name] = cell
	}
	return name, nil
}
