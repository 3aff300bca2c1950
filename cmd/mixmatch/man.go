package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/urfave/cli/v2"
)

func manCommand() *cli.Command {
	return &cli.Command{
		Name: "man", Usage: "print the manual page",
		Description: `   mixmatch man | man -l -
   mixmatch man > ~/.local/share/man/man1/mixmatch.1`,
		Action: func(c *cli.Context) error {
			if c.NArg() > 0 {
				return usage("man: there is one page: %q is too much", c.Args().First())
			}
			_, err := io.WriteString(c.App.Writer, manual(c.App))
			return err
		},
	}
}

// manual returns what --help says of the program and of each command, as a page for
// man. (The library's own page runs examples together into paragraphs.)
func manual(app *cli.App) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line(`.TH MIXMATCH 1 "" "mixmatch %s" "User Commands"`, roff(strings.Fields(app.Version)[0]))
	line(".SH NAME\nmixmatch \\- %s", roff(app.Usage))
	line(".SH SYNOPSIS\n.B mixmatch\n.I COMMAND\n[options] [arguments]")
	line(".SH DESCRIPTION\n%s", literal(app.Description))
	line(".SH COMMANDS")
	var all []*cli.Command
	for _, c := range app.VisibleCommands() {
		all = append(append(all, c), c.Subcommands...)
	}
	for _, c := range all {
		line(".SS %s %s\n%s.", roff(c.HelpName), roff(c.ArgsUsage), roff(capital(c.Usage)))
		if c.Description != "" {
			line(".PP\n%s", literal(c.Description))
		}
		for _, f := range c.VisibleFlags() {
			names, usage := flagHelp(f)
			line(".TP\n.B %s\n%s", roff(names), roff(usage))
		}
	}
	line(".SH EXIT STATUS")
	for _, e := range exitCodes {
		line(".TP\n.B %d\n%s", e.code, roff(e.means))
	}
	return b.String()
}

// literal returns text of which the lines stay as they are.
func literal(text string) string {
	return ".nf\n" + roff(strings.Trim(text, "\n")) + "\n.fi"
}

// roff returns text with what the typesetter would take for its own escaped.
func roff(text string) string {
	lines := strings.Split(strings.NewReplacer(`\`, `\e`, `-`, `\-`).Replace(text), "\n")
	for i, l := range lines {
		if strings.HasPrefix(l, ".") || strings.HasPrefix(l, "'") {
			lines[i] = `\&` + l
		}
	}
	return strings.Join(lines, "\n")
}

func capital(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}
