package torch

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mixmatch/merge/checkpoint"
	"mixmatch/merge/checkpoint/torch/torchtest"
)

// asks are the names that the pickles in testdata/hostile look up.
var asks = map[string]string{
	"breaks-off": "os.system", "dropped": "os.system", "eval": "builtins.eval", "exec": "__builtin__.exec",
	"getattr": `builtins.getattr", "importlib.import_module`, "in-a-state-dict": "posix.system", "instance": "os.system", "object": "os.system",
	"open": "io.open", "subprocess": "commands.check_call", "system": "posix.system", "system-0": "posix.system", "system-4": "posix.system",
}

// TestHostile opens malicious files of every kind. Loaded by Python each writes a
// file where it runs, as .ci/hostile.py has checked.
func TestHostile(t *testing.T) {
	paths, err := filepath.Glob("testdata/hostile/*.pkl")
	if err != nil || len(paths) != len(asks) {
		t.Fatalf("%d pickles; want %d: %v", len(paths), len(asks), err)
	}
	pickles := map[string]string{}
	for _, path := range paths {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		pickles[strings.TrimSuffix(filepath.Base(path), ".pkl")] = string(b)
	}
	t.Chdir(t.TempDir())
	for name, text := range pickles {
		legacy := torchtest.Legacy(nil, 2)
		for kind, b := range map[string][]byte{
			"as it is":                []byte(text),
			"in a zip":                torchtest.Archive(torchtest.Member{Name: "m/data.pkl", Data: []byte(text)}),
			"in a zip, damaged":       flip(torchtest.Archive(torchtest.Member{Name: "m/data.pkl", Data: []byte(text)}), text),
			"in an old file":          []byte(strings.Replace(string(legacy), "\x80\x02N.", text, 1)),
			"in an old file's header": append([]byte(text), legacy...),
		} {
			if text[0] == '(' && !strings.Contains(kind, "in a zip") && kind != "in an old file" {
				continue // no file of torch, but like any text
			}
			path := filepath.Join(t.TempDir(), "model.ckpt")
			if err := os.WriteFile(path, b, 0o600); err != nil {
				t.Fatal(err)
			}
			f, err := Open(path)
			if err == nil {
				f.Close()
			}
			if !errors.Is(err, checkpoint.ErrFormat) || !strings.Contains(err.Error(), "unsafe: it asks Python for") || !strings.Contains(err.Error(), asks[name]) {
				t.Errorf("%s %s: got %v; want that it asks for %s", name, kind, err, asks[name])
			}
		}
	}
	left, err := os.ReadDir(".")
	if err != nil || len(left) > 0 {
		t.Errorf("something was executed: %v, %v", left, err)
	}
}

// flip changes a bit of b behind text, where its checksum is.
func flip(b []byte, text string) []byte {
	at := strings.Index(string(b), text) + len(text) + 4
	b[at] ^= 1
	return b
}
