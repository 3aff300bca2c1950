package main

import (
	"bytes"
	"errors"
	"testing"

	"mixmatch/merge/safetext"
)

func TestOutput(t *testing.T) {
	for _, tt := range []struct{ text, shown string }{
		{"plain é 漢字 \u3000 👍\n\tx", "plain é 漢字 \u3000 👍\n\tx"},
		{"a\x1b[2Jb", `a\u001b[2Jb`},
		{"a\u009bb\u202ec", `a\u009bb\u202ec`},
		{"\r\x00\x7f", `\u000d\u0000\u007f`},
		{"a\U000e0041b", `a\udb40\udc41b`},
		{"\xff\uFFFD\xe6\xbc", "\uFFFD\uFFFD\uFFFD\uFFFD"},
		{"", ""},
	} {
		// Byte by byte, as libraries may write it.
		var whole, literal bytes.Buffer
		terminal, pipe := &output{w: &whole, terminal: true}, &output{w: &literal}
		for i := range len(tt.text) {
			for _, o := range []*output{terminal, pipe} {
				if n, err := o.Write([]byte{tt.text[i]}); n != 1 || err != nil {
					t.Fatal(n, err)
				}
			}
		}
		if got := whole.String() + string(safetext.Document(terminal.half)); got != tt.shown {
			t.Errorf("%q in pieces is shown as %s; want %s", tt.text, got, tt.shown)
		}
		if literal.String() != tt.text {
			t.Errorf("%q is piped as %q", tt.text, literal.String())
		}
	}
}

type fullDisk struct{ error }

func (f fullDisk) Write([]byte) (int, error) { return 0, f.error }

// TestOutputError: the first error stays, whoever ignores it.
func TestOutputError(t *testing.T) {
	full := errors.New("full")
	o := &output{w: fullDisk{full}}
	for range 2 {
		if n, err := o.Write([]byte("x")); n != 0 || !errors.Is(err, full) {
			t.Errorf("wrote %d: %v", n, err)
		}
	}
	if !errors.Is(o.err, full) {
		t.Error("forgotten")
	}
}
