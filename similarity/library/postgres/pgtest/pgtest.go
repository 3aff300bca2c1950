// Package pgtest starts a PostgreSQL server for tests: one of its own, of the programs
// that are installed, in a temporary folder, on a socket there.
package pgtest

import (
	"bytes"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// RequiredVariable is set where tests must not be skipped for want of a server.
const RequiredVariable = "MIXMATCH_POSTGRES_REQUIRED"

// Guarded and Password are those of a user who must give a password. All others need none.
const (
	Guarded  = "guarded"
	Password = "open/Sesame:1@2"
)

// A Server is a running server.
type Server struct {
	socket string // the folder of its socket
	as     []string
	psql   string
	log    string
	made   int
}

// Start starts a server, which ends with the test. Where PostgreSQL is not installed the
// test is skipped.
func Start(t testing.TB) *Server {
	t.Helper()
	bin, err := programs()
	if err != nil {
		if os.Getenv(RequiredVariable) != "" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	dir, err := os.MkdirTemp("", "mixmatch-pg-") // t.TempDir is for one's own user alone
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{socket: dir, log: filepath.Join(dir, "log"), psql: filepath.Join(bin, "psql")}
	if os.Geteuid() == 0 {
		if s.as, err = another(dir); err != nil {
			t.Skip(err)
		}
	}
	data := filepath.Join(dir, "data")
	t.Cleanup(func() {
		if out, err := s.command(filepath.Join(bin, "pg_ctl"), "-D", data, "-m", "immediate", "-w", "stop").CombinedOutput(); err != nil {
			t.Logf("pg_ctl: %v\n%s", err, out)
		}
		os.RemoveAll(dir)
	})
	run := func(program string, args ...string) {
		t.Helper()
		if out, err := s.command(filepath.Join(bin, program), args...).CombinedOutput(); err != nil {
			server, _ := os.ReadFile(s.log)
			t.Fatalf("%s: %v\n%s\n%s", program, err, out, server)
		}
	}
	run("initdb", "-D", data, "-U", "tester", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
	rules := "local all " + Guarded + " scram-sha-256\nlocal all all trust\n"
	if err := os.WriteFile(filepath.Join(data, "pg_hba.conf"), []byte(rules), 0o644); err != nil {
		t.Fatal(err)
	}
	// Nothing is lost but by a crash of the machine, and the socket is all there is to listen on.
	run("pg_ctl", "-D", data, "-l", s.log, "-w", "-t", "60", "-o", "-c listen_addresses='' -c fsync=off -c max_connections=50 -k "+dir, "start")
	s.SQL(t, "postgres", "create role "+Guarded+" login password '"+Password+"'")
	return s
}

// Database makes an empty database and returns its URL.
func (s *Server) Database(t testing.TB) string {
	t.Helper()
	s.made++
	name := "library" + strconv.Itoa(s.made)
	s.SQL(t, "postgres", "create database "+name)
	return "postgres://tester@/" + name + "?host=" + url.QueryEscape(s.socket)
}

// SQL executes statements in a database, given by its name or URL, and returns what
// comes of them, as psql -At prints it.
func (s *Server) SQL(t testing.TB, database, statements string) string {
	t.Helper()
	if strings.HasPrefix(database, "postgres:") {
		u, err := url.Parse(database)
		if err != nil {
			t.Fatal(err)
		}
		database = strings.TrimPrefix(u.Path, "/")
	}
	cmd := s.command(s.psql, "-X", "-q", "-At", "-v", "ON_ERROR_STOP=1", "-h", s.socket, "-U", "tester", "-d", database, "-c", statements)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("psql: %v: %s", err, &stderr)
	}
	return strings.TrimSpace(string(out))
}

// command returns a command, as the user that owns the server.
func (s *Server) command(program string, args ...string) *exec.Cmd {
	all := append(append(slices.Clone(s.as), program), args...)
	cmd := exec.Command(all[0], all[1:]...)
	cmd.Dir = s.socket
	cmd.WaitDelay = time.Second // the server has what it inherits
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "PG") {
			cmd.Env = append(cmd.Env, v)
		}
	}
	return cmd
}

// programs returns the folder of the newest server that is installed.
func programs() (string, error) {
	all, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb") // where Debian has it
	number := func(path string) int {
		n, _ := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(path))))
		return n
	}
	slices.SortFunc(all, func(a, b string) int { return number(b) - number(a) })
	if path, err := exec.LookPath("initdb"); err == nil {
		if real, err := filepath.EvalSymlinks(path); err == nil {
			all = append(all, real)
		}
	}
	for _, path := range all {
		if _, err := os.Stat(filepath.Join(filepath.Dir(path), "pg_ctl")); err == nil {
			return filepath.Dir(path), nil
		}
	}
	return "", fmt.Errorf("no PostgreSQL server is installed: apt-get install postgresql")
}

// another gives a folder to a user, since root may not run a server, and returns how a
// command is run as that.
func another(dir string) ([]string, error) {
	setpriv, err := exec.LookPath("setpriv")
	if err != nil {
		return nil, fmt.Errorf("root cannot run a PostgreSQL server, and there is no setpriv to be another user")
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, _ := strconv.Atoi(u.Uid)
		gid, _ := strconv.Atoi(u.Gid)
		if err := os.Chown(dir, uid, gid); err != nil {
			return nil, err
		}
		return []string{setpriv, "--reuid=" + u.Uid, "--regid=" + u.Gid, "--clear-groups", "--"}, nil
	}
	return nil, fmt.Errorf("root cannot run a PostgreSQL server, and there is no user postgres or nobody")
}
