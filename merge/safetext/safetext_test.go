package safetext_test

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"mixmatch/merge/safetext"
)

// hostile are signs that act on a terminal, on the order of others, or cannot
// be seen.
var hostile = []string{
	"\x1b[31m", "\r", "\x00", "\x7f", "\t", "\u0085", "\u009b31m", "\u00ad", "\u061c", "\u200b", "\u200e", "\u2028", "\u2029",
	"\u202e", "\u2066", "\ufeff", "\U000e0041", "\xff", "\ue000",
}

func TestText(t *testing.T) {
	for in, want := range map[string]string{
		"":                      "",
		"OpenBra v1.1 (日本語) é":  "OpenBra v1.1 (日本語) é",
		"a\nb":                  "a\nb",
		"\x1b[31mred":           `\u001b[31mred`,
		"\u009b31m":             `\u009b31m`,
		"abc\u202egnp.exe":      `abc\u202egnp.exe`,
		"a\u200bb\u2028c\ufeff": `a\u200bb\u2028c\ufeff`,
		"\U000e0041":            `\U000e0041`,
		"a\xffb":                `a\xffb`,
		"\ufffd":                "\ufffd", // a sign of its own
	} {
		if got := safetext.Text(in); got != want {
			t.Errorf("%q: got %s, want %s", in, got, want)
		}
	}
}

func TestLine(t *testing.T) {
	if got := safetext.Line("a\nb\r\nc"); got != `a; b\u000d; c` {
		t.Errorf("got %s", got)
	}
	if got := safetext.Short("a\nb", 9); got != "a b" {
		t.Errorf("got %s", got)
	}
	if got := safetext.Short(strings.Repeat("名", 10), 8); got != "名名... (30 bytes)" {
		t.Errorf("got %s", got)
	}
}

func TestQuote(t *testing.T) {
	if got := safetext.Quote("a\n\u202e"); got != `"a\n\u202e"` {
		t.Errorf("got %s", got)
	}
	long := strings.Repeat("名", 27) + strings.Repeat("x", 100) + strings.Repeat("前", 7)
	want := `"` + strings.Repeat("名", 26) + `"..."` + strings.Repeat("前", 6) + `" (202 bytes)`
	if got := safetext.Quote(long); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// Nothing hostile comes through, whichever way a text is shown.
func TestHostile(t *testing.T) {
	for _, sign := range hostile {
		for name, shown := range map[string]string{
			"Text": safetext.Text("a" + sign + "b"), "Line": safetext.Line(sign), "Short": safetext.Short(sign, 100), "Quote": safetext.Quote(sign),
		} {
			if !harmless(shown) {
				t.Errorf("%s of %q is %q", name, sign, shown)
			}
		}
	}
}

func harmless(s string) bool {
	return utf8.ValidString(s) && strings.IndexFunc(s, func(r rune) bool { return !unicode.IsGraphic(r) }) < 0
}

func FuzzSafe(f *testing.F) {
	for _, s := range hostile {
		f.Add(s)
	}
	f.Add("plain")
	f.Fuzz(func(t *testing.T, s string) {
		if line := safetext.Line(s); !harmless(line) || safetext.Line(line) != line {
			t.Errorf("%q is shown as %q", s, line)
		}
		if short := safetext.Short(s, 10); !harmless(short) {
			t.Errorf("%q is cut to %q", s, short)
		}
		if quoted := safetext.Quote(s); !harmless(quoted) {
			t.Errorf("%q is quoted as %q", s, quoted)
		}
		// JSON means what it meant.
		text, err := json.MarshalIndent(map[string]string{s: s}, "", "\t")
		if err != nil {
			t.Fatal(err)
		}
		var before, after map[string]string
		shown := safetext.Document(text)
		if json.Unmarshal(text, &before) != nil || json.Unmarshal(shown, &after) != nil || len(after) != 1 {
			t.Fatalf("%q became %q", text, shown)
		}
		for k, v := range before {
			if after[k] != v {
				t.Errorf("%q became %q", text, shown)
			}
		}
		for _, r := range string(shown) {
			if r != '\n' && r != '\t' && !unicode.IsGraphic(r) {
				t.Errorf("%q is still in %q", r, shown)
			}
		}
	})
}
