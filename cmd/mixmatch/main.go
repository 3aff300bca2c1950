// Mixmatch finds the merge recipe of a Stable Diffusion model.
//
// This package is the terminal: flags, progress, tables and exit codes. Nothing
// below it prints, and nothing here computes: a command opens models, has a
// package below do the work, and shows what came of it. [newApp] lists the
// commands, each in a file of its own name; sources.go, openmodels.go and lists.go
// open what arguments name; errors.go turns errors into exit codes. The tests of
// the command line are the scripts in testdata.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"mixmatch/merge/safetext"
	"mixmatch/similarity/library/postgres"
	"mixmatch/studies/report"

	"github.com/urfave/cli/v2"
)

func main() {
	// The first interrupt stops the work cleanly, a second one the program.
	signals := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) { // as nohup has it
		signals = append(signals, syscall.SIGHUP)
	}
	ctx, stop := signal.NotifyContext(context.Background(), signals...)
	go func() {
		<-ctx.Done()
		stop()
	}()
	code := run(ctx, os.Args)
	if waits(os.Args) {
		waitForKey()
	}
	os.Exit(code)
}

// run runs the program and returns its exit code. It is the only place that
// reports errors.
func run(ctx context.Context, args []string) int {
	app, out := newApp(), standardOutput()
	cli.HelpPrinter = printHelp
	app.Writer = out
	if complete(app, out, args) {
		return 0
	}
	args, err := reorder(app, args)
	if err == nil {
		err = app.RunContext(ctx, args)
	}
	if err == nil {
		err = out.err // of what the library prints: help, the version
	}
	if err == nil {
		return 0
	}
	code := exitCode(err)
	var silent silentError
	if !errors.As(err, &silent) {
		fmt.Fprintf(os.Stderr, "mixmatch: %s\n", safetext.Line(postgres.Redact(err.Error())))
	}
	return code
}

const description = `Given a target model and the models it may have been merged from, mixmatch finds
the merge that comes closest, block by block, proves how close any merge of
them could come, and writes it in SuperMerger's notation or as a model.

   mixmatch demo                    see it work, with nothing to download
   mixmatch optimize evo --target BracingEvoMix.safetensors \
       --base v1-5-pruned-emaonly.safetensors \
       --source OpenBra.safetensors --source dreamshaper_6NoVae.safetensors
   mixmatch show evo                the result again
   mixmatch export evo              the recipe, to paste
   mixmatch merge evo -o rebuilt.safetensors
   mixmatch missing evo -o unknown.safetensors   the source that you do not have
   mixmatch compare BracingEvoMix.safetensors rebuilt.safetensors
   mixmatch inspect model.safetensors   the recipe may simply be in the file`

func newApp() *cli.App {
	commands := []*cli.Command{
		optimizeCommand(), resumeCommand(), showCommand(), reportCommand(), exportCommand(),
		mergeCommand(), missingCommand(), compareCommand(), convertCommand(), inspectCommand(), fingerprintCommand(), libraryCommand(), identifyCommand(), serveCommand(), demoCommand(), completionCommand(), manCommand(), exitCodesCommand(),
	}
	for _, c := range commands {
		for _, c := range append(c.Subcommands, c) {
			c.HideHelpCommand = true // a study may be called help
			c.OnUsageError = wrongUsage
			c.Action = endsStopped(c.Action)
		}
	}
	return &cli.App{
		Name:                      "mixmatch",
		Usage:                     "find the merge recipe of a Stable Diffusion model",
		Description:               description,
		Version:                   version(),
		DisableSliceFlagSeparator: true, // file names contain commas
		EnableBashCompletion:      true,
		HideHelpCommand:           true,
		ExitErrHandler:            func(*cli.Context, error) {}, // run reports, once
		OnUsageError:              wrongUsage,
		Action: func(c *cli.Context) error {
			switch first := c.Args().First(); {
			case isDropped(c.Args().Slice()):
				return dropped(c, c.Args().Slice())
			case exists(first):
				return usage("there is no command %q; to look at that file: mixmatch inspect %s", first, report.Quote(first))
			case c.NArg() > 0:
				var names []string
				for _, command := range commands {
					names = append(names, command.Name)
				}
				return usage("there is no command %q%s: see mixmatch --help", first, meant(first, names))
			}
			return cli.ShowAppHelp(c)
		},
		Commands: commands,
	}
}
