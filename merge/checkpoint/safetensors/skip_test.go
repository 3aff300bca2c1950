package safetensors

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

// skipped are values that are passed over, and others that are none.
var skipped = []string{
	`0`, `-0`, `12.5e-3`, `1E+9`, `"a\u00e9\n"`, `true`, `false`, `null`, `{}`, `[]`, `[[],{}]`, `{"a":[1,{"b":null}],"a":2}`, " [ 1 , 2 ] ",
	"01", "-", ".5", "1.", "1e", "+1", "tru", "nul", `"`, `"\x"`, "[", "[1", "[1,]", "[,1]", "{", `{"a"}`, `{"a":}`, `{"a":1,}`, `{a:1}`, "]", "}", "[}", `{"a":1]`, "",
}

// What is passed over is what JSON allows, and nothing after it is eaten.
func FuzzSkip(f *testing.F) {
	for _, s := range skipped {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s := &scanner{b: []byte(text)}
		err := s.skip()
		s.space()
		if ok := err == nil && s.at == len(text); ok != json.Valid([]byte(text)) {
			if strings.Count(text, "[")+strings.Count(text, "{") > maxDepth || lenient(text) {
				return
			}
			t.Errorf("%q: %v at %d", text, err, s.at)
		}
	})
}

// lenient reports whether encoding/json may let text pass that is no JSON: half
// a surrogate pair, or bytes that are no UTF-8, which a header is checked for.
func lenient(text string) bool {
	return strings.Contains(strings.ToLower(text), `\ud`) || strings.ToValidUTF8(text, "") != text
}

func TestSkipDeep(t *testing.T) {
	for _, deep := range []string{"[", `{"a":`} {
		for _, n := range []int{maxDepth, maxDepth + 1} {
			ends := "]"
			if deep != "[" {
				ends = "}"
			}
			s := &scanner{b: []byte(strings.Repeat(deep, n) + "1" + strings.Repeat(ends, n))}
			if err := s.skip(); (err == nil) != (n <= maxDepth) {
				t.Errorf("%d deep: %v", n, err)
			}
		}
	}
}

func TestUnknownFields(t *testing.T) {
	file := withHeader(`{"a":{"x":1,"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"y":{},"data_offsets":[4,8],"z":[]}}`, 8)
	f, err := New(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{`passed over 3 fields of tensors that the format does not know, such as "x"`}
	if got := f.Notes(); !slices.Equal(got, want) {
		t.Errorf("notes %q, want %q", got, want)
	}
}
