package postgres

import (
	"context"
	"errors"
	"fmt"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// ErrURL is wrapped when a URL cannot be read.
var ErrURL = errors.New("postgres://USER@HOST:PORT/DATABASE is how a library in PostgreSQL is named")

var schemes = []string{"postgres://", "postgresql://"}

// Is reports whether where is the URL of a database and not a folder.
func Is(where string) bool {
	return slices.ContainsFunc(schemes, func(s string) bool { return strings.HasPrefix(where, s) })
}

// credentials are what stands between the user and the host of a URL, with as many
// slashes as cleaning a path leaves of it.
var credentials = regexp.MustCompile(`([A-Za-z][A-Za-z0-9+.-]*:/{1,2}[^:/?#@\s"']*):[^\s"']*@`)

// secrets are the settings of a URL that are nobody's business.
var secrets = regexp.MustCompile(`(?i)((?:ssl)?password=)[^&\s"']*`)

// Redact returns a text in which the passwords of URLs are left out, however wrong the
// URLs are. It is for messages that repeat what was typed.
func Redact(text string) string {
	return secrets.ReplaceAllString(credentials.ReplaceAllString(text, "$1:xxxxx@"), "${1}xxxxx")
}

// parse reads a URL. Its errors do not repeat what may be part of a password: one that is
// not written with escapes makes a URL of other parts than was meant.
func parse(url string) (*pgxpool.Config, error) {
	var rest string
	for _, s := range schemes {
		if r, ok := strings.CutPrefix(url, s); ok {
			rest = r
		}
	}
	escapes := fmt.Errorf("%w; in a name or password, write %% as %%25, @ as %%40, : as %%3A, / as %%2F, ? as %%3F, # as %%23", ErrURL)
	at, end := strings.IndexByte(rest, '@'), strings.IndexAny(rest, "/?")
	if end < 0 {
		end = len(rest)
	}
	path, _, _ := strings.Cut(rest[end:], "?")
	switch {
	case !Is(url), strings.Count(rest, "@") > 1, at > end, strings.ContainsAny(url, "# \t\r\n\x00"), strings.Count(path, "/") > 1:
		return nil, escapes
	}
	for _, host := range strings.Split(rest[at+1:end], ",") {
		if _, port, ok := strings.Cut(host[strings.LastIndexByte(host, ']')+1:], ":"); ok {
			if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
				return nil, escapes
			}
		}
	}
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		// Behind the URL, in backquotes, pgx says what is wrong with it.
		text := err.Error()
		if i := strings.LastIndex(text, "`: "); i >= 0 {
			text = text[i+len("`: "):]
		}
		if strings.Contains(text, "parse as URL") { // it repeats a part of it
			return nil, escapes
		}
		return nil, fmt.Errorf("%w: %s", ErrURL, Redact(oneLine(text)))
	}
	c := config.ConnConfig
	if c.ConnectTimeout == 0 {
		c.ConnectTimeout = connectTimeout
	}
	if c.RuntimeParams["application_name"] == "" {
		c.RuntimeParams["application_name"] = "mixmatch"
	}
	return config, nil
}

// A database is what errors tell of where a library is: nothing else that a URL says.
type database struct {
	host, name, user string
}

func databaseOf(c *pgx.ConnConfig) database {
	d := database{host: c.Host, name: c.Database, user: c.User}
	if !strings.HasPrefix(c.Host, "/") {
		d.host = net.JoinHostPort(c.Host, strconv.Itoa(int(c.Port)))
	}
	if d.name == "" {
		d.name = c.User // as the server has it
	}
	return d
}

func (d database) String() string {
	if strings.HasPrefix(d.host, "/") { // a socket
		return "postgres:///" + d.name
	}
	return "postgres://" + d.host + "/" + d.name
}

// say returns an error of the database in one line: where it is and what it said. It
// answers [errors.Is] as err does.
func (d database) say(err error) error {
	var said *saidError
	if err == nil || errors.As(err, &said) {
		return err
	}
	text, code := "", ""
	var server *pgconn.PgError
	var connect *pgconn.ConnectError
	switch {
	case errors.Is(err, context.Canceled):
		text = context.Canceled.Error()
	case errors.As(err, &server):
		text, code = server.Message, server.Code
		if server.Detail != "" {
			text += ": " + server.Detail
		}
		if advice := advice[server.Code]; advice != "" {
			text += "; " + advice
		}
		if errors.As(err, &connect) {
			text = "cannot connect as " + strconv.Quote(d.user) + ": " + text
		}
	case errors.As(err, &connect):
		text = "cannot connect: " + oneLine(connect.Unwrap().Error()) // of a try with TLS and one without
		var network *net.OpError
		var name *net.DNSError
		if errors.As(err, &network) || errors.As(err, &name) || errors.Is(err, context.DeadlineExceeded) {
			text += "; is the server running, and reachable from here?"
		}
	default:
		text = err.Error()
	}
	return &saidError{d.String() + ": " + Redact(oneLine(text)), code, err}
}

// advice tells what to do about some of a server's errors, by their codes.
var advice = map[string]string{
	"28P01": "the password is that of the URL, of PGPASSWORD or of ~/.pgpass",
	"28000": "pg_hba.conf on the server says who may connect",
	"3D000": "createdb makes it",
	"42501": "docs/postgres.md lists the permissions that are needed",
	"53100": "nothing was added",
	"53300": "give the server more max_connections, or start fewer workers",
	"57014": "a statement_timeout that is set for this user is too short",
}

// A saidError is an error of a database, told without what nobody should see.
type saidError struct {
	text string
	code string // of the server's error, if it is one
	err  error
}

func (e *saidError) Error() string { return e.text }

// Is answers for the error behind, which is not to be had: it knows the password.
func (e *saidError) Is(target error) bool { return errors.Is(e.err, target) }

// oneLine returns a text of several lines, such as one for each try to connect, as one.
func oneLine(text string) string {
	var lines []string
	for l := range strings.Lines(text) {
		if l = strings.Join(strings.Fields(l), " "); l != "" && !slices.Contains(lines, l) {
			lines = append(lines, l)
		}
	}
	return strings.Join(lines, "; ")
}
