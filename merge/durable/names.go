package durable

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// shorten cuts a file's name so that it leaves room for more: names may be 255
// bytes long.
func shorten(base string) string {
	if len(base) <= 200 {
		return base
	}
	n := 200
	for n > 200-utf8.UTFMax && !utf8.RuneStart(base[n]) {
		n--
	}
	return base[:n]
}

// digits is how long the random end of a temporary name is, in digits and small
// letters.
const digits = 13

// temporary returns a name in the folder dir for a file that is to be called
// base, with n in it.
func temporary(dir, base string, n uint64) string {
	end := strconv.FormatUint(n, 36)
	return filepath.Join(dir, prefix(base)+strings.Repeat("0", digits-len(end))+end)
}

func prefix(base string) string { return "." + shorten(base) + ".tmp-" }

// sweep removes what programs that were killed while they wrote path have left:
// files under its temporary names that nobody is writing. Where locks do not tell,
// those are left that nobody has written to for an hour.
func sweep(path string) {
	dir, base := filepath.Split(path)
	left, err := filepath.Glob(filepath.Join(escape(dir), escape(prefix(base))+strings.Repeat("[0-9a-z]", digits)))
	if err != nil {
		return
	}
	for _, name := range left {
		if info, err := os.Lstat(name); err == nil && info.Mode().IsRegular() {
			removeLeft(name, time.Since(info.ModTime()) > time.Hour)
		}
	}
}

// escape returns s for a pattern that matches s alone. Windows has no way to
// escape; there names have none of these characters but the bracket.
func escape(s string) string {
	var b strings.Builder
	for _, r := range s {
		if strings.ContainsRune(`*?[\`, r) && filepath.Separator != '\\' {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}
