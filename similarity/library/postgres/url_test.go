package postgres

import (
	"context"
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mixmatch/similarity/fingerprint"
	"mixmatch/similarity/library/postgres/pgtest"
)

func TestIs(t *testing.T) {
	for where, want := range map[string]bool{
		"postgres://h/d": true, "postgresql:///d": true, "postgres": false, "/a/postgres://": false, "postgres:/h": false, "": false,
	} {
		if Is(where) != want {
			t.Errorf("%q", where)
		}
	}
}

// What may be in a password: whole or in part it must not be told.
var passwords = []string{"Sesam", "Se/sam", "Se@sam", "Se#sam", "Se?sam", "Se:sam", "Se%sam", "Se sam", "Se&sam", "12/sam", "12?sam", "12#sam", "12:sam", "1@sam/Se", "sam@[::1]:sam", "%zzsam"}

// TestBadURL refuses what cannot be read, in one line, without the password.
func TestBadURL(t *testing.T) {
	for _, p := range passwords {
		for _, form := range []string{
			"postgres://user:P@host:99999/db", "postgres://user:P@host:port/db", "postgres://user:P@host/db?sslmode=bogus", "postgres://user:P/db",
			"postgresql://:P@[::1/db", "postgres://user:P@127.0.0.1:1/db", "postgres://user:P@/db?host=/nowhere/at/all", "postgres://user@127.0.0.1:1/db?password=P",
			"postgres://user:P@127.0.0.1:1,127.0.0.1:2/db", "postgres://user:P@127.0.0.1:1/db?pool_max_conns=x", "postgres://user:P", "postgres:///user:P@127.0.0.1:1/db",
			"postgres://user:P@127.0.0.1:1/db?passfile=/x&connect_timeout=z",
		} {
			if !strings.Contains(form, "@") && strings.ContainsAny(p, "/@") {
				continue // is a URL of another host or database
			}
			_, err := Open(context.Background(), strings.ReplaceAll(form, "P", p), true)
			if one(t, err); strings.Contains(err.Error(), "sam") {
				t.Errorf("%s with %s: %v", form, p, err)
			}
		}
	}
	_, err := Open(context.Background(), "postgres://user:x@host/db?sslmode=bogus", true)
	if one(t, err, "sslmode"); !errors.Is(err, ErrURL) {
		t.Error(err)
	}
}

func TestRedact(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{"mixmatch: postgres://u:secret@h/d: no such file", "mixmatch: postgres://u:xxxxx@h/d: no such file"},
		{"postgre:/u:se/cr@et@h/d", "postgre:/u:xxxxx@h/d"},
		{`"/home/x/postgres:/u:p@h/d"`, `"/home/x/postgres:/u:xxxxx@h/d"`},
		{"postgres://h/d?sslmode=disable&password=secret&x=1", "postgres://h/d?sslmode=disable&password=xxxxx&x=1"},
		{"postgres://u@h:5432/d", "postgres://u@h:5432/d"},
		{"C:/a b: c@d", "C:/a b: c@d"},
		{"a:b@c", "a:b@c"},
	} {
		if got := Redact(test.text); got != test.want {
			t.Errorf("%q became %q", test.text, got)
		}
	}
}

// testPasswords gives passwords in each way, right and wrong.
func testPasswords(t *testing.T, s *pgtest.Server, prints []*fingerprint.Fingerprint) {
	ctx := context.Background()
	where := s.Database(t)
	fill(t, open(t, where), prints[:1])
	s.SQL(t, where, "grant select on all tables in schema public to "+pgtest.Guarded)
	plain, err := url.Parse(where)
	if err != nil {
		t.Fatal(err)
	}
	as := func(password string) string {
		u := *plain
		if u.User = url.User(pgtest.Guarded); password != "" {
			u.User = url.UserPassword(pgtest.Guarded, password)
		}
		return u.String()
	}
	if got := len(entries(t, open(t, as(pgtest.Password)))); got != 1 {
		t.Errorf("%d records", got)
	}
	t.Run("variable", func(t *testing.T) {
		t.Setenv("PGPASSWORD", pgtest.Password)
		open(t, as(""))
	})
	t.Run("file", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "pgpass")
		if err := os.WriteFile(path, []byte("*:*:*:"+pgtest.Guarded+":"+strings.ReplaceAll(pgtest.Password, ":", `\:`)+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		t.Setenv("PGPASSFILE", path)
		open(t, as(""))
	})
	for _, p := range append(passwords, "guarded") {
		_, err := Open(ctx, as(p), true)
		if one(t, err, "password authentication failed", plain.Path); strings.Contains(err.Error(), "sam") {
			t.Error(err)
		}
	}
	t.Run("wrong variable", func(t *testing.T) {
		t.Setenv("PGPASSWORD", "Sesam")
		_, err := Open(ctx, as(""), true)
		if one(t, err, "PGPASSWORD"); strings.Contains(err.Error(), "Sesam") {
			t.Error(err)
		}
	})
	_, err = Open(ctx, as(""), true)
	one(t, err, "password")
	gone := *plain
	gone.Path = "/nothing"
	_, err = Open(ctx, gone.String(), true)
	one(t, err, "does not exist", "createdb")
}
