package main

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"mixmatch/merge/block"
	"mixmatch/merge/checkpoint"
	"mixmatch/merge/open"
	"mixmatch/studies/report"
)

// openFile opens a model file. Of one that is not there, or that is a text, as a
// recipe is, its error says that.
func openFile(path string) (*checkpoint.File, error) {
	f, err := open.File(path)
	if errors.Is(err, checkpoint.ErrFormat) && isText(path) {
		return nil, checkpoint.Malformed("%s: a text, not a model; if it is a recipe: mixmatch convert %s", path, report.Quote(path))
	}
	return f, absent("", err)
}

// isText reports whether the file at path begins with a line or so of text that is
// not JSON or HTML, which a download may have left in place of a model.
func isText(path string) bool {
	d, err := checkpoint.OpenDisk(path) // which opens no pipes
	if err != nil {
		return false
	}
	defer d.Close()
	head := make([]byte, 512)
	n, _ := d.ReadAt(head, 0)
	text := string(head[:n])
	if n == len(head) { // which may end within a sign
		for !utf8.ValidString(text) && len(text) > n-utf8.UTFMax {
			text = text[:len(text)-1]
		}
	}
	text = strings.TrimSpace(text)
	strange := func(r rune) bool { return unicode.IsControl(r) && !unicode.IsSpace(r) }
	return text != "" && utf8.ValidString(text) && !strings.ContainsFunc(text, strange) && checkpoint.Foreign([]byte(text)) == ""
}

func (in *inspection) listBlocks(f *checkpoint.File, era block.Era) error {
	if in.Kind == "" {
		return fmt.Errorf("no blocks: %s", in.Problem)
	}
	arch := block.Arch(strings.Fields(in.Kind)[0])
	l, err := block.Default(arch)
	if era != "" {
		l, err = block.For(arch, era)
	}
	if err != nil {
		return err
	}
	in.Blocks = map[string][]string{}
	for _, t := range f.Tensors() {
		if id, ok := l.Of(t.Name); ok {
			in.Blocks[l.Name(id)] = append(in.Blocks[l.Name(id)], t.Name)
		}
	}
	return nil
}
