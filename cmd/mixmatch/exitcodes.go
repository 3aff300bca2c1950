package main

import (
	"fmt"

	"github.com/urfave/cli/v2"
)

// exitCodes says what the program's exit codes mean; [exitCode] chooses one.
var exitCodes = []struct {
	code  int
	means string
}{
	{0, "ok"},
	{1, "other failure"},
	{2, "usage: also a file that is not there, a recipe that cannot be read, an output that exists"},
	{3, "malformed or unsafe file"},
	{4, "models do not fit together, or hold no numbers (NaN)"},
	{5, "study or library missing, damaged or not finished"},
	{6, "study in use by another process"},
	{7, "inputs changed since the study began"},
	{8, "disk or permission"},
	{130, "interrupted; what was finished is kept"},
}

func exitCodesCommand() *cli.Command {
	return &cli.Command{
		Name: "exit-codes", Usage: "say what the exit codes mean",
		Action: func(c *cli.Context) error {
			if c.NArg() > 0 {
				return usage("exit-codes: %q is too much", c.Args().First())
			}
			for _, e := range exitCodes {
				if _, err := fmt.Fprintf(c.App.Writer, "%4d  %s\n", e.code, e.means); err != nil {
					return err
				}
			}
			return nil
		},
	}
}
