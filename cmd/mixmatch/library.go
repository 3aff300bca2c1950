package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/urfave/cli/v2"

	"mixmatch/merge/safetext"
	"mixmatch/similarity/library"
	"mixmatch/similarity/library/postgres"
)

const libraryHelp = `A library is a folder of fingerprints, in which the sources of a merge can be looked
for without their files. It may be copied and passed round. For many machines LIB may
be a PostgreSQL database, which has a queue of files besides.

   mixmatch library add lib models          a folder, a wildcard, files, LoRAs, .mmf files
   mixmatch library list lib
   mixmatch library merge lib other         what another library has, too
   mixmatch library check lib
   mixmatch library near lib model.safetensors      its nearest relatives
   mixmatch library export lib --csv        a table of what there is
   mixmatch library export lib --model NAME -o model.mmf
   mixmatch library queue postgres://db.example.org/models models
   mixmatch library work postgres://db.example.org/models`

func libraryCommand() *cli.Command {
	return &cli.Command{
		Name: "library", Usage: "keep fingerprints of many models", ArgsUsage: "add|list|merge|check|export|near|queue|work LIB ...", Description: libraryHelp,
		Subcommands: []*cli.Command{libraryAddCommand(), libraryListCommand(), libraryMergeCommand(), libraryCheckCommand(), libraryExportCommand(), libraryNearCommand(), libraryQueueCommand(), libraryWorkCommand()},
		Action: func(c *cli.Context) error {
			var names []string
			for _, s := range c.Command.Subcommands {
				names = append(names, s.Name)
			}
			if c.NArg() == 0 {
				return usage("library: say what to do: %s; see mixmatch library --help", strings.Join(names, ", "))
			}
			return usage("library: there is no command %q: choose %s", c.Args().First(), strings.Join(names, ", "))
		},
	}
}

// openLibrary opens the library that people call where, a folder or the URL of a
// database. With create it is made if there is none.
func openLibrary(c *cli.Context, where string, create bool) (library.Library, error) {
	if postgres.Is(where) {
		return postgres.Open(c.Context, where, create)
	}
	l, err := library.OpenFolder(where, create)
	if err != nil {
		return nil, err
	}
	meter := newMeter(c)
	l.Progress = func(done, total int64) {
		if meter.to("reading "+where, done, total, true); done >= total {
			meter.end()
		}
	}
	return l, nil
}

// showLibrary returns what people called a library, without a password.
func showLibrary(where string) string { return show(postgres.Redact(where)) }

// passDamaged has a library tell of records that are damaged, and pass them over.
func passDamaged(l library.Library, tell func(bad error)) {
	switch f := l.(type) {
	case *library.Folder:
		f.Damaged = tell
	case *postgres.Library:
		f.Damaged = tell
	}
}

// plainly says which record is damaged, and not what to do.
func plainly(bad error) string {
	var record *library.RecordError
	if errors.As(bad, &record) {
		return record.Text
	}
	return bad.Error()
}

// eachEntry hands what the library that people call where has to use. Before, all is
// looked at by look, which may be nil, so that an error shows before anything is printed.
// Records that are damaged are told of and passed over; the error for them is damaged, to
// be returned when all else is printed.
func eachEntry(c *cli.Context, l library.Library, where string, look, use func(*library.Entry) error) (damaged, err error) {
	if look == nil {
		look = func(*library.Entry) error { return nil }
	}
	problems := 0
	passDamaged(l, func(bad error) {
		problems++
		fmt.Fprintf(os.Stderr, "note: %s\n", safetext.Line(plainly(bad))) // also with --quiet
	})
	if err := l.Entries(c.Context, look); err != nil {
		return nil, err
	}
	if problems > 0 {
		damaged = fmt.Errorf("%s: %w: %s, as said above; what is sound is there, and \"library merge NEW %s\" takes it over into a new library", where, library.ErrDamaged, countOf(problems, "problem", "problems"), where)
	}
	passDamaged(l, func(error) {}) // said already
	return damaged, l.Entries(c.Context, use)
}

func libraryCheckCommand() *cli.Command {
	return &cli.Command{
		Name: "check", Usage: "read all records and tell of those that are damaged", ArgsUsage: "LIB",
		Description: "   mixmatch library check lib",
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
			problems := 0
			n, err := l.Check(c.Context, func(text string) {
				problems++
				note(c, text)
			})
			switch {
			case err != nil:
				return err
			case problems > 0:
				return fmt.Errorf("%s: %w: %s, as said above; \"library merge NEW %s\" takes the sound records over into a new library", where, library.ErrDamaged, countOf(problems, "problem", "problems"), where)
			}
			_, err = fmt.Fprintf(c.App.Writer, "%s: %s, all sound\n", showLibrary(where), countOf(n, "record", "records"))
			return err
		},
	}
}
