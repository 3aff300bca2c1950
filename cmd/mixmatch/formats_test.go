package main

import (
	"os"
	"strings"
	"testing"

	"mixmatch/merge/exchange"
)

// TestFormatsPage has docs/formats.md list each format, and what it is good for.
func TestFormatsPage(t *testing.T) {
	page, err := os.ReadFile("../../docs/formats.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range exchange.Formats() {
		_, row, ok := strings.Cut(string(page), "| `"+f.Name+"` |")
		if !ok {
			t.Errorf("%s is not in the table", f.Name)
			continue
		}
		cells := strings.Split(row, "|")
		read := strings.TrimSpace(cells[1]) == "yes"
		if write := strings.TrimSpace(cells[0]) == "yes"; write != f.CanWrite || read != f.CanRead {
			t.Errorf("%s: the table says write %v, read %v; it is %v, %v", f.Name, write, read, f.CanWrite, f.CanRead)
		}
	}
}
