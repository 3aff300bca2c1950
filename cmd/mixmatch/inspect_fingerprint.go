package main

import (
	"fmt"
	"io"
	"os"
	"text/tabwriter"

	"github.com/urfave/cli/v2"

	"mixmatch/merge/block"
	"mixmatch/merge/checkpoint"
	"mixmatch/similarity/fingerprint"
	"mixmatch/similarity/library"
	"mixmatch/studies"
	"mixmatch/studies/report"
)

// An inspected is an open file of either kind.
type inspected struct {
	file  *checkpoint.File
	print *inspectedFingerprint
}

func (i inspected) Close() error {
	if i.file == nil {
		return nil
	}
	return i.file.Close()
}

func (i inspected) path() string {
	if i.file == nil {
		return i.print.Path
	}
	return i.file.Path()
}

// openInspected opens a model file, or reads a fingerprint.
func openInspected(path string) (inspected, error) {
	if is, err := isFingerprint(path); err == nil && is {
		f, err := readFingerprint(path)
		if err != nil {
			return inspected{}, err
		}
		return inspected{print: inspectFingerprint(path, f)}, nil
	}
	f, err := openFile(path)
	return inspected{file: f}, err
}

// An inspectReport is what there is to know of a file, to be printed or as JSON.
type inspectReport interface{ print(w io.Writer) error }

// An inspectedFingerprint is what a fingerprint tells of the model that it is of.
type inspectedFingerprint struct {
	Path string `json:"path"`
	Size int64  `json:"size"`
	Of   struct {
		listedEntry
		Formats map[string]int64  `json:"formats"`
		Parts   map[string]string `json:"parts,omitempty"`
	} `json:"fingerprint_of"`
	Sections []inspectedSection `json:"sections"`
}

type inspectedSection struct {
	Name       string `json:"name"`
	Part       string `json:"part"`
	Tensors    int    `json:"tensors"`
	Parameters int    `json:"parameters"`
}

func inspectFingerprint(path string, f *fingerprint.Fingerprint) *inspectedFingerprint {
	in := &inspectedFingerprint{Path: path}
	if info, err := os.Stat(path); err == nil {
		in.Size = info.Size()
	}
	in.Of.listedEntry = listedEntry{f.Name, string(f.Arch), f.Variant, f.Difference, f.Content, f.SHA256, f.Bytes, f.Licence, f.Page}
	in.Of.Formats, in.Of.Parts = f.Formats, f.Parts
	for _, s := range f.Sections {
		in.Sections = append(in.Sections, inspectedSection{s.Name, s.Part.String(), len(s.Tensors), s.Len})
	}
	return in
}

// tellFingerprint tells what the fingerprint at path is of.
func tellFingerprint(c *cli.Context, path string) error {
	f, err := readFingerprint(path)
	if err != nil {
		return err
	}
	return inspectFingerprint(path, f).print(c.App.Writer)
}

func (in *inspectedFingerprint) print(w io.Writer) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	of := &in.Of
	fmt.Fprintf(tw, "%s\ta fingerprint of %s (%s)\n", show(in.Path), show(of.Name), show(kindOf(of.Arch, of.Variant, of.Difference)))
	fmt.Fprintf(tw, "size\t%.1f KB, %d numbers for each of %d blocks\n", float64(in.Size)/1e3, fingerprint.Buckets, len(in.Sections))
	if of.Bytes > 0 {
		fmt.Fprintf(tw, "its file\t%.1f MB\n", float64(of.Bytes)/1e6)
	}
	for _, part := range []block.Part{block.UNet, block.TextEncoder} {
		tensors, parameters := 0, 0
		for _, s := range in.Sections {
			if s.Part == part.String() {
				tensors += s.Tensors
				parameters += s.Parameters
			}
		}
		if tensors > 0 {
			fmt.Fprintf(tw, "%s\t%d tensors, %.1f M parameters\n", part, tensors, float64(parameters)/1e6)
		}
	}
	for _, name := range sorted(of.Formats) {
		fmt.Fprintf(tw, "stored as\t%s x %.1f M\n", show(name), float64(of.Formats[name])/1e6)
	}
	fmt.Fprintf(tw, "content\t%s\n", show(of.Content))
	for _, name := range sorted(of.Parts) {
		fmt.Fprintf(tw, "%s\t%s\n", show(name), show(of.Parts[name]))
	}
	for _, row := range [][2]string{{"sha256", of.SHA256}, {"licence", of.Licence}, {"page", of.Page}} {
		if row[1] != "" {
			fmt.Fprintf(tw, "%s\t%s\n", row[0], show(row[1]))
		}
	}
	return tw.Flush()
}

// inspectOther is the error for folders without models, if one of them is what another
// command shows.
func inspectOther(args []string) error {
	for _, a := range args {
		switch {
		case library.IsFolder(a):
			return usage("inspect: %s is a library: mixmatch library list %s tells what is in it", a, report.Quote(a))
		case studies.Is(a):
			return usage("inspect: %s is a study: mixmatch show %s tells what it found", a, report.Quote(a))
		}
	}
	return nil
}
