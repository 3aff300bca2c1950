package main

import (
	"fmt"
	"io"
	"regexp"
	"strings"

	"github.com/urfave/cli/v2"

	"mixmatch/merge/recipe"
	"mixmatch/merge/safetext"
)

// helpWidth is how wide help is, which fits every terminal.
const helpWidth = 80

// printHelp prints the help of the program or of a command, in place of the library's
// templates, whose lines are as long as their flags' usage.
func printHelp(w io.Writer, _ string, data any) {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	commands := func(list []*cli.Command) {
		line("\nCommands:")
		for _, c := range list {
			line("  %-12s %s", c.Name, c.Usage)
		}
	}
	switch d := data.(type) {
	case *cli.App:
		line("%s - %s\n\nUsage: %s COMMAND [options] [arguments]\n", d.Name, d.Usage, d.Name)
		line("%s", fold(d.Description, "", helpWidth))
		commands(d.VisibleCommands())
		line("\nmixmatch COMMAND --help tells of each; mixmatch exit-codes of exit codes.")
	case *cli.Command:
		line("%s\n", fold(d.HelpName+" - "+d.Usage, "", helpWidth))
		switch {
		case len(d.Subcommands) > 0:
			line("Usage: %s COMMAND [options] [arguments]", d.HelpName)
		case len(d.VisibleFlags()) > 1:
			line("%s", strings.TrimRight("Usage: "+d.HelpName+" [options] "+d.ArgsUsage, " "))
		default:
			line("%s", strings.TrimRight("Usage: "+d.HelpName+" "+d.ArgsUsage, " "))
		}
		if d.Description != "" {
			line("\n%s", fold(strings.Trim(d.Description, "\n"), "", helpWidth))
		}
		if list := d.VisibleCommands(); len(list) > 0 {
			commands(list)
		}
		if len(d.VisibleFlags()) > 0 {
			line("\nOptions:")
		}
		for _, f := range d.VisibleFlags() {
			names, usage := flagHelp(f)
			line("  %s\n%s", names, fold(usage, "      ", helpWidth))
		}
	}
	_, _ = io.WriteString(w, b.String()) // [output] remembers the error
}

// again is what the library writes of flags that may be given several times.
var again = regexp.MustCompile(` \[ .* \]$`)

// flagHelp returns a flag's names with what they take, and what it is for.
func flagHelp(f cli.Flag) (names, usage string) {
	names, usage, _ = strings.Cut(f.String(), "\t")
	usage = strings.TrimSpace(strings.ReplaceAll(usage, "\t", " "))
	if once := again.ReplaceAllString(names, ""); once != names {
		return once, usage + " (may be given several times)"
	}
	return names, strings.TrimSuffix(usage, " (default: false)")
}

// fold breaks the lines of a text that are longer than width between words, and puts
// indent before each. Lines in a row are a paragraph, which is filled anew; those that
// are indented are examples, and stay, but for long ones: what stands in a column
// behind goes on in it, and a command on a line of its own as shells read it.
func fold(text, indent string, width int) string {
	var out, paragraph []string
	end := func() {
		if len(paragraph) > 0 {
			out = append(out, wrap(strings.Join(paragraph, " "), "", width-len(indent))...)
			paragraph = nil
		}
	}
	for _, l := range strings.Split(text, "\n") {
		switch {
		case l == "":
			end()
			out = append(out, "")
		case strings.HasPrefix(l, " "):
			end()
			out = append(out, foldExample(l, width-len(indent))...)
		default:
			paragraph = append(paragraph, l)
		}
	}
	end()
	for i, l := range out {
		out[i] = strings.TrimRight(indent+l, " ")
	}
	return strings.Join(out, "\n")
}

// foldExample breaks an indented line.
func foldExample(l string, width int) []string {
	if safetext.Columns(l) <= width {
		return []string{l}
	}
	body := strings.TrimLeft(l, " ")
	margin := len(l) - len(body)
	if gap := strings.LastIndex(body, "  "); gap > 0 { // a column behind it
		at := margin + gap + 2
		if at > width/2 {
			return append([]string{strings.TrimRight(l[:at], " ")}, wrap(l[at:], strings.Repeat(" ", margin+8), width)...)
		}
		lines := wrap(l[at:], strings.Repeat(" ", at), width)
		lines[0] = l[:at] + strings.TrimLeft(lines[0], " ")
		return lines
	}
	const more = " \\"
	lines := wrap(body, strings.Repeat(" ", margin+4), width-len(more))
	lines[0] = lines[0][4:]
	for i := range lines[:len(lines)-1] {
		lines[i] += more
	}
	return lines
}

// wrap breaks a text between words, with indent before each line.
func wrap(text, indent string, width int) []string { return safetext.Wrap(text, indent, indent, width) }

// meant asks whether what was typed should have been one of the names; "" if none is
// near.
func meant(typed string, names []string) string {
	if found := recipe.Near(typed, names); len(found) > 0 {
		return "; did you mean " + join(found) + "?"
	}
	return ""
}
