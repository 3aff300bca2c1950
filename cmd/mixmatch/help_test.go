package main

import (
	"bytes"
	"strings"
	"testing"

	"mixmatch/merge/safetext"
)

// TestHelpFits holds all help to the width of a terminal.
func TestHelpFits(t *testing.T) {
	app := newApp()
	app.Setup()
	all := []any{app}
	for _, c := range app.Commands {
		all = append(all, c)
		for _, s := range c.Subcommands {
			all = append(all, s)
		}
	}
	for _, data := range all {
		var b bytes.Buffer
		printHelp(&b, "", data)
		if b.Len() < 50 {
			t.Errorf("%T: hardly any help: %q", data, b.String())
		}
		for _, l := range strings.Split(b.String(), "\n") {
			if safetext.Columns(l) > helpWidth {
				t.Errorf("%d columns: %s", safetext.Columns(l), l)
			}
		}
	}
}

func TestFold(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"a line\nand its next one", "  a line and its next\n  one"},
		{"one\n\ntwo", "  one\n\n  two"},
		{"   an example", "     an example"},
		{"   name  what it is and more", "     name  what it is\n           and more"},
		{"   program --flag value --other value", "     program \\\n         --flag \\\n         value \\\n         --other \\\n         value"},
		{"averylongwordthatdoesnotfitatall", "  averylongwordthatdoesnotfitatall"},
	} {
		if got := fold(c.text, "  ", 22); got != c.want {
			t.Errorf("%q:\n%s\nnot\n%s", c.text, got, c.want)
		}
	}
}
