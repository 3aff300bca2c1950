package main

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"mixmatch/merge/block"
	"mixmatch/optimize"
	"mixmatch/studies"
	"mixmatch/studies/compose"
)

// completing is what the completion scripts put behind the words so far.
const completing = "--generate-bash-completion"

// values returns what a flag of a command may be given, if that is one of few words.
func values(command, flag string) []string {
	switch flag {
	case "format":
		list := formatNames(canWrite)
		for _, d := range studyDocuments() {
			list = append(list, d.name)
		}
		return list
	case "from":
		if command == "convert" {
			return formatNames(canRead)
		}
	case "to":
		return formatNames(canWrite)
	case "sampler":
		return optimize.Samplers()
	case "metric":
		return []string{"weight", studies.Attention}
	case "style":
		return slices.DeleteFunc(texts(compose.Styles()), func(s string) bool { return s == "" })
	case "era":
		return append([]string{"auto"}, texts(block.Eras())...)
	case "compat":
		return texts(compats())
	case "arch":
		return texts(block.Families())
	case "aim":
		return []string{studies.Closest, studies.Surely}
	case "dtype":
		var list []string
		for name := range dtypes {
			if name != "" {
				list = append(list, name)
			}
		}
		slices.Sort(list)
		return list
	}
	return nil
}

func texts[T ~string](list []T) []string {
	var out []string
	for _, v := range list {
		out = append(out, string(v))
	}
	return out
}

// complete answers a completion script that asks for the value of a flag, or for a
// study, and reports whether it did. The library answers for commands and flags.
func complete(app *cli.App, w io.Writer, args []string) bool {
	if len(args) < 3 || args[len(args)-1] != completing {
		return false
	}
	command, last := app.Command(args[1]), args[len(args)-2]
	if command == nil {
		return false
	}
	if last == "--" { // the library would take that for the end of the flags, and run the command
		printFlags(w, innermost(command, args[2:]))
		return true
	}
	if name, ok := strings.CutPrefix(last, "--"); ok {
		list := values(command.Name, name)
		for _, v := range list {
			fmt.Fprintln(w, v)
		}
		return list != nil
	}
	if strings.HasPrefix(command.ArgsUsage, "STUDY") && command.Name != "optimize" {
		return printStudies(w)
	}
	return false
}

// innermost returns the command that words name in a group, or else the group.
func innermost(command *cli.Command, words []string) *cli.Command {
	for _, s := range command.Subcommands {
		if s.Name == words[0] {
			return s
		}
	}
	return command
}

// printFlags prints the flags of a command that are words.
func printFlags(w io.Writer, command *cli.Command) {
	for _, f := range append(command.VisibleFlags(), cli.HelpFlag) {
		if name := f.Names()[0]; len(name) > 1 {
			fmt.Fprintln(w, "--"+name)
		}
	}
}

// printStudies prints the studies in the working folder, and reports whether there are
// any.
func printStudies(w io.Writer) (some bool) {
	entries, err := os.ReadDir(".")
	if err != nil {
		return false
	}
	for _, e := range entries {
		if e.IsDir() && studies.Is(e.Name()) {
			some = true
			fmt.Fprintln(w, e.Name())
		}
	}
	return some
}
