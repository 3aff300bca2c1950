package shelf

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"mixmatch/merge/checkpoint/folder"
)

// wild are the letters that make a wildcard: * stands for any letters, ? for one.
// Brackets are themselves, since names of models have them.
const wild = "*?"

// ErrWildcard is wrapped by the error for a wildcard that is not known.
var ErrWildcard = errors.New("no such wildcard")

// match returns what may be models by a wildcard, which may have * and ? in any part
// of the path. Neither stands for a dot in front of a name, nor for a separator.
// Where the system does not tell upper from lower case, neither does a wildcard.
func match(path string) (*Shelf, error) {
	if strings.Contains(path, "**") {
		return nil, fmt.Errorf("%w: %s: ** is not read; name each folder, or write folder/*/*", ErrWildcard, path)
	}
	volume := filepath.VolumeName(path)
	rest := path[len(volume):]
	places := []string{volume}
	if rest != "" && os.IsPathSeparator(rest[0]) {
		places = []string{volume + string(filepath.Separator)}
	}
	parts := strings.FieldsFunc(rest, func(r rune) bool { return r < 0x80 && os.IsPathSeparator(uint8(r)) })
	for i, part := range parts {
		var next []string
		for _, place := range places {
			found, err := step(place, part, i == len(parts)-1)
			if err != nil {
				return nil, err
			}
			next = append(next, found...)
		}
		places = next
	}
	return &Shelf{Files: folder.Whole(places)}, nil
}

// step returns what part of a wildcard stands for in a folder: folders to go on
// from or, if it is the last part, what may be models.
func step(place, part string, last bool) ([]string, error) {
	if !strings.ContainsAny(part, wild) {
		path := filepath.Join(place, part)
		info, err := os.Stat(path)
		if err != nil || !last && !info.IsDir() {
			return nil, nil
		}
		return []string{path}, nil
	}
	where := place
	if where == "" {
		where = "."
	}
	entries, err := os.ReadDir(where)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var found []string
	for _, e := range entries {
		path := filepath.Join(place, e.Name())
		if hidden(e.Name()) && !hidden(part) || !like(fold(e.Name()), fold(part)) {
			continue
		}
		dir := isFolder(path, e)
		switch {
		case !last:
			if dir {
				found = append(found, path)
			}
		case dir && IsModel(path), !dir && MayBe(e.Name()):
			found = append(found, path)
		}
	}
	return found, nil
}

// fold makes names alike that the system takes for one.
func fold(name string) string {
	if runtime.GOOS == "windows" {
		return strings.ToLower(name)
	}
	return name
}

// like reports whether a wildcard stands for name.
func like(name, wildcard string) bool {
	n, w := []rune(name), []rune(wildcard)
	star, from := -1, 0 // the last *, and how much of the name is before what it stands for ends
	i, j := 0, 0
	for i < len(n) {
		switch {
		case j < len(w) && w[j] == '*':
			star, from = j, i
			j++
		case j < len(w) && (w[j] == '?' || w[j] == n[i]):
			i++
			j++
		case star >= 0:
			from++
			i, j = from, star+1
		default:
			return false
		}
	}
	for j < len(w) && w[j] == '*' {
		j++
	}
	return j == len(w)
}
