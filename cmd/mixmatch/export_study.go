package main

import (
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v2"

	"mixmatch/merge/durable"
	"mixmatch/studies"
	"mixmatch/studies/trials"
)

// A studyDocument is what export writes of a study that is not its recipe.
type studyDocument struct {
	name, doc string
	ext       string // of files that are it, "" if others are more likely

	// read reads the study, and returns what writes the document, the same each time.
	read func(dir string) (func(w io.Writer) error, error)
}

func studyDocuments() []studyDocument {
	return []studyDocument{
		{"products", "the inner products that the study keeps, a tensor a line (JSON; docs/products.md)", ".jsonl", func(dir string) (func(io.Writer) error, error) {
			g, err := studies.Products(dir)
			if err != nil {
				return nil, err
			}
			return func(w io.Writer) error {
				_, err := g.WriteLines(w)
				return err
			}, nil
		}},
		{"csv", "all trials, a line each, also of a study that is not finished (docs/trials.md)", ".csv", func(dir string) (func(io.Writer) error, error) {
			list, err := studies.Searches(dir)
			if err != nil {
				return nil, err
			}
			return func(w io.Writer) error { return trials.CSV(w, list) }, nil
		}},
		{"optuna", "the same as the journal of Optuna, for it and optuna-dashboard (docs/trials.md)", "", func(dir string) (func(io.Writer) error, error) {
			list, err := studies.Searches(dir)
			if err != nil {
				return nil, err
			}
			name, err := filepath.Abs(dir)
			if err != nil {
				return nil, err
			}
			return func(w io.Writer) error { return trials.Optuna(w, filepath.Base(name), list) }, nil
		}},
	}
}

// studyDocumentList is the part of export's help that lists them.
func studyDocumentList() string {
	var b strings.Builder
	for _, d := range studyDocuments() {
		fmt.Fprintf(&b, "   %-21s %s\n", d.name, d.doc)
	}
	return b.String()
}

// studyDocumentOf returns the document of a name, or nil.
func studyDocumentOf(name string) *studyDocument {
	for _, d := range studyDocuments() {
		if d.name == name {
			return &d
		}
	}
	return nil
}

// studyDocumentEnding returns the document that a file's ending stands for, or nil.
func studyDocumentEnding(path string) *studyDocument {
	ext := strings.ToLower(filepath.Ext(path))
	for _, d := range studyDocuments() {
		if d.ext != "" && d.ext == ext {
			return &d
		}
	}
	return nil
}

// export writes the document to the terminal or a file.
func (d *studyDocument) export(c *cli.Context, dir string) error {
	write, err := d.read(dir)
	if err != nil {
		return err
	}
	out := c.String("output")
	if out == "" || out == "-" {
		return write(c.App.Writer)
	}
	if exists(out) && !c.Bool("force") {
		return usage("%s: %s: %w; choose another name, or --force to replace it", c.Command.Name, out, fs.ErrExist)
	}
	var size counter
	if err := write(&size); err != nil {
		return err
	}
	f, err := durable.Create(out, int64(size), c.Bool("force"))
	if err != nil {
		return err
	}
	if err := write(f); err != nil {
		f.Abort()
		return err
	}
	return f.Commit()
}

// A counter counts what is written to it.
type counter int64

func (n *counter) Write(b []byte) (int, error) {
	*n += counter(len(b))
	return len(b), nil
}
