package exchange

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"mixmatch/merge/recipe"
)

// The columns of a table of merges, as people head them.
var tableColumns = map[string][]string{
	"a":      {"a", "model a", "primary", "primary model", "input a", "checkpoint a", "モデルa"},
	"b":      {"b", "model b", "secondary", "secondary model", "input b", "checkpoint b", "モデルb"},
	"c":      {"c", "model c", "tertiary", "tertiary model", "input c", "checkpoint c", "モデルc"},
	"method": {"method", "merge method", "interpolation method", "interpolation", "mode", "merge mode", "type", "方式"},
	"weight": {"weight", "weights", "multiplier", "m", "ratio", "alpha", "weight alpha", "weights alpha", "mbw", "block weights", "比率"},
	"base":   {"base alpha"},
	"beta":   {"beta", "weight beta", "weights beta"},
	"calc":   {"calculation", "calculation mode", "calc mode", "calcmode"},
	"name":   {"name", "merge name", "output", "output name", "result", "merged model", "custom name", "new name", "out", "出力"},
	"step":   {"step", "#", "no", "no.", "手順"},
}

// tableMethods are what people call the modes, in small letters without blanks.
var tableMethods = map[string]recipe.Mode{
	"weightedsum": recipe.WeightSum, "weightsum": recipe.WeightSum, "sum": recipe.WeightSum, "ws": recipe.WeightSum,
	"mbw": recipe.WeightSum, "u-netblocksweightmerge": recipe.WeightSum, "unetblocksweightmerge": recipe.WeightSum, "mergeblockweighted": recipe.WeightSum,
	"adddifference": recipe.AddDifference, "adddiff": recipe.AddDifference, "ad": recipe.AddDifference,
	"triplesum": recipe.TripleSum, "sumtwice": recipe.SumTwice,
}

// columnOf returns what the column with a heading holds, "" if that is not
// known. The sign that people give it may stand in parentheses.
func columnOf(heading string) string {
	h := strings.ToLower(heading)
	h = strings.Join(strings.FieldsFunc(h, func(r rune) bool { return strings.ContainsRune(" :：()_*`", r) }), " ")
	for _, suffix := range []string{"", " a", " b", " c", " m", " multiplier", " alpha"} { // Primary model (A), M (Multiplier)
		cut, ok := strings.CutSuffix(h, suffix)
		for column, names := range tableColumns {
			if ok && slices.Contains(names, cut) && (suffix == "" || len(suffix) > 2 || suffix[1:] == column || suffix == " m" && column == "weight") {
				return column
			}
		}
	}
	return ""
}

// isTable reports whether a text has the heading of a table of merges.
func isTable(text []byte) bool {
	for line := range strings.Lines(string(text)) {
		if len(line) < 1000 && headings(cellsOf(line)) != nil {
			return true
		}
	}
	return false
}

// headings returns what the columns hold if the cells are headings: they have
// the models A and B and something more.
func headings(cells []string) []string {
	var columns []string
	known := 0
	for _, c := range cells {
		column := columnOf(c)
		if column != "" && column != "step" {
			known++
		}
		columns = append(columns, column)
	}
	if known < 3 || !slices.Contains(columns, "a") || !slices.Contains(columns, "b") {
		return nil
	}
	return columns
}

// separator returns what stands between the cells of a line.
func separator(line string) rune {
	switch {
	case strings.Contains(line, "|"):
		return '|'
	case strings.Contains(strings.TrimSpace(line), "\t"):
		return '\t'
	case strings.Count(line, ";") > 1:
		return ';'
	}
	return ','
}

// cellsOf cuts a line of a table. Commas and semicolons may stand in quotes.
func cellsOf(line string) []string {
	line = strings.TrimSpace(line)
	var cells []string
	switch sep := separator(line); sep {
	case '|':
		line = strings.TrimSuffix(strings.TrimPrefix(strings.TrimLeft(line, "> "), "|"), "|")
		cells = strings.Split(line, "|")
	case '\t':
		cells = strings.Split(line, "\t")
	default:
		r := newCSV(strings.NewReader(line))
		r.Comma = sep
		cells, _ = r.Read()
	}
	for i, c := range cells {
		c = strings.TrimSpace(strings.NewReplacer("**", "", "`", "", "\u00a0", " ").Replace(c))
		if len(c) > 1 && c[0] == '"' && c[len(c)-1] == '"' {
			c = c[1 : len(c)-1]
		}
		cells[i] = c
	}
	return cells
}

var cellNumber = regexp.MustCompile(`[-+]?[0-9.]+(?:[eE][-+]?[0-9]+)?[ \t]*%?`)

// ratios reads a cell of ratios. People leave the sign of a percentage out, so a
// number that no slider of SuperMerger goes to (-1 to 2) is refused without it.
func (t *table) ratios(cell string) (recipe.Row, error) {
	for _, n := range cellNumber.FindAllString(cell, -1) {
		n = strings.TrimSpace(n)
		if v, err := strconv.ParseFloat(n, 64); err == nil && (v < -1 || v > 2) {
			return nil, fmt.Errorf("%s could be %[1]s %% or %[1]s times: write %[1]s %% or %s, and %s %% for %[1]s times", decimal(v), shift(v, -2), shift(v, 2))
		}
	}
	return t.row(cell)
}

// shift writes v with its point moved by so many digits.
func shift(v float64, digits int) string {
	shifted, _ := strconv.ParseFloat(decimal(v)+"e"+strconv.Itoa(digits), 64)
	return decimal(shifted)
}
