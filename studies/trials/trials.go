// Package trials writes the trials of a study for other programs: as a table, and as
// the journal in which Optuna keeps its studies.
package trials

import (
	"cmp"
	"encoding/csv"
	"io"
	"slices"
	"strconv"

	"mixmatch/optimize"
	"mixmatch/studies"
)

// CSV writes a line for each trial: its search, its number there, who proposed it, its
// value, 1 - the similarity, which the searches minimise, the similarity, if the ratios
// give any, and the ratios. A ratio has a column, which is empty in searches that do
// not look for it.
func CSV(w io.Writer, searches []studies.SearchRecord) error {
	var ratios []studies.SearchedRatio
	for _, s := range searches {
		ratios = append(ratios, s.Ratios...)
	}
	slices.SortStableFunc(ratios, func(a, b studies.SearchedRatio) int {
		return cmp.Or(cmp.Compare(a.Step, b.Step), cmp.Compare(a.Name(), b.Name()))
	})
	head := []string{"search", "trial", "sampler", "value", "similarity"}
	column := map[string]int{}
	for _, r := range ratios {
		if _, ok := column[r.Name()]; !ok {
			column[r.Name()] = len(head)
			head = append(head, r.Name())
		}
	}
	out := csv.NewWriter(w)
	if err := out.Write(head); err != nil {
		return err
	}
	number := func(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }
	for _, s := range searches {
		for _, t := range s.Trials {
			row := make([]string, len(head))
			copy(row, []string{s.Name, strconv.Itoa(t.Number), t.By, number(t.Value)})
			if t.Value < optimize.Penalty {
				row[4] = number(1 - t.Value)
			}
			for k, r := range s.Ratios {
				row[column[r.Name()]] = number(t.X[k])
			}
			if err := out.Write(row); err != nil {
				return err
			}
		}
	}
	out.Flush()
	return out.Error()
}
