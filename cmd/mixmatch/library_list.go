package main

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/urfave/cli/v2"

	"mixmatch/merge/safetext"
	"mixmatch/similarity/fingerprint"
	"mixmatch/similarity/library"
	"mixmatch/similarity/library/postgres"
	"mixmatch/studies/report"
)

func libraryListCommand() *cli.Command {
	return &cli.Command{
		Name: "list", Usage: "list what is in a library", ArgsUsage: "LIB",
		Description: "   mixmatch library list lib\n   mixmatch library list lib --json",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "json", Usage: "print as JSON"},
			&cli.BoolFlag{Name: "quiet", Aliases: []string{"q"}, Usage: "no progress"},
		},
		Action: func(c *cli.Context) error {
			where, err := one(c, "the LIB")
			if err != nil {
				return err
			}
			l, err := openLibrary(c, where, false)
			if err != nil {
				return err
			}
			defer l.Close()
			if c.Bool("json") {
				return listJSON(c, l, where)
			}
			return listTable(c, l, where)
		},
	}
}

// A listedEntry is an entry as programs read it.
type listedEntry struct {
	Name       string `json:"name"`
	Arch       string `json:"arch"`
	Variant    string `json:"variant,omitempty"`
	Difference bool   `json:"difference,omitempty"`
	Content    string `json:"content"`
	SHA256     string `json:"sha256,omitempty"`
	Bytes      int64  `json:"bytes,omitempty"`
	Licence    string `json:"licence,omitempty"`
	Page       string `json:"page,omitempty"`
}

func listedOf(e *library.Entry) listedEntry {
	return listedEntry{e.Name, string(e.Arch), e.Variant, e.Difference, e.Content, e.SHA256, e.Bytes, e.Licence, e.Page}
}

// listJSON prints a list, an entry a line: there may be a hundred thousand.
func listJSON(c *cli.Context, l library.Library, where string) error {
	separator := "[\n  "
	damaged, err := eachEntry(c, l, where, nil, func(e *library.Entry) error {
		var text bytes.Buffer
		text.WriteString(separator)
		enc := json.NewEncoder(&text)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(listedOf(e)); err != nil {
			return err
		}
		separator = ",\n  "
		_, err := c.App.Writer.Write(safetext.Document(bytes.TrimSuffix(text.Bytes(), []byte("\n"))))
		return err
	})
	if err != nil {
		return err
	}
	end := "\n]\n"
	if separator[0] == '[' {
		end = "[]\n"
	}
	if _, err := fmt.Fprint(c.App.Writer, end); err != nil {
		return err
	}
	return damaged
}

// maxName is how wide a column of names may be: the table fits 80 columns then.
const maxName = 34

// listTable prints a table of columns that are as wide as they must be.
func listTable(c *cli.Context, l library.Library, where string) error {
	name, kind, n := len("model"), len("kind"), 0
	damaged, err := eachEntry(c, l, where, func(e *library.Entry) error {
		name = max(name, min(maxName, safetext.Columns(show(e.Name))))
		kind = max(kind, safetext.Columns(show(kindOf(string(e.Arch), e.Variant, e.Difference))))
		return nil
	}, func(e *library.Entry) error {
		if n++; n == 1 {
			fmt.Fprintf(c.App.Writer, "%s  %s  %10s  %-10s  %s\n", pad("model", name), pad("kind", kind), "MB", "sha256", "licence")
		}
		size := ""
		if e.Bytes > 0 {
			size = fmt.Sprintf("%.1f", float64(e.Bytes)/1e6)
		}
		line := fmt.Sprintf("%s  %s  %10s  %-10.10s  %s", pad(show(e.Name), name), pad(show(kindOf(string(e.Arch), e.Variant, e.Difference)), kind), size, show(e.SHA256), show(e.Licence))
		_, err := fmt.Fprintln(c.App.Writer, strings.TrimRight(line, " "))
		return err
	})
	if err != nil {
		return err
	}
	if n == 0 && damaged == nil {
		say(c, "there is nothing in it")
	}
	return damaged
}

// pad returns text in so many columns; more are cut in the middle, where names of
// versions differ least.
func pad(text string, width int) string {
	if r := []rune(text); safetext.Columns(text) > width {
		for keep := len(r); safetext.Columns(text) > width; keep-- {
			text = string(r[:keep/2]) + "~" + string(r[len(r)-(keep-1)/2:])
		}
	}
	return text + strings.Repeat(" ", max(0, width-safetext.Columns(text)))
}

