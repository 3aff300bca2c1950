package main

import (
	_ "embed"

	"github.com/urfave/cli/v2"
)

//go:embed completion/bash.sh
var bashCompletion string

//go:embed completion/zsh.sh
var zshCompletion string

//go:embed completion/powershell.ps1
var powershellCompletion string

func completionCommand() *cli.Command {
	return &cli.Command{
		Name: "completion", Usage: "print a script that completes commands and flags", ArgsUsage: "bash|zsh|fish|powershell",
		Description: `   source <(mixmatch completion bash)
   mixmatch completion zsh > ~/.zfunc/_mixmatch
   mixmatch completion fish > ~/.config/fish/completions/mixmatch.fish
   mixmatch completion powershell | Out-String | Invoke-Expression`,
		Action: func(c *cli.Context) error {
			shell, err := one(c, "a shell: bash, zsh, fish or powershell")
			if err != nil {
				return err
			}
			var script string
			switch shell {
			case "bash":
				script = bashCompletion
			case "zsh":
				script = zshCompletion
			case "powershell":
				script = powershellCompletion
			case "fish":
				if script, err = c.App.ToFishCompletion(); err != nil {
					return err
				}
			default:
				return usage("completion: no script for %q: choose bash, zsh, fish or powershell", shell)
			}
			_, err = c.App.Writer.Write([]byte(script))
			return err
		},
	}
}
