package library

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mixmatch/similarity/fingerprint"
)

func rewrite(t *testing.T, path string, change func(b []byte) []byte) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, change(b), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestTorn cuts the last record at every kind of place, as a kill, a full disk or a
// machine that stopped do before the index has it: it is not there, and the next record
// takes its place.
func TestTorn(t *testing.T) {
	whole, _ := filled(t, 3)
	records, err := os.ReadFile(filepath.Join(whole, dataFile))
	if err != nil {
		t.Fatal(err)
	}
	body, _ := made(2).Append(nil)
	begins := len(records) - len(body) - recordHead
	zeros := func(from int) []byte {
		return append(bytes.Clone(records[:from]), make([]byte, len(records)-from)...)
	}
	for name, torn := range map[string][]byte{
		"nothing":                 records[:begins],
		"a byte":                  records[:begins+1],
		"all of the head but one": records[:begins+recordHead-1],
		"the head":                records[:begins+recordHead],
		"half":                    records[:begins+len(body)/2],
		"all but a byte":          records[:len(records)-1],
		"zeros":                   zeros(begins),
		"zeros behind the head":   zeros(begins + recordHead),
		"zeros at the end":        zeros(len(records) - 4096),
	} {
		for _, kept := range []bool{true, false} {
			dir := filepath.Join(t.TempDir(), "lib")
			if err := os.Mkdir(dir, 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, dataFile), torn, 0o600); err != nil {
				t.Fatal(err)
			}
			if kept { // the index, up to where it was torn
				l := opened(t, dir)
				if _, err := names(l); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			}
			holds(t, dir, 0, 1)
			l := opened(t, dir)
			add(t, l, 2, 4)
			holds(t, dir, 0, 1, 2, 3)
		}
	}
}

// TestDamage flips bits of records: the others are there, and the one is named with
// where it is.
func TestDamage(t *testing.T) {
	body, _ := made(1).Append(nil)
	size := recordHead + len(body)
	for _, c := range []struct {
		name    string
		at      int
		indexed bool
		left    []int // that can be taken over
	}{
		{"a fingerprint", dataStart + size + recordHead + 5000, true, []int{0, 2, 3}},
		{"a fingerprint, no index", dataStart + size + recordHead + 5000, false, []int{0, 2, 3}},
		{"the last, no index", dataStart + 3*size + recordHead + 5000, false, []int{0, 1, 2}},
		{"the last", dataStart + 4*size - 1, true, []int{0, 1, 2}},
		{"a length", dataStart + size, true, []int{0, 1, 2, 3}},
		{"a length, no index", dataStart + size, false, []int{0}},
		{"the sum of the last", dataStart + 3*size + 12, true, []int{0, 1, 2}},
	} {
		dir, l := filled(t, 4)
		l.Close()
		rewrite(t, filepath.Join(dir, dataFile), func(b []byte) []byte { b[c.at] ^= 4; return b })
		if !c.indexed {
			os.Remove(filepath.Join(dir, indexFile))
		}
		l = opened(t, dir)
		var problems []string
		if _, err := l.Check(t.Context(), func(text string) { problems = append(problems, text) }); err != nil || len(problems) != 1 {
			t.Errorf("%s: %q, %v", c.name, problems, err)
			continue
		}
		if number := (c.at - dataStart) / size; !strings.Contains(problems[0], "record "+string(rune('1'+number))+" at byte ") {
			t.Errorf("%s: %s", c.name, problems[0])
		}
		// An index that was there before does not read the fingerprints.
		_, err := names(l)
		if rebuilt := !c.indexed || c.name == "the sum of the last"; rebuilt != errors.Is(err, ErrDamaged) {
			t.Errorf("%s: %v", c.name, err)
		}
		var got []string
		passed := 0
		l.Damaged = func(error) { passed++ }
		all, err := contents(l)
		for _, content := range all {
			switch err := l.Load(t.Context(), []string{content}, func(f *fingerprint.Fingerprint) error { got = append(got, f.Content); return nil }); {
			case errors.Is(err, ErrDamaged):
				passed++
			case err != nil:
				t.Error(err)
			}
		}
		var want []string
		for _, n := range c.left {
			want = append(want, made(n).Content)
		}
		if err != nil || strings.Join(got, " ") != strings.Join(want, " ") || passed+len(got) < 4 && c.name != "a length, no index" {
			t.Errorf("%s: %d are left, %d are passed over: %v", c.name, len(got), passed, err)
		}
		before, _ := os.ReadFile(filepath.Join(dir, dataFile))
		if _, err := l.Add(t.Context(), made(9)); err != nil && !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: %v", c.name, err)
		}
		if after, _ := os.ReadFile(filepath.Join(dir, dataFile)); !bytes.HasPrefix(after, before) {
			t.Errorf("%s: adding took something away", c.name)
		}
	}
}

