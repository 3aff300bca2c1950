package exchange

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
)

// object is a JSON object whose fields are read as they are needed, since
// programs differ in theirs.
type object map[string]json.RawMessage

// maxWraps is how often a value may be JSON in a string. SuperMerger's "save
// current merge" wraps sd_merge_models twice (supermerger's model_util.py:50).
const maxWraps = 3

// unwrap reads an object that may be a string of JSON.
func unwrap(raw json.RawMessage) (object, error) {
	for range maxWraps {
		var s string
		if json.Unmarshal(raw, &s) != nil {
			break
		}
		raw = json.RawMessage(s)
	}
	var o object
	switch err := json.Unmarshal(raw, &o); {
	case err != nil && json.Valid(raw):
		return nil, fmt.Errorf("it is %s, not an object", describe(raw))
	case err != nil:
		return nil, err
	case o == nil:
		return nil, errors.New("it is null")
	}
	return o, twice(raw)
}

// twice refuses JSON in which an object has a field twice, of which readers take
// one or the other.
func twice(text []byte) error {
	d := json.NewDecoder(bytes.NewReader(text))
	var open []map[string]bool // the names in each object that is open; nil for a list
	name := false              // whether the next token is a name
	for {
		t, err := d.Token()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		top := len(open) - 1
		switch t {
		case json.Delim('{'):
			open = append(open, map[string]bool{})
		case json.Delim('['):
			open = append(open, nil)
		case json.Delim('}'), json.Delim(']'):
			open = open[:top]
		default:
			if s, ok := t.(string); ok && name {
				if open[top][s] {
					return fmt.Errorf("the field %.60q is given twice", s)
				}
				open[top][s], name = true, false
				continue
			}
		}
		name = len(open) > 0 && open[len(open)-1] != nil
	}
}

// describe says what kind of value JSON is.
func describe(raw json.RawMessage) string {
	raw = bytes.TrimSpace(raw)
	if len(raw) == 0 {
		return "missing"
	}
	switch raw[0] {
	case '{':
		return "an object"
	case '[':
		return "a list"
	case '"':
		return fmt.Sprintf("the text %.60s", raw)
	case 't', 'f', 'n':
		return string(raw)
	}
	return fmt.Sprintf("the number %.60s", raw)
}

// A fields reads the fields of an object, and keeps the first error. A field
// that is null counts as missing.
type fields struct {
	object
	err  error
	read map[string]bool
}

func fieldsOf(o object) *fields { return &fields{object: o, read: map[string]bool{}} }

// has reports whether a field is there.
func (f *fields) has(name string) bool {
	f.read[name] = true
	raw := bytes.TrimSpace(f.object[name])
	return len(raw) > 0 && string(raw) != "null"
}

// wrong keeps the error that a field is not what it should be.
func (f *fields) wrong(name string, raw json.RawMessage, want string) {
	if f.err == nil {
		f.err = fmt.Errorf("%s is %s, not %s", name, describe(raw), want)
	}
}

// text returns a field that is text, "" if it is missing.
func (f *fields) text(name string) string {
	var s string
	if f.has(name) && json.Unmarshal(f.object[name], &s) != nil {
		f.wrong(name, f.object[name], "text")
	}
	return s
}

// number returns a field that is a number, or text that holds one. It must be
// there.
func (f *fields) number(name string) float64 {
	f.has(name)
	return f.numberOf(name, f.object[name])
}

func (f *fields) numberOf(name string, raw json.RawMessage) float64 {
	v, ok := number(raw)
	if !ok {
		f.wrong(name, raw, "a number")
	}
	return v
}

// number reads a number, or text that holds one.
func number(raw json.RawMessage) (float64, bool) {
	var v *float64
	if json.Unmarshal(raw, &v) == nil && v != nil {
		return *v, true
	}
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return 0, false
	}
	return numberIn(s)
}

// numberIn reads the number that text holds, a finite decimal one.
func numberIn(s string) (float64, bool) {
	s = strings.TrimSpace(s)
	x, err := strconv.ParseFloat(s, 64)
	return x, err == nil && !math.IsInf(x, 0) && strings.Trim(s, "0123456789+-.eE") == ""
}

// flag returns a field that is true or false, or text that says so, and whether
// it is there.
func (f *fields) flag(name string) (is, ok bool) {
	if !f.has(name) {
		return false, false
	}
	return f.flagOf(name, f.object[name]), true
}

func (f *fields) flagOf(name string, raw json.RawMessage) bool {
	switch s := strings.ToLower(strings.Trim(string(bytes.TrimSpace(raw)), `"`)); s {
	case "true", "false":
		return s == "true"
	}
	f.wrong(name, raw, "true or false")
	return false
}

// list returns a field that is a list, nil if it is missing.
func (f *fields) list(name string) []json.RawMessage {
	var list []json.RawMessage
	if f.has(name) && json.Unmarshal(f.object[name], &list) != nil {
		f.wrong(name, f.object[name], "a list")
	}
	return list
}

// numbers returns a field that is a list of numbers, or text with commas between
// them, nil if it is missing.
func (f *fields) numbers(name string) []float64 {
	if !f.has(name) {
		return nil
	}
	return f.numbersOf(name, f.object[name])
}

func (f *fields) numbersOf(name string, raw json.RawMessage) []float64 {
	var list []json.RawMessage
	var s string
	if json.Unmarshal(raw, &s) == nil {
		if strings.TrimSpace(s) == "" {
			return nil
		}
		for part := range strings.SplitSeq(s, ",") {
			list = append(list, json.RawMessage(strconv.Quote(part)))
		}
	} else if json.Unmarshal(raw, &list) != nil {
		f.wrong(name, raw, "a list of numbers")
	}
	var v []float64
	for i, x := range list {
		v = append(v, f.numberOf(fmt.Sprintf("%s[%d]", name, i), x))
	}
	return v
}

// texts returns a field that is a list of text, nil if it is missing.
func (f *fields) texts(name string) []string {
	var list []string
	for i, raw := range f.list(name) {
		var s *string
		if json.Unmarshal(raw, &s) != nil || s == nil {
			f.wrong(fmt.Sprintf("%s[%d]", name, i), raw, "text")
			continue
		}
		list = append(list, *s)
	}
	return list
}

// empty reports whether a field is missing or holds nothing.
func (f *fields) empty(name string) bool {
	f.has(name)
	switch string(bytes.TrimSpace(f.object[name])) {
	case "", `""`, "null", "[]", `[""]`, "{}", "false":
		return true
	}
	return false
}

// skip counts fields as read.
func (f *fields) skip(names ...string) {
	for _, n := range names {
		f.read[n] = true
	}
}

// finish returns the first error. It notes fields that nothing has read.
func (f *fields) finish(im *importer) error {
	if f.err != nil {
		return f.err
	}
	for _, name := range slices.Sorted(maps.Keys(f.object)) {
		if !f.read[name] {
			im.note("the field %.60q is not known, and was not read", name)
		}
	}
	return nil
}
