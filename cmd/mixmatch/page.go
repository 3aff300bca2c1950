package main

import (
	"io"
	"os"

	"github.com/urfave/cli/v2"
	"golang.org/x/term"

	"mixmatch/studies/report"
)

// wideFlag is that of commands that print the story of a study.
func wideFlag() cli.Flag {
	return &cli.BoolFlag{Name: "wide", Usage: "tables of 200 columns, and long lists whole"}
}

// page returns where the story of a study goes, and how it is laid out there. The
// story's names are fit for a terminal.
func page(c *cli.Context) (io.Writer, report.Page) {
	p := report.Page{Wide: c.Bool("wide")}
	out, ok := c.App.Writer.(*output)
	if !ok || !out.terminal {
		return c.App.Writer, p
	}
	if w, _, err := term.GetSize(int(os.Stdout.Fd())); err == nil && w > 0 {
		p.Width = w
	} else {
		p.Width = helpWidth
	}
	// https://no-color.org: set to anything but nothing.
	p.Colour = os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
	return &shown{out}, p
}

// A shown writes to a terminal what is fit to be shown there already, colours
// included.
type shown struct{ o *output }

func (s *shown) Write(p []byte) (int, error) {
	if s.o.err != nil {
		return 0, s.o.err
	}
	n, err := s.o.w.Write(p)
	s.o.err = err
	return n, err
}