func contents(l *Folder) (all []string, err error) {
	err = l.Entries(context.Background(), func(e *Entry) error {
		all = append(all, e.Content)
		return nil
	})
	return all, err
}

// TestCut takes away the end of a record that the index has: that is no record that was
// not finished.
func TestCut(t *testing.T) {
	dir, l := filled(t, 3)
	l.Close()
	var whole []byte
	rewrite(t, filepath.Join(dir, dataFile), func(b []byte) []byte { whole = bytes.Clone(b); return b[:len(b)-7] })
	l = opened(t, dir)
	if _, err := names(l); !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), "record 3 at byte ") || !strings.Contains(err.Error(), "7 bytes") {
		t.Errorf("got %v", err)
	}
	// What is before it can be used, and nothing is added that would take its place.
	var got []string
	passed := 0
	l.Damaged = func(error) { passed++ }
	all, err := contents(l)
	if err != nil || len(all) != 2 || passed != 1 {
		t.Errorf("%d are left, %d are passed over: %v", len(all), passed, err)
	}
	if err := l.Load(t.Context(), all, func(f *fingerprint.Fingerprint) error { got = append(got, f.Content); return nil }); err != nil || len(got) != 2 {
		t.Errorf("%d are loaded: %v", len(got), err)
	}
	if _, err := l.Add(t.Context(), made(9)); !errors.Is(err, ErrDamaged) {
		t.Errorf("added: %v", err)
	}
	problems := 0
	if n, err := l.Check(t.Context(), func(string) { problems++ }); n != 2 || problems != 1 || err != nil {
		t.Errorf("%d records, %d problems: %v", n, problems, err)
	}
	// Once the file is put back all is as it was.
	rewrite(t, filepath.Join(dir, dataFile), func([]byte) []byte { return whole })
	if all, err := contents(l); err != nil || len(all) != 3 {
		t.Errorf("put back: %d records, %v", len(all), err)
	}
	rewrite(t, filepath.Join(dir, dataFile), func(b []byte) []byte { return b[:len(b)-7] })
	l = opened(t, dir)
	if _, err := names(l); !errors.Is(err, ErrDamaged) {
		t.Errorf("got %v", err)
	}
	// Whoever takes that for the truth says so.
	os.Remove(filepath.Join(dir, indexFile))
	holds(t, dir, 0, 1)
}

// TestIndex makes the index something else: what the records have is what counts.
func TestIndex(t *testing.T) {
	for name, change := range map[string]func(b []byte) []byte{
		"empty":            func([]byte) []byte { return nil },
		"another version":  func(b []byte) []byte { return append([]byte("mixmatch library index 2\n"), b[len(indexMagic):]...) },
		"half a beginning": func(b []byte) []byte { return b[:10] },
		"a beginning":      func(b []byte) []byte { return b[:indexStart] },
		"of other records": func(b []byte) []byte { b[indexStart-1] ^= 1; return b },
		"short":            func(b []byte) []byte { return b[:len(b)-100] },
		"a flipped bit":    func(b []byte) []byte { b[len(b)/2] ^= 1; return b },
		"a flipped length": func(b []byte) []byte { b[indexStart+3] ^= 1; return b },
		"zeros at the end": func(b []byte) []byte { clear(b[len(b)-1500:]); return b },
		"zeros behind":     func(b []byte) []byte { return append(b, make([]byte, 4096)...) },
		"something behind": func(b []byte) []byte { return append(b, "something"...) },
		"an item twice":    func(b []byte) []byte { return append(b, b[indexStart:indexStart+(len(b)-indexStart)/4]...) },
		"an item left out": func(b []byte) []byte {
			n := (len(b) - indexStart) / 4
			return append(b[:indexStart+n], b[indexStart+2*n:]...)
		},
		"something else":  func([]byte) []byte { return []byte("hello") },
		"a great deal":    func([]byte) []byte { return bytes.Repeat([]byte("hello"), 10000) },
		"as it should be": func(b []byte) []byte { return b },
	} {
		dir, l := filled(t, 4)
		l.Close()
		path := filepath.Join(dir, indexFile)
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		rewrite(t, path, func(b []byte) []byte { return change(bytes.Clone(b)) })
		holds(t, dir, 0, 1, 2, 3)
		if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: the index was not made anew: %v", name, err)
		}
		rewrite(t, path, func(b []byte) []byte { return change(bytes.Clone(b)) })
		l = opened(t, dir)
		if added, err := l.Add(t.Context(), made(2)); added || err != nil {
			t.Errorf("%s: %v, %v", name, added, err)
		}
		add(t, l, 4, 5)
		holds(t, dir, 0, 1, 2, 3, 4)
	}
}

