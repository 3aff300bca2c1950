package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"

	"mixmatch/merge/mergetest"
	"mixmatch/merge/safetext"
	"mixmatch/similarity/fingerprint"
	"mixmatch/similarity/library"
)

// A memoryLibrary is a library in memory.
type memoryLibrary []*fingerprint.Fingerprint

func (l memoryLibrary) Entries(_ context.Context, use func(*library.Entry) error) error {
	for _, f := range l {
		if err := use(library.EntryOf(f)); err != nil {
			return err
		}
	}
	return nil
}

func (l memoryLibrary) Load(_ context.Context, contents []string, use func(*fingerprint.Fingerprint) error) error {
	for _, f := range l {
		if slices.Contains(contents, f.Content) {
			if err := use(f); err != nil {
				return err
			}
		}
	}
	return nil
}

func (memoryLibrary) Add(context.Context, *fingerprint.Fingerprint) (bool, error) { return false, nil }

func (memoryLibrary) Has(context.Context, string) (bool, error)        { return false, nil }
func (memoryLibrary) Check(context.Context, func(string)) (int, error) { return 0, nil }
func (memoryLibrary) Close() error                                     { return nil }

func TestLibraryNear(t *testing.T) {
	var lib memoryLibrary
	dir := os.Getenv(familyVariable)
	for _, name := range append([]string{"v1-5-pruned-emaonly"}, family...) {
		m := mergetest.Open(t, name, filepath.Join(dir, name+".safetensors"))
		f, err := fingerprint.Of(t.Context(), m, fingerprint.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if name == "ghostmix_v12" {
			f.Name = "\x1b[31m|<b>" + strings.Repeat("長", 60)
		}
		lib = append(lib, f)
	}
	twice := *lib[3]
	twice.Content = "other"
	lib = append(lib, &twice)
	target := filepath.Join(dir, "BlessingMix_V1.safetensors")
	for _, c := range []struct {
		name string
		args []string
		want string // of the error, or in the output
		code int
	}{
		{"a file", []string{target, "--base", "v1-5-pruned-emaonly"}, "OpenBra  ", 0},
		{"a name", []string{"OpenBra1.1"}, "OpenBra  ", 0},
		{"many", []string{target, "-n", "50"}, `\u001b[31m`, 0},
		{"no such", []string{"nothere"}, "no model of that name", 2},
		{"no such base", []string{"OpenBra", "--base", "nothere"}, "no model of that name", 2},
		{"two", []string{twice.Name}, "2 models in the library are called", 2},
		{"the base of itself", []string{"OpenBra", "--base", "OpenBra"}, "nothing sets OpenBra apart", 4},
		{"none", []string{target, "-n", "0"}, "give 1 or more", 2},
	} {
		var out bytes.Buffer
		command := libraryNearCommand()
		command.Action = func(ctx *cli.Context) error {
			if ctx.Int("n") < 1 {
				return usage("-n: give 1 or more")
			}
			return near(ctx, lib, ctx.Args().Get(1))
		}
		app := &cli.App{Writer: &out, Commands: []*cli.Command{command}, ExitErrHandler: func(*cli.Context, error) {}}
		run := func(more ...string) error {
			out.Reset()
			args := append([]string{"mixmatch", "near", "-q"}, c.args[1:]...)
			return app.Run(append(append(args, more...), "--", "LIB", c.args[0]))
		}
		err := run()
		if c.code > 0 {
			if err == nil || exitCode(err) != c.code || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: %v", c.name, err)
			}
			continue
		}
		if err != nil || !strings.Contains(out.String(), c.want) {
			t.Errorf("%s: %v\n%s", c.name, err, out.String())
		}
		for line := range strings.Lines(out.String()) {
			if safetext.Columns(strings.TrimSuffix(line, "\n")) > screenWidth {
				t.Errorf("%s: %s", c.name, line)
			}
		}
		if err := run("--json"); err != nil || !json.Valid(out.Bytes()) {
			t.Errorf("%s: %v\n%s", c.name, err, out.String())
		}
	}
}
