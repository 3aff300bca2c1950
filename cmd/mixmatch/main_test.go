package main

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/rogpeppe/go-internal/testscript"

	"mixmatch/merge/cache"
	"mixmatch/studies"
	"mixmatch/studies/demo"
)

// The scripts run the program as a process of its own: this test binary, which
// is the program where it is called mixmatch.
func TestMain(m *testing.M) {
	testscript.Main(withFamily{m}, map[string]func(){"mixmatch": main})
}

// familyVariable names the folder of the models that all tests share.
const familyVariable = "MIXMATCH_TEST_FAMILY"

// withFamily makes a family of models before the tests and removes it after.
type withFamily struct{ m *testing.M }

func (w withFamily) Run() int {
	dir, err := os.MkdirTemp("", "mixmatch-test-")
	if err == nil {
		defer os.RemoveAll(dir)
		_, err = demo.Write(context.Background(), dir, demo.Family{Div: 40, Seed: 1, Decoys: true}, nil)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	os.Setenv(familyVariable, dir)
	os.Setenv(cache.Variable, filepath.Join(dir, "cache")) // never the user's own
	return w.m.Run()
}

// family names the sources of the family, the base left out.
var family = []string{
	"OpenBra", "OpenBra1.1", "Evt_V4_e04_ema", "diamondcoalmix_diamondcoalv2pruned", "epicrealism_newAge",
	"epicrealism_newEra", "sxd_10Pruned", "dreamshaper_5PrunedNoVaeTrain", "dreamshaper_6NoVae", "anylora_v1", "ghostmix_v12",
}

// TestScripts runs testdata/*.txt. Beside the commands of testscript they have:
//
//	exits N COMMAND ...      the command exits with exactly N; see [cmdExits]
//	partly N COMMAND ...     the same of a failure that has printed what it could
//	family DIR               the family's models in DIR; $SOURCES are flags for all
//	model [flags] FILE       a small model of random numbers; see [cmdModel]
//	lora [flags] FILE        a LoRA of random numbers; see [cmdLora]
//	ckpt KIND FILE CKPT      the safetensors file as PyTorch writes it: zip, legacy, damaged or hostile
//	many N DIR               N small models, and DIR.txt, a recipe of all; see [cmdMany]
//	print FILE MMF           the fingerprint of a model
//	page FILE                a web page
//	cut FILE N               cuts N bytes off the end
//	flip FILE N              changes byte N (from the end if negative)
//	sub FILE OLD NEW         replaces the first OLD
//	utf16 FILE               makes its text UTF-16, as PowerShell writes it
//	later FILE               sets the time of the last change an hour ahead
//	hold STUDY               runs the study in another process: this one
//	same FILE FILE ...       safetensors files with the same numbers
//	json FILE                one JSON value and nothing else; FILE may be stdout
//	tinydisk DIR SIZE        a file system of SIZE bytes, on condition tinydisk
//
// Short tests, which the race detector is used with, run some that have all that
// works side by side.
func TestScripts(t *testing.T) {
	dir, some := "testdata", []string(nil)
	if testing.Short() {
		dir, some = "", []string{"testdata/study.txt", "testdata/lora.txt", "testdata/compat.txt"}
	}
	testscript.Run(t, testscript.Params{
		Dir: dir, Files: some,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": cmdExits, "partly": cmdPartly, "family": cmdFamily, "model": cmdModel, "many": cmdMany, "index": cmdIndex, "lora": cmdLora, "ckpt": cmdCkpt, "page": cmdPage, "print": cmdPrint, "cut": cmdCut, "flip": cmdFlip,
			"sub": cmdSub, "later": cmdLater, "earlier": cmdEarlier, "hold": cmdHold, "same": cmdSame, "json": cmdJSON, "tinydisk": cmdTinyDisk,
			"utf16": cmdUTF16,
		},
		Condition: func(cond string) (bool, error) {
			switch cond {
			case "root":
				return os.Geteuid() == 0, nil
			case "tinydisk":
				return canTinyDisk(), nil
			}
			return false, fmt.Errorf("no condition %q", cond)
		},
		Setup: func(e *testscript.Env) error {
			var flags []string
			for _, s := range family {
				flags = append(flags, "--source m/"+s+".safetensors")
			}
			e.Setenv(cache.Variable, filepath.Join(e.WorkDir, ".cache")) // never the user's own
			e.Setenv("SOURCES", strings.Join(flags, " "))
			return nil
		},
	})
}

// cmdExits runs a command that must exit with a certain code. If that is not
// 0, it must have printed nothing on stdout and one line on stderr, beside
// notices and notes, and must have left nothing half-written.
func cmdExits(ts *testscript.TestScript, neg bool, args []string) { exits(ts, neg, args, false) }

// cmdPartly is cmdExits for what fails in a part and prints the rest.
func cmdPartly(ts *testscript.TestScript, neg bool, args []string) { exits(ts, neg, args, true) }