// TestReplaced puts other records under an index: those of another library, of an older
// copy, and of a copy that has grown otherwise.
func TestReplaced(t *testing.T) {
	dir, l := filled(t, 3)
	path := filepath.Join(dir, dataFile)
	older, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	add(t, l, 3, 6)
	l.Close()
	other, _ := filled(t, 2)
	records, err := os.ReadFile(filepath.Join(other, dataFile))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		records []byte
		want    []int
	}{{older, []int{0, 1, 2}}, {records, []int{0, 1}}} {
		if err := os.WriteFile(path, c.records, 0o600); err != nil {
			t.Fatal(err)
		}
		holds(t, dir, c.want...)
	}
	if err := os.WriteFile(path, older, 0o600); err != nil {
		t.Fatal(err)
	}
	l = opened(t, dir)
	add(t, l, 7, 8)
	add(t, l, 4, 6)
	l.Close()
	grown, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, older, 0o600); err != nil {
		t.Fatal(err)
	}
	l = opened(t, dir)
	add(t, l, 3, 6) // its last is the same
	l.Close()
	if err := os.WriteFile(path, grown, 0o600); err != nil {
		t.Fatal(err)
	}
	holds(t, dir, 0, 1, 2, 7, 4, 5)
}

func FuzzItem(f *testing.F) {
	it := &item{at: int64(dataStart), head: head{100, 1, 2}, entry: EntryOf(made(1))}
	f.Add(it.append(nil))
	f.Add((&item{at: 99, head: head{1, 0, 0}}).append(nil))
	f.Add(it.append(nil)[:500])
	f.Add(make([]byte, 2000))
	f.Add([]byte{0, 0, 0, 1, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		it, n, _, err := readItem(bufio.NewReader(bytes.NewReader(b)), nil)
		if err != nil {
			if !errors.Is(err, errItem) {
				t.Fatal(err)
			}
			return
		}
		if got := it.append(nil); it.entry != nil && !bytes.Equal(got, b[:n]) && !nan(it.entry) {
			t.Fatal("another item when it is written again")
		}
	})
}

// nan reports whether a coarse fingerprint has NaN, whose bits a processor may change.
func nan(e *Entry) bool {
	for _, v := range e.Coarse {
		if v != v {
			return true
		}
	}
	return false
}

func FuzzRecord(f *testing.F) {
	body, _ := made(1).Append(nil)
	record := append(headOf(body, 7).append(nil), body...)
	f.Add(record, uint32(7))
	f.Add(record, uint32(8))
	f.Add(record[:100], uint32(7))
	f.Add(make([]byte, 100), uint32(0))
	f.Add(append(bytes.Clone(record), record...), uint32(7))
	f.Fuzz(func(t *testing.T, b []byte, before uint32) {
		h, body, c, err := readRecord(bytes.NewReader(b), 0, int64(len(b)), before, nil)
		if err != nil {
			t.Fatal(err)
		}
		if c == whole && !bytes.HasPrefix(b, append(headOf(body, before).append(nil), body...)) || c == whole && h != headOf(body, before) {
			t.Fatal("a record that is another when it is written again")
		}
	})
}

func FuzzStart(f *testing.F) {
	f.Add(newDataStart())
	f.Add([]byte(dataMagic))
	f.Add([]byte("mixmatch library 2\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if _, err := readDataStart(bytes.NewReader(b)); err != nil && !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrVersion) {
			t.Fatal(err)
		}
	})
}
