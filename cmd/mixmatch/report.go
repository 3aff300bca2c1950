package main

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/urfave/cli/v2"

	"mixmatch/merge/durable"
	"mixmatch/studies/report"
)

func reportCommand() *cli.Command {
	return &cli.Command{
		Name: "report", Usage: "write what a study found out as a page to pass on", ArgsUsage: "STUDY",
		Description: `Writes one file for a browser that needs nothing else: the verdict, the recipe to
copy, and pictures of the weights, of how close it comes and of what is missing,
each with its numbers. It works at any moment, while a study runs as well.

   mixmatch report evo                        evo/report.html
   mixmatch report evo -o evo.html
   mixmatch report evo --md                   a block for a model card, to the terminal
   mixmatch report evo --svg pictures         every picture as a file

The page tells the files' names, not the folders that they are in. docs/report.md
says what is in it.`,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "write the page, or with --md the block, to this `FILE` (default: report.html in STUDY; with --md the terminal)"},
			&cli.StringFlag{Name: "svg", Usage: "write every picture as SVG into this `FOLDER`, and no page unless -o names one"},
			&cli.StringFlag{Name: "png", Usage: "the same as PNG"},
			&cli.BoolFlag{Name: "md", Usage: "write a block of Markdown for a model card instead of the page"},
			&cli.BoolFlag{Name: "hash", Usage: "read the models' files for the hashes that are not known"},
			noCacheFlag(),
			&cli.StringFlag{Name: "date", Usage: "the `DAY` that stands in documents, as 2026-01-31 (default: now)"},
			&cli.BoolFlag{Name: "force", Usage: "replace files that exist"},
			&cli.BoolFlag{Name: "quiet", Aliases: []string{"q"}, Usage: "do not say what was written"},
		},
		Action: reportAction,
	}
}

func reportAction(c *cli.Context) error {
	dir, err := one(c, "the STUDY")
	if err != nil {
		return err
	}
	date, err := dateFlag(c)
	if err != nil {
		return err
	}
	if err := reportFolders(c); err != nil { // better now than when all is read
		return err
	}
	meter := newMeter(c)
	defer meter.end()
	page, err := report.Gather(c.Context, dir, report.Options{
		Date: date, Cache: openCache(c), Hash: c.Bool("hash"),
		Reading:  func(done, all int64) { meter.to("reading trials", done, all, true) },
		Progress: func(model string, done, all int64) { meter.to("hashing "+model, done, all, true) },
	})
	meter.end()
	if err != nil {
		return err
	}
	list := c.App.Writer
	if out := c.String("output"); out == "-" || out == "" && c.Bool("md") {
		list = os.Stderr // or the page would begin with it
	}
	for _, kind := range []string{"svg", "png"} {
		if folder := c.String(kind); folder != "" {
			if err := writePictures(c, page, kind, folder, list); err != nil {
				return err
			}
		}
	}
	out := c.String("output")
	var text bytes.Buffer
	switch {
	case c.Bool("md"):
		if err := page.Markdown(&text); err != nil {
			return err
		}
		if out == "" || out == "-" {
			return emit(c, text.Bytes(), out, nil)
		}
	case out == "" && (c.String("svg") != "" || c.String("png") != ""):
		return nil
	default:
		if err := page.HTML(&text); err != nil {
			return err
		}
		if out == "" {
			out = filepath.Join(dir, "report.html")
		}
	}
	if err := emit(c, text.Bytes(), out, nil); err != nil {
		return err
	}
	if out != "-" {
		sayWritten(c, c.App.Writer, out)
	}
	return nil
}

// reportFolders refuses places to write to that cannot be.
func reportFolders(c *cli.Context) error {
	if out := c.String("output"); out != "-" {
		if err := folderOf(c, "-o", out); err != nil {
			return err
		}
	}
	for _, kind := range []string{"svg", "png"} {
		folder := c.String(kind)
		if info, err := os.Stat(folder); err == nil && !info.IsDir() {
			return usage("report: --%s %s is a file, no folder: name a folder for the pictures", kind, folder)
		}
	}
	return nil
}

// dateFlag reads --date.
func dateFlag(c *cli.Context) (time.Time, error) {
	d := c.String("date")
	if d == "" {
		return time.Now(), nil
	}
	t, err := time.Parse(time.DateOnly, d)
	if err != nil {
		return t, usage("%s: --date %q is no day as 2026-01-31", c.Command.Name, d)
	}
	return t, nil
}

// sayWritten says to w what was written.
func sayWritten(c *cli.Context, w io.Writer, path string) {
	if !c.Bool("quiet") {
		fmt.Fprintln(w, path)
	}
}

// writePictures writes the pictures of a page into a folder, which is made if need be.
// None is written if one of the files exists and is not to be replaced. Which were goes to
// list.
func writePictures(c *cli.Context, page *report.View, kind, folder string, list io.Writer) error {
	names, pictures := page.Pictures()
	var paths []string
	for _, name := range names {
		path := filepath.Join(folder, name+"."+kind)
		if exists(path) && !c.Bool("force") {
			return usage("%s: %s: %w; choose another folder, or --force to replace it", c.Command.Name, path, fs.ErrExist)
		}
		paths = append(paths, path)
	}
	if len(paths) == 0 {
		say(c, "note: there is nothing yet that could be drawn")
		return nil
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	lacks := ""
	for i, p := range pictures {
		text := p.SVG()
		if kind == "png" {
			var err error
			if text, err = p.PNG(); err != nil {
				return err
			}
			if lacks == "" {
				lacks = p.Lacks()
			}
		}
		if err := durable.WriteFile(paths[i], text); err != nil {
			return err
		}
		sayWritten(c, list, paths[i])
	}
	if lacks != "" {
		say(c, "note: the font of PNG pictures lacks signs of some names, such as %s, which show as boxes: SVG pictures have them", show(lacks))
	}
	return nil
}
