package main

import (
	"io"
	"os"
	"unicode/utf8"

	"mixmatch/merge/safetext"

	"golang.org/x/term"
)

// An output is where results go. It remembers an error, for the libraries that
// print and do not say whether it went well. On a terminal, where names in files
// could move the cursor, turn the text around or hide it, it shows what cannot be
// seen as escapes; other programs get what was written.
type output struct {
	w        io.Writer
	terminal bool
	half     []byte // of a character of which the rest is still to come
	err      error
}

func standardOutput() *output {
	return &output{w: os.Stdout, terminal: term.IsTerminal(int(os.Stdout.Fd()))}
}

// Write writes p, or says why it cannot.
func (o *output) Write(p []byte) (int, error) {
	if o.err != nil {
		return 0, o.err
	}
	text := p
	if o.terminal {
		all := append(o.half, p...)
		whole := len(all)
		for tail := 1; tail < utf8.UTFMax && tail <= len(all); tail++ {
			if rest := all[len(all)-tail:]; utf8.RuneStart(rest[0]) {
				if !utf8.FullRune(rest) {
					whole -= tail
				}
				break
			}
		}
		text, o.half = safetext.Document(all[:whole]), append([]byte(nil), all[whole:]...)
	}
	if _, err := o.w.Write(text); err != nil {
		o.err = err
		return 0, err
	}
	return len(p), nil
}