func libraryExportCommand() *cli.Command {
	return &cli.Command{
		Name: "export", Usage: "write what is in a library as a table, or take a fingerprint out", ArgsUsage: "LIB",
		Description: `   mixmatch library export lib --csv > lib.csv
   mixmatch library export lib --model dreamshaper_6NoVae -o dreamshaper.mmf

A model may also be told by the beginning of its content or of its SHA-256, six digits
or more.`,
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "csv", Usage: "a table of comma-separated values, a model a line"},
			&cli.StringFlag{Name: "model", Usage: "take out the fingerprint of this `MODEL`"},
			&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "the `FILE.mmf` to write it to"},
			&cli.BoolFlag{Name: "force", Usage: "replace FILE if it exists"},
			&cli.BoolFlag{Name: "quiet", Aliases: []string{"q"}, Usage: "no progress"},
		},
		Action: libraryExportAction,
	}
}

func libraryExportAction(c *cli.Context) error {
	where, err := one(c, "the LIB")
	if err != nil {
		return err
	}
	model, out := c.String("model"), c.String("output")
	switch {
	case c.Bool("csv") == (model != ""):
		return usage("library export: say what: --csv for a table, or --model NAME -o FILE.mmf for a fingerprint")
	case model != "" && out == "":
		return usage("library export: name the file to write with -o")
	case model == "" && out != "":
		return usage("library export: the table is printed: > %s writes it to a file", out)
	case out != "" && exists(out) && !c.Bool("force"):
		return usage("library export: %s: the file exists; choose another name, or --force to replace it", out)
	}
	if err := folderOf(c, "-o", out); err != nil {
		return err
	}
	l, err := openLibrary(c, where, false)
	if err != nil {
		return err
	}
	defer l.Close()
	if model == "" {
		return exportCSV(c, l, where)
	}
	content, err := findModel(c, l, where, model)
	if err != nil {
		return err
	}
	return l.Load(c.Context, []string{content}, func(f *fingerprint.Fingerprint) error {
		size, err := writeFingerprint(out, f, c.Bool("force"))
		if err == nil {
			_, err = fmt.Fprintf(c.App.Writer, "%s: %.0f KB, the fingerprint of %s\n", show(out), float64(size)/1e3, show(f.Name))
		}
		return err
	})
}

func exportCSV(c *cli.Context, l library.Library, where string) error {
	w := csv.NewWriter(c.App.Writer)
	var started error
	header := []string{"name", "arch", "variant", "difference", "content", "sha256", "bytes", "licence", "page"}
	damaged, err := eachEntry(c, l, where, nil, func(e *library.Entry) error {
		if header != nil {
			started = w.Write(header)
			header = nil
		}
		if started != nil {
			return started
		}
		return w.Write([]string{e.Name, string(e.Arch), e.Variant, strconv.FormatBool(e.Difference), e.Content, e.SHA256, strconv.FormatInt(e.Bytes, 10), e.Licence, e.Page})
	})
	if err == nil && header != nil {
		err = w.Write(header)
	}
	if err != nil {
		return err
	}
	if w.Flush(); w.Error() != nil {
		return w.Error()
	}
	return damaged
}

// findModel returns the content of the model that people call so.
func findModel(c *cli.Context, l library.Library, where, model string) (string, error) {
	found, err := findModels(c, l, where, []string{model})
	if err != nil {
		return "", err
	}
	return found[0].Content, nil
}

// findModels returns the entries of models, in one pass over the library that people call
// where. Records that are damaged are none of those that are found.
func findModels(c *cli.Context, l library.Library, where string, models []string) ([]*library.Entry, error) {
	var damaged []error
	passDamaged(l, func(bad error) { damaged = append(damaged, bad) })
	defer passDamaged(l, nil)
	names, digests := make([][]*library.Entry, len(models)), make([][]*library.Entry, len(models))
	err := l.Entries(c.Context, func(e *library.Entry) error {
		for i, model := range models {
			if e.Name == model {
				names[i] = append(names[i], e)
			}
			short := strings.ToLower(model)
			if utf8.RuneCountInString(short) >= 6 && (strings.HasPrefix(e.Content, short) || strings.HasPrefix(e.SHA256, short)) {
				digests[i] = append(digests[i], e)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	var found []*library.Entry
	for i, model := range models {
		all := names[i]
		if len(all) == 0 {
			all = digests[i]
		}
		switch len(all) {
		case 0:
			if len(damaged) > 0 { // which it may be, or be behind
				return nil, damaged[0]
			}
			return nil, fmt.Errorf("%s: %w: %s; mixmatch library list %s lists what is", called(c), library.ErrUnknown, model, report.Quote(postgres.Redact(where)))
		case 1:
			found = append(found, all[0])
			continue
		}
		const most = 5
		var shown []string
		for _, e := range all[:min(most, len(all))] {
			shown = append(shown, e.Content)
		}
		more := ""
		if len(all) > most {
			more = fmt.Sprintf(", and %d more", len(all)-most)
		}
		return nil, usage("%s: %d models are called %s: tell it by its content, one of %s%s", called(c), len(all), model, strings.Join(shown, ", "), more)
	}
	for _, bad := range damaged {
		note(c, plainly(bad))
	}
	return found, nil
}
