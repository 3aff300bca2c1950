package postgres

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"mixmatch/similarity/fingerprint"
	"mixmatch/similarity/library"
	"mixmatch/similarity/library/postgres/pgtest"
)

// testFirstUse makes the tables when they are wanted, and not before.
func testFirstUse(t *testing.T, s *pgtest.Server, prints []*fingerprint.Fingerprint) {
	ctx, where := context.Background(), s.Database(t)
	_, err := Open(ctx, where, false)
	if one(t, err, "postgres:///library", "library add"); !errors.Is(err, library.ErrMissing) {
		t.Error(err)
	}
	if n := s.SQL(t, where, "select count(*) from pg_class where relname like 'mixmatch%'"); n != "0" {
		t.Errorf("%s tables", n)
	}
	var all sync.WaitGroup
	for i := range 8 { // all make them at once
		all.Go(func() {
			l, err := Open(ctx, where, true)
			if err != nil {
				t.Error(err)
				return
			}
			defer l.Close()
			if _, err := l.Add(ctx, prints[i%len(prints)]); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	l, err := Open(ctx, where, false)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if got := len(entries(t, l)); got != len(prints) {
		t.Errorf("%d records", got)
	}
	// A library in each schema.
	s.SQL(t, where, "create schema other")
	other := where + "&search_path=other,public"
	if _, err := Open(ctx, other, false); !errors.Is(err, library.ErrMissing) {
		t.Errorf("%v: another's tables are read", err)
	}
	o := open(t, other)
	fill(t, o, prints[:1])
	if got := len(entries(t, o)); got != 1 {
		t.Errorf("%d records", got)
	}
	_, err = Open(ctx, where+"&search_path=nowhere", true)
	one(t, err, "CREATE SCHEMA")
}

// testVersion refuses tables of another version, and what is no library.
func testVersion(t *testing.T, s *pgtest.Server, prints []*fingerprint.Fingerprint) {
	ctx, where := context.Background(), s.Database(t)
	fill(t, open(t, where), prints[:1])
	for _, test := range []struct{ change, want string }{
		{"update mixmatch_library set version = 7", "version 7"},
		{"delete from mixmatch_library", "empty"},
		{"drop table mixmatch_library; create table mixmatch_library ()", "version"},
		{"drop table mixmatch_library", "already exists"},
	} {
		s.SQL(t, where, test.change)
		_, err := Open(ctx, where, true)
		one(t, err, "postgres:///library", test.want)
	}
	where = s.Database(t)
	latin := strings.Replace(where, "/library", "/latin", 1)
	u, _ := url.Parse(latin)
	s.SQL(t, "postgres", "create database "+strings.TrimPrefix(u.Path, "/")+" encoding 'LATIN1' template template0")
	_, err := Open(ctx, latin, true)
	one(t, err, "LATIN1", "UTF8")
}

// testNames keeps any name as the fingerprint does, or refuses it.
func testNames(t *testing.T, s *pgtest.Server, prints []*fingerprint.Fingerprint) {
	ctx := context.Background()
	l := open(t, s.Database(t))
	var want []*library.Entry
	for i, name := range []string{"", "'; drop table mixmatch_library; --", "モデル", "\\x41", "\x1b[31m\r\n", "broken \xff\xfe", strings.Repeat("long", 5000)} {
		f := *prints[0]
		f.Name, f.Licence, f.Content = name, name, fmt.Sprint(i)
		fill(t, l, []*fingerprint.Fingerprint{&f})
		kept, err := fingerprint.Read(bytes.NewReader(asStored(t, &f)))
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, library.EntryOf(kept))
	}
	if diff := cmp.Diff(want, entries(t, l)); diff != "" {
		t.Error(diff)
	}
	if n, err := l.Check(ctx, func(text string) { t.Error(text) }); n != len(want) || err != nil {
		t.Errorf("%d records, %v", n, err)
	}
	f := *prints[0]
	f.Page, f.Content = "a\x00b", "zero"
	_, err := l.Add(ctx, &f)
	one(t, err, "zero byte", `a\x00b`)
	f.Page, f.Content = "", ""
	_, err = l.Add(ctx, &f)
	one(t, err, "content")
}

// testCheck changes records behind the library's back.
func testCheck(t *testing.T, s *pgtest.Server, prints []*fingerprint.Fingerprint) {
	ctx, where := context.Background(), s.Database(t)
	l := open(t, where)
	fill(t, l, prints)
	change := func(i int, what string) {
		s.SQL(t, where, "update mixmatch_fingerprints set "+what+" where content = '"+prints[i].Content+"'")
	}
	change(0, "fingerprint = set_byte(fingerprint, 50000, get_byte(fingerprint, 50000) # 1)")
	change(1, "fingerprint = substr(fingerprint, 1, 1000)")
	change(2, "coarse = set_byte(coarse, 0, get_byte(coarse, 0) # 1)")
	change(3, "licence = 'another'")
	change(4, "fingerprint = (select fingerprint from mixmatch_fingerprints where number = 4)")
	var told []string
	n, err := l.Check(ctx, func(text string) { told = append(told, text) })
	if n != len(prints) || err != nil {
		t.Fatalf("%d records, %v", n, err)
	}
	want := []string{"record 1: ", "record 2: ", "record 3: ", "record 4: ", "record 5: "}
	for i, w := range []string{"checksum", "cut short", "coarse", "columns", "holds the fingerprint of"} {
		if i >= len(told) || !strings.HasPrefix(told[i], want[i]) || !strings.Contains(told[i], w) {
			t.Errorf("%q does not tell %q", told, w)
		}
	}
	err = l.Load(ctx, []string{prints[0].Content}, func(*fingerprint.Fingerprint) error { return nil })
	if one(t, err, "checksum"); !errors.Is(err, library.ErrDamaged) {
		t.Error(err)
	}
	change(3, "coarse = ''")
	err = l.Entries(ctx, func(*library.Entry) error { return nil })
	if one(t, err, "model3", "0 bytes"); !errors.Is(err, library.ErrDamaged) {
		t.Error(err)
	}
	// What the server itself cannot read: a piece of a long value is gone.
	toast := s.SQL(t, where, "select reltoastrelid::regclass from pg_class where oid = 'mixmatch_fingerprints'::regclass")
	s.SQL(t, where, "create extension pg_surgery")
	pieces := s.SQL(t, where, "select array_agg(ctid) from "+toast+" where chunk_seq = 3")
	s.SQL(t, where, "select heap_force_kill('"+toast+"', '"+pieces+"')")
	told = nil
	if n, err := l.Check(ctx, func(text string) { told = append(told, text) }); n != len(prints) || err != nil || len(told) != len(prints) {
		t.Errorf("%d records, %v: %q", n, err, told)
	}
}

// testStop ends in the middle, by an error and by a context.
func testStop(t *testing.T, s *pgtest.Server, prints []*fingerprint.Fingerprint) {
	ctx, stop := context.WithCancel(context.Background())
	l := open(t, s.Database(t))
	fill(t, l, prints)
	enough := errors.New("enough")
	n := 0
	if err := l.Entries(ctx, func(*library.Entry) error { n++; return enough }); !errors.Is(err, enough) || n != 1 {
		t.Errorf("%v after %d", err, n)
	}
	var contents []string
	for _, f := range prints {
		contents = append(contents, f.Content)
	}
	if err := l.Load(ctx, contents, func(*fingerprint.Fingerprint) error { return enough }); !errors.Is(err, enough) {
		t.Error(err)
	}
	// What is called may use the library.
	err := l.Entries(ctx, func(e *library.Entry) error {
		return l.Load(ctx, []string{e.Content}, func(*fingerprint.Fingerprint) error { return nil })
	})
	if err != nil {
		t.Error(err)
	}
	stop()
	for _, err := range []error{
		l.Entries(ctx, func(*library.Entry) error { return nil }),
		func() error { _, err := l.Add(ctx, prints[0]); return err }(),
		func() error { _, err := l.Check(ctx, nil); return err }(),
		func() error { _, err := Open(ctx, "postgres://192.0.2.1/x", true); return err }(),
	} {
		if !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	}
}

// testAtOnce uses one library from many sides.
func testAtOnce(t *testing.T, s *pgtest.Server, prints []*fingerprint.Fingerprint) {
	ctx := context.Background()
	l := open(t, s.Database(t))
	var all sync.WaitGroup
	var mu sync.Mutex
	added := 0
	for i := range 20 {
		all.Go(func() {
			ok, err := l.Add(ctx, prints[i%len(prints)])
			if err != nil {
				t.Error(err)
			}
			if err := l.Entries(ctx, func(*library.Entry) error { return nil }); err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			if ok {
				added++
			}
		})
	}
	all.Wait()
	if got := len(entries(t, l)); added != len(prints) || got != len(prints) {
		t.Errorf("added %d, there are %d", added, got)
	}
}

// testReader reads as a user who may do nothing else.
func testReader(t *testing.T, s *pgtest.Server, prints []*fingerprint.Fingerprint) {
	ctx, where := context.Background(), s.Database(t)
	fill(t, open(t, where), prints[:2])
	s.SQL(t, where, "create role reader login; grant select on all tables in schema public to reader")
	l := open(t, strings.Replace(where, "tester@", "reader@", 1))
	if got := len(entries(t, l)); got != 2 {
		t.Errorf("%d records", got)
	}
	_, err := l.Add(ctx, prints[3])
	one(t, err, "permission denied", "docs/postgres.md")
	// What docs/postgres.md grants a worker is enough.
	s.SQL(t, where, "create role worker login; grant select, insert on mixmatch_library, mixmatch_fingerprints, mixmatch_queue to worker; grant update on mixmatch_queue to worker")
	l = open(t, strings.Replace(where, "tester@", "worker@", 1))
	if _, err := l.Queue(ctx, []Job{{Path: "/a"}}); err != nil {
		t.Fatal(err)
	}
	w := worker(t, l)
	j, _, err := w.Take(ctx)
	if err != nil || j == nil {
		t.Fatal(j, err)
	}
	if added, err := w.Finish(ctx, j, prints[3]); !added || err != nil {
		t.Fatal(added, err)
	}
}