func exits(ts *testscript.TestScript, neg bool, args []string, partly bool) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits N COMMAND ...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	var words []string
	for _, a := range args[2:] {
		if strings.HasPrefix(a, "--source m/") { // $SOURCES is many words
			words = append(words, strings.Fields(a)...)
		} else {
			words = append(words, a)
		}
	}
	code := 0
	if err := ts.Exec(args[1], words...); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			ts.Fatalf("%v", err)
		}
		code = exit.ExitCode()
	}
	if code != want {
		ts.Fatalf("exit code %d, want %d", code, want)
	}
	if stray := strays(ts.Getenv("WORK")); len(stray) > 0 {
		ts.Fatalf("left behind: %q", stray)
	}
	if code == 0 {
		return
	}
	if out := ts.ReadFile("stdout"); (out != "") != partly {
		ts.Fatalf("whether stdout of a failure is empty: %v, want %v", out == "", !partly)
	}
	lines := strings.Split(strings.TrimSuffix(ts.ReadFile("stderr"), "\n"), "\n")
	for i, l := range lines {
		isError := strings.HasPrefix(l, "mixmatch: ")
		if last := i == len(lines)-1; isError != last || !isError && !isNotice(l) {
			ts.Fatalf("stderr is not one line beginning with the program's name")
		}
	}
}

// isNotice reports whether a line on stderr only tells of something.
func isNotice(line string) bool {
	return strings.Contains(line, "takes no part") || strings.HasPrefix(line, "note: ") || strings.HasPrefix(line, "  ")
}

// strays returns the temporary files under dir.
func strays(dir string) []string {
	var found []string
	_ = filepath.WalkDir(dir, func(path string, _ fs.DirEntry, _ error) error {
		if strings.Contains(filepath.Base(path), ".tmp-") {
			found = append(found, path)
		}
		return nil
	})
	return found
}

// cmdFamily links the family's models into a folder. Commands that change a
// model make a copy first.
func cmdFamily(ts *testscript.TestScript, _ bool, args []string) {
	dir := ts.MkAbs(args[0])
	ts.Check(os.MkdirAll(dir, 0o777))
	files, err := filepath.Glob(filepath.Join(os.Getenv(familyVariable), "*.safetensors"))
	ts.Check(err)
	for _, f := range files {
		to := filepath.Join(dir, filepath.Base(f))
		if os.Link(f, to) != nil { // another file system
			b, err := os.ReadFile(f)
			ts.Check(err)
			ts.Check(os.WriteFile(to, b, 0o666))
		}
	}
}

func cmdPage(ts *testscript.TestScript, _ bool, args []string) {
	page := "<!DOCTYPE html>\n<html><body>Please log in to download this model.</body></html>\n"
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(page), 0o666))
}

// change replaces a file by one with other content, so that links to it keep
// theirs.
func change(ts *testscript.TestScript, name string, f func([]byte) []byte) {
	path := ts.MkAbs(name)
	b, err := os.ReadFile(path)
	ts.Check(err)
	ts.Check(os.Remove(path))
	ts.Check(os.WriteFile(path, f(b), 0o666))
}

func cmdCut(ts *testscript.TestScript, _ bool, args []string) {
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	change(ts, args[0], func(b []byte) []byte { return b[:len(b)-n] })
}

func cmdFlip(ts *testscript.TestScript, _ bool, args []string) {
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	change(ts, args[0], func(b []byte) []byte {
		if n < 0 {
			n += len(b)
		}
		b[n] ^= 1
		return b
	})
}

func cmdSub(ts *testscript.TestScript, _ bool, args []string) {
	change(ts, args[0], func(b []byte) []byte {
		if !strings.Contains(string(b), args[1]) {
			ts.Fatalf("%s does not contain %q", args[0], args[1])
		}
		return []byte(strings.Replace(string(b), args[1], args[2], 1))
	})
}

func cmdUTF16(ts *testscript.TestScript, _ bool, args []string) {
	change(ts, args[0], func(b []byte) []byte {
		out := []byte{0xff, 0xfe}
		for _, unit := range utf16.Encode([]rune(string(b))) {
			out = binary.LittleEndian.AppendUint16(out, unit)
		}
		return out
	})
}

func cmdLater(ts *testscript.TestScript, _ bool, args []string) {
	change(ts, args[0], func(b []byte) []byte { return b })
	at := time.Now().Add(time.Hour)
	ts.Check(os.Chtimes(ts.MkAbs(args[0]), at, at))
}

// cmdEarlier makes files an hour old.
func cmdEarlier(ts *testscript.TestScript, _ bool, args []string) {
	at := time.Now().Add(-time.Hour)
	for _, name := range args {
		change(ts, name, func(b []byte) []byte { return b }) // other tests read what it is a link to
		ts.Check(os.Chtimes(ts.MkAbs(name), at, at))
	}
}

func cmdJSON(ts *testscript.TestScript, _ bool, args []string) {
	if text := ts.ReadFile(args[0]); !json.Valid([]byte(text)) {
		ts.Fatalf("%s is not JSON", args[0])
	}
}

// cmdHold opens a study until the script ends.
func cmdHold(ts *testscript.TestScript, _ bool, args []string) {
	s, err := studies.Open(ts.MkAbs(args[0]))
	ts.Check(err)
	ts.Defer(func() { s.Close() })
}
