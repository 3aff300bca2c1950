package torch

import (
	"bytes"
	"regexp"
)

// headLen is how much of a file's beginning tells what it is.
const headLen = 1024

// lookUp matches a pickle of protocol 0 that begins by looking up a name, as
// malicious ones do: instruction GLOBAL, the module and the name.
var lookUp = regexp.MustCompile(`^\(*c[A-Za-z_][\w.]*\n[A-Za-z_][\w.]*\n`)

// Recognizes reports whether head, the first bytes of a file, begins a file that
// this package opens, or refuses with more to say than that it is something else:
// a zip archive or a pickle.
func Recognizes(head []byte, _ int64) bool { return kind(head) != "" }

// kind returns the format of what begins with head, or "".
func kind(head []byte) string {
	switch {
	case bytes.HasPrefix(head, []byte("PK\x03\x04")):
		return Zip
	case len(head) > 2 && head[0] == 0x80 && 2 <= head[1] && head[1] <= 5, lookUp.Match(head):
		return Legacy
	}
	return ""
}
