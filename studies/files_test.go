package studies

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mixmatch/merge"
	"mixmatch/merge/durable"
	"mixmatch/merge/mergetest"
)

// begun runs a small study of T from A and B, and returns its folder and the files'.
func begun(t *testing.T) (dir string, paths map[string]string) {
	t.Helper()
	paths = map[string]string{}
	models := map[string]*merge.Model{}
	for i, name := range []string{"A", "B", "T"} {
		paths[name] = mergetest.Sketch{Div: 160, Seed: uint64(i + 1)}.Write(t, name)
		m, err := merge.OpenModel(name, paths[name])
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		models[name] = m
	}
	dir = filepath.Join(t.TempDir(), "s")
	s, err := Create(dir, Config{Target: FileOf(models["T"]), Sources: FilesOf([]*merge.Model{models["A"], models["B"]}), Plan: Plan{Sampler: "cmaes", Trials: 1, Seed: 1}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := s.Run(t.Context(), Options{}); err != nil {
		t.Fatal(err)
	}
	return dir, paths
}

// source opens a source of the study in dir, looking in folders too, and returns the
// notes.
func source(t *testing.T, dir, name string, look ...string) (path string, notes []string, err error) {
	t.Helper()
	f, err := OpenFiles(dir)
	if err != nil {
		t.Fatal(err)
	}
	f.Note = func(text string) { notes = append(notes, text) }
	if look != nil {
		f.Look = func() ([]string, error) { return look, nil }
	}
	m, err := f.Source(t.Context(), name)
	if err != nil {
		return "", notes, err
	}
	defer m.Close()
	return m.File.Path(), notes, nil
}

func touch(t *testing.T, path string) {
	t.Helper()
	at := time.Now().Add(time.Hour)
	if err := os.Chtimes(path, at, at); err != nil {
		t.Fatal(err)
	}
}

// TestEdited edits one number of a file that is otherwise as it was, in any tensor.
func TestEdited(t *testing.T) {
	dir, paths := begun(t)
	path := paths["B"]
	m, err := merge.OpenModel("B", path)
	if err != nil {
		t.Fatal(err)
	}
	tensors := m.File.Tensors()
	m.Close()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var size int64
	for _, q := range tensors {
		size += q.Bytes()
	}
	at, edits := int64(len(text))-size, 0
	for ; at < int64(len(text)); at += size / 40 {
		text[at] ^= 1
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		touch(t, path)
		if _, _, err := source(t, dir, "B"); !errors.Is(err, ErrChanged) || !strings.Contains(err.Error(), "is not the file it was") {
			t.Errorf("byte %d: %v", at, err)
		}
		text[at] ^= 1
		edits++
	}
	if edits < 40 {
		t.Errorf("%d edits", edits)
	}
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	touch(t, path)
	if got, notes, err := source(t, dir, "B"); err != nil || got != path || len(notes) > 0 {
		t.Errorf("as it was: %s, %q, %v", got, notes, err)
	}
}

// forget makes the study in dir one of an earlier version: without samples and
// contents.
func forget(t *testing.T, dir string) {
	t.Helper()
	p, err := peek(dir)
	if err != nil {
		t.Fatal(err)
	}
	g, err := (&Study{Dir: dir, Plan: *p}).kept(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	p.Target.Sample = ""
	for i := range p.Sources {
		p.Sources[i].Sample = ""
	}
	g.Arch, g.Contents = "", nil
	for i := range g.Tensors {
		g.Tensors[i].Sums = nil
	}
	var out bytes.Buffer
	if _, err := g.WriteTo(&out); err != nil {
		t.Fatal(err)
	}
	for _, forgotten := range []string{"sum", "sample", "content", "arch"} {
		if bytes.Contains(out.Bytes(), []byte(`"`+forgotten)) {
			t.Fatalf("products have %s", forgotten)
		}
	}
	if err := errors.Join(durable.WriteFile(filepath.Join(dir, productsFile), out.Bytes()), writePlan(filepath.Join(dir, planFile), p)); err != nil {
		t.Fatal(err)
	}
}

// TestEarlierStudies opens the files of a study that has not written down their
// contents: size and header must do, and names.
func TestEarlierStudies(t *testing.T) {
	dir, paths := begun(t)
	forget(t, dir)
	if s, err := Open(dir); err != nil {
		t.Fatal(err)
	} else if _, err = s.Run(t.Context(), Options{}); err != nil {
		t.Error(err)
	} else {
		s.Close()
	}
	touch(t, paths["B"])
	if _, notes, err := source(t, dir, "B"); err != nil || len(notes) != 1 || !strings.Contains(notes[0], "did not write down contents") {
		t.Errorf("touched: %q, %v", notes, err)
	}
	other := t.TempDir()
	move := func(to string) string {
		to = filepath.Join(other, to)
		if err := os.Rename(paths["B"], to); err != nil {
			t.Fatal(err)
		}
		paths["B"] = to
		return to
	}
	renamed := move("renamed.safetensors")
	if _, _, err := source(t, dir, "B", paths["A"], renamed); !errors.Is(err, ErrChanged) || !strings.Contains(err.Error(), "more than one file may be B") {
		t.Errorf("two that may be it: %v", err)
	}
	if got, _, err := source(t, dir, "B", renamed); err != nil || got != renamed {
		t.Errorf("one that may be it: %s, %v", got, err)
	}
	named := move("b.SAFETENSORS")
	if got, notes, err := source(t, dir, "B", paths["A"], named); err != nil || got != named || len(notes) != 2 {
		t.Errorf("one of its name: %s, %q, %v", got, notes, err)
	}
}
