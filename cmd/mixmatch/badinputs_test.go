package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"text/tabwriter"
)

// TestBadInputs prints the list of bad inputs with what becomes of each, whether
// that is as the list wants it, and the tests that try it, all of which must exist.
func TestBadInputs(t *testing.T) {
	text, err := os.ReadFile("testdata/badinputs.tsv")
	if err != nil {
		t.Fatal(err)
	}
	known := testNames(t)
	var table strings.Builder
	w := tabwriter.NewWriter(&table, 0, 0, 2, ' ', 0)
	next := 1
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSuffix(line, "\n")
		if strings.HasPrefix(line, "#") {
			fmt.Fprintln(w, strings.TrimPrefix(line, "# "))
			continue
		}
		fields := strings.Split(line, "\t")
		if len(fields) != 5 || fields[0] != fmt.Sprint(next) {
			t.Fatalf("number %d: got %q", next, line)
		}
		fmt.Fprintln(w, line)
		next++
		why, differs := strings.CutPrefix(fields[3], "differs: ")
		if fields[3] != "as stated" && (!differs || why == "") {
			t.Errorf("%s: %q is no verdict", fields[0], fields[3])
		}
		tests := strings.Fields(fields[4])
		if len(tests) == 0 {
			t.Errorf("%s: no test", fields[0])
		}
		for _, name := range tests {
			if !known[name] {
				t.Errorf("%s: there is no test %s", fields[0], name)
			}
		}
	}
	if next != 79 {
		t.Errorf("%d inputs; want 78", next-1)
	}
	w.Flush()
	t.Log("\n" + table.String())
}

// testNames has every test as folder/Name, and the scripts by their files' names.
func testNames(t *testing.T) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	root := filepath.Join("..", "..")
	err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		folder, err := filepath.Rel(root, filepath.Dir(path))
		if err != nil {
			return err
		}
		for _, d := range file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && (strings.HasPrefix(f.Name.Name, "Test") || strings.HasPrefix(f.Name.Name, "Fuzz")) {
				names[filepath.ToSlash(folder)+"/"+f.Name.Name] = true
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	scripts, err := filepath.Glob("testdata/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range scripts {
		names[filepath.Base(s)] = true
	}
	return names
}
