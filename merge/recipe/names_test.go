package recipe

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"

	"mixmatch/merge/block"
)

// TestNames reads what SuperMerger itself printed, as it is, with a name, and
// as it stands in a picture's metadata, which has blanks for commas.
func TestNames(t *testing.T) {
	var names []struct {
		Era, Mode   string
		MBW         bool
		Calc        string
		Alpha, Beta float64
		WeightsA    string `json:"weights_a"`
		WeightsB    string `json:"weights_b"`
		Name        string
	}
	if err := json.Unmarshal([]byte(readFile(t, "names.json")), &names); err != nil {
		t.Fatal(err)
	}
	if len(names) != 54 {
		t.Fatalf("%d names", len(names))
	}
	l := layout(t, block.SD1)
	round := func(x float64) float64 { return math.RoundToEven(x*1000) / 1000 }
	// row returns what a name can tell of the settings.
	row := func(t *testing.T, text string, scalar float64, rounds, first bool) Row {
		if text == "" {
			return Uniform(l, round(scalar))
		}
		var row Row
		for f := range strings.SplitSeq(text, ",") {
			v, err := strconv.ParseFloat(f, 64)
			if err != nil {
				t.Fatal(err)
			}
			row = append(row, Ratio{Value: v})
		}
		if rounds && first {
			row[0].Value = round(row[0].Value)
		}
		return row
	}
	for i, n := range names {
		for variant, text := range []string{n.Name, n.Name + " = TEMP1", "TEMP1 = " + n.Name, strings.ReplaceAll(n.Name, ",", " "), strings.ReplaceAll(n.Name, ",", " ") + " = TEMP1"} {
			t.Run(fmt.Sprintf("%d/%d", i, variant), func(t *testing.T) {
				r, err := Parse(l, text, Options{})
				if err != nil {
					t.Fatalf("%v in %s", err, text)
				}
				lenient, err := Parse(l, text, Options{Lenient: true})
				if err != nil {
					t.Fatal(err)
				}
				equal(t, lenient, r)
				s := r.Steps[0]
				if s.Mode.String() != n.Mode || s.A != "OpenBra" || s.B != "Evt_V4_e04_ema" ||
					s.Mode.HasC() != (s.C == "v1-5-pruned-emaonly") || (s.Out != "TEMP1" && s.Out != "MERGE1") {
					t.Errorf("%v %s %s %s %s", s.Mode, s.A, s.B, s.C, s.Out)
				}
				if want := strings.TrimPrefix(n.Calc, "normal"); s.Calc != want {
					t.Errorf("calculation mode %q; want %q", s.Calc, want)
				}
				if r.Linear() != (n.Calc == "normal") {
					t.Errorf("linear: %v", r.Linear())
				}
				if n.Calc == "tensor" && !s.Mode.HasBeta() {
					want := n.Beta // in full
					if n.WeightsB != "" {
						want, _ = strconv.ParseFloat(strings.Split(n.WeightsB, ",")[0], 64)
					}
					sameRow(t, "beta", s.Beta, Uniform(l, want))
				}
				rounds := n.Era != "2025-11" // BASE twice there, the second in full
				sameRow(t, "alpha", s.Alpha, row(t, n.WeightsA, n.Alpha, rounds, true))
				if s.Mode.HasBeta() {
					sameRow(t, "beta", s.Beta, row(t, n.WeightsB, n.Beta, rounds, s.Mode == SumTwice))
				}
			})
		}
	}
}

func sameRow(t *testing.T, name string, got, want Row) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s has %d ratios; want %d", name, len(got), len(want))
	}
	for i := range got {
		if got[i] != want[i] {
			t.Errorf("%s %d is %v; want %v", name, i, got[i], want[i])
		}
	}
}

// equal compares all of two recipes but the lines of their steps.
func equal(t testing.TB, got, want *Recipe) {
	t.Helper()
	if len(got.Steps) != len(want.Steps) {
		t.Fatalf("%d steps; want %d:\n%s\nand\n%s", len(got.Steps), len(want.Steps), got, want)
	}
	for i := range got.Steps {
		g, w := got.Steps[i], want.Steps[i]
		g.Line, w.Line = 0, 0
		if fmt.Sprintf("%#v", g) != fmt.Sprintf("%#v", w) {
			t.Errorf("step %d:\n%#v; want\n%#v", i, g, w)
		}
	}
}
