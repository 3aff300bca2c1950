package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"path/filepath"

	"github.com/urfave/cli/v2"

	"mixmatch/merge/durable"
	"mixmatch/merge/safetext"
	"mixmatch/studies"
	"mixmatch/studies/report"
)

// runStudy runs a study to its end, prints the story and keeps it.
func runStudy(c *cli.Context, s *studies.Study) error {
	m := newMeter(c)
	sum, err := s.Run(c.Context, studies.Options{Threads: threads(c), Progress: m.study, Note: func(text string) {
		m.end()
		note(c, text)
	}})
	m.end()
	if errors.Is(err, context.Canceled) {
		say(c, "stopped; everything finished is kept. Go on with:\n  mixmatch resume %s", report.Quote(s.Dir))
		return silentError{err}
	}
	if err != nil {
		return err
	}
	text, err := keepReport(s.Dir, sum)
	if err != nil {
		return err
	}
	if c.Bool("json") {
		return printJSON(c, sum)
	}
	if _, err := c.App.Writer.Write(text); err != nil {
		return err
	}
	return report.Next(c.App.Writer, sum, s.Dir)
}

// keepReport writes the story of a run into its study and returns it.
func keepReport(dir string, sum *studies.Summary) ([]byte, error) {
	var text bytes.Buffer
	if err := report.Text(&text, sum); err != nil {
		return nil, err
	}
	return text.Bytes(), durable.WriteFile(filepath.Join(dir, "report.txt"), text.Bytes())
}

func printJSON(c *cli.Context, v any) error {
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false) // <lora:NAME> is to be read
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		return err
	}
	_, err := c.App.Writer.Write(safetext.Document(text.Bytes()))
	return err
}

func resumeCommand() *cli.Command {
	return &cli.Command{
		Name: "resume", Usage: "go on with a study", ArgsUsage: "STUDY", Flags: append(whereFlags(), runFlags()...),
		Description: `Goes on where a study was stopped or killed: no finished trial is lost, and what
comes of it is what would have come of it without the stop. On a finished study
it makes the result anew.

   mixmatch resume evo
   mixmatch resume evo --source OpenBra=D:\old\OpenBra.safetensors    where a model is now
   mixmatch resume evo --models D:\models                             or a folder to look in

A model that was moved or touched is known again by its content, which is read for
that; a changed one is refused. Once all have been read a study needs its models no
more: those that are gone are only looked for where they would be read.

` + exitCodes,
		Action: func(c *cli.Context) error {
			dir, err := one(c, "the STUDY")
			if err != nil {
				return err
			}
			s, err := studies.Open(dir)
			if err != nil {
				return err
			}
			defer s.Close()
			if err := locate(c, s.Files); err != nil {
				return err
			}
			return runStudy(c, s)
		},
	}
}

func showCommand() *cli.Command {
	return &cli.Command{
		Name: "show", Usage: "print what a study found out", ArgsUsage: "STUDY",
		Description: `   mixmatch show evo
   mixmatch show evo --weights      each block's weights and their errors
   mixmatch show evo --json | jq .verdict

` + exitCodes,
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "weights", Usage: "print the share of each source in each block, with its error"},
			&cli.BoolFlag{Name: "json", Usage: "print the summary as JSON"},
		},
		Action: func(c *cli.Context) error {
			dir, err := one(c, "the STUDY")
			if err != nil {
				return err
			}
			sum, err := studies.ReadSummary(dir)
			switch {
			case err != nil:
				return err
			case c.Bool("json"):
				return printJSON(c, sum)
			case c.Bool("weights"):
				return report.Weights(c.App.Writer, sum)
			}
			if err := report.Text(c.App.Writer, sum); err != nil {
				return err
			}
			return report.Next(c.App.Writer, sum, dir)
		},
	}
}
