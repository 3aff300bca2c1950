package exchange

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"strings"

	"mixmatch/merge/recipe"
)

func writeText(e *exporter) ([]byte, error) { return []byte(e.String()), nil }

// readText reads notation, what SuperMerger prints for a merge, and the line
// that it leaves in a picture.
func readText(im *importer, text []byte) ([]recipe.Step, error) {
	s := string(text)
	if rest, ok := strings.CutPrefix(strings.TrimSpace(s), "Model: "); ok && !strings.Contains(rest, "\n") {
		s = rest
		if i := strings.LastIndex(s, " ID "); i > 0 {
			s = s[:i]
		}
	}
	opt := im.opt.Recipe
	opt.Note = func(s string) { im.note("%s", s) }
	r, err := recipe.Parse(im.layout(), s, opt)
	im.done = r
	return nil, err
}

// Recognize returns the name of the format that a document is in. It looks at
// its first signs only; what is none of the others is text.
func Recognize(text []byte) string {
	if s, _, err := Decode(text); err == nil {
		text = s
	}
	text = bytes.TrimSpace(text)
	if len(text) > 0 && text[0] == '{' {
		var doc map[string]json.RawMessage
		if json.Unmarshal(text, &doc) == nil {
			if _, ok := doc["steps"]; ok {
				return "json"
			}
		}
		return "metadata"
	}
	first, _, _ := strings.Cut(string(text[:min(len(text), 1<<12)]), "\n")
	first = strings.TrimSpace(first)
	switch {
	case strings.HasPrefix(first, "version 0."):
		return "mecha"
	case isPreset(first):
		return "presets"
	}
	if f, err := newCSV(strings.NewReader(first)).Read(); err == nil && (f[0] == "ID" || len(f) >= historyNeeds && isMode(f[colMode])) {
		return "history"
	}
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "merge_method:") {
			return "mergekit"
		}
	}
	if isKohya(text) {
		return "kohya"
	}
	if isTable(text) {
		return "table"
	}
	return "text"
}

func isMode(s string) bool {
	_, err := parseMode(s)
	return err == nil
}

// newCSV reads as Python's csv does: fields that need no quotes may hold some,
// and lines differ in length.
func newCSV(r interface{ Read([]byte) (int, error) }) *csv.Reader {
	c := csv.NewReader(r)
	c.LazyQuotes = true
	c.FieldsPerRecord = -1
	return c
}
