package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"mixmatch/merge"
	"mixmatch/merge/safetext"
	"mixmatch/similarity/fingerprint"
)

// cmdPrint writes the fingerprint of a model.
func cmdPrint(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: print FILE MMF")
	}
	m, err := merge.OpenModel(nameOf(args[0]), ts.MkAbs(args[0]))
	ts.Check(err)
	defer m.Close()
	f, err := fingerprint.Of(context.Background(), m, fingerprint.Options{})
	ts.Check(err)
	b, err := f.Append(nil)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), b, 0o666))
}

// TestMatrixHostile prints names that try to be more than names.
func TestMatrixHostile(t *testing.T) {
	names := []string{"a|b", "\x1b[2Jc", "\u202ed", "<b>e</b>", "*f*_[x](y)`", "日本語のモデルの名前はとても長いのです", strings.Repeat("g", 200), "h\ni", `=1+"2",3`}
	r := &matrixResult{Reference: "base", Base: "v1|<5>\x1b", Scope: "network"}
	for i, name := range names {
		r.Models = append(r.Models, matrixModel{Name: name})
		var row []*float64
		for j := range names {
			v := float64(i*j) / -80
			if row = append(row, &v); i+j == 5 {
				row[j] = nil
			}
		}
		r.Cosines = append(r.Cosines, row)
	}
	r.Blocks = []matrixBlock{{"IN00", r.Cosines}}
	for name, print := range map[string]func(w *bytes.Buffer) error{
		"table": func(w *bytes.Buffer) error { return r.table(w, false) },
		"wide":  func(w *bytes.Buffer) error { return r.table(w, true) },
		"md":    func(w *bytes.Buffer) error { return r.markdown(w) },
		"many": func(w *bytes.Buffer) error {
			many := *r
			many.plain = true
			return many.table(w, false)
		},
	} {
		var w bytes.Buffer
		if err := print(&w); err != nil {
			t.Fatal(err)
		}
		if strings.ContainsAny(w.String(), "\x1b\u202e") {
			t.Errorf("%s: %q", name, w.String())
		}
		for line := range strings.Lines(w.String()) {
			line = strings.TrimSuffix(line, "\n")
			if name != "wide" && name != "md" && safetext.Columns(line) > screenWidth {
				t.Errorf("%s: %d columns: %s", name, safetext.Columns(line), line)
			}
			bare := strings.ReplaceAll(line, `\|`, "")
			if name == "md" && strings.HasPrefix(line, "|") && strings.Count(bare, "|") != len(names)+2 {
				t.Errorf("md: %d cells: %s", strings.Count(bare, "|"), line)
			}
			if name == "md" && strings.Contains(line, "<") {
				t.Errorf("md: %s", line)
			}
		}
	}
}

// TestMatrixMany holds the table to 80 columns for any number of models.
func TestMatrixMany(t *testing.T) {
	for _, n := range []int{2, 3, 9, 10, 12, 13, 14, 99, 100, 300} {
		r := &matrixResult{Reference: "mean", Scope: "network"}
		for i := range n {
			r.Models = append(r.Models, matrixModel{Name: fmt.Sprintf("model-%d-%s", i, strings.Repeat("x", i%30))})
			row := make([]*float64, n)
			for j := range row {
				v := 1 - 2*float64(max(i, j)-min(i, j))/float64(n)
				row[j] = &v
			}
			r.Cosines = append(r.Cosines, row)
		}
		for _, plain := range []bool{false, true} {
			r.plain = plain
			var w bytes.Buffer
			if err := r.table(&w, false); err != nil {
				t.Fatal(err)
			}
			for line := range strings.Lines(w.String()) {
				if got := safetext.Columns(strings.TrimSuffix(line, "\n")); got > screenWidth {
					t.Errorf("%d models: %d columns: %s", n, got, line)
				}
			}
			if only := strings.Contains(w.String(), "--wide"); only && n < 10 || !only && n > 16 {
				t.Errorf("%d models, plain %v: only the nearest: %v", n, plain, only)
			}
		}
	}
}
