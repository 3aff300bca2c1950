package durable

import (
	"os"
	"path/filepath"
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

// sweep removes what programs that were killed while they wrote path have left:
// files under its temporary names that nobody has written to for an hour.
func sweep(path string) {
	dir, base := filepath.Split(path)
	left, err := filepath.Glob(filepath.Join(escape(dir), "."+escape(shorten(base))+".tmp-*"))
	if err != nil {
		return
	}
	for _, name := range left {
		if info, err := os.Lstat(name); err == nil && info.Mode().IsRegular() && time.Since(info.ModTime()) > time.Hour {
			_ = os.Remove(name) // it is in nobody's way
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
