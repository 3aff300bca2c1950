package open

import (
	"os"
	"path/filepath"
	"strings"
)

// Paths returns the paths of what people give as one model: that of a file, or of
// several that hold its parts, joined by "+", as unet.safetensors+vae.safetensors.
// A "+" in the name of a file that exists joins nothing.
func Paths(path string) []string {
	parts := strings.Split(path, "+")
	if len(parts) == 1 || len(parts) > mostParts || exists(path) {
		return []string{path}
	}
	known := map[string]bool{}
	best, score := []string{path}, len(parts)*len(parts)
	for cuts := range 1 << (len(parts) - 1) {
		all := cut(parts, cuts)
		missing := 0
		for _, p := range all {
			there, seen := known[p]
			if !seen {
				there = exists(p)
				known[p] = there
			}
			if !there {
				missing++
			}
		}
		// The fewest that are not there, then the longest names. Where none is
		// there, it was not meant as several.
		if s := missing*len(parts) + len(all); missing < len(all) && s < score {
			best, score = all, s
		}
	}
	return best
}

// The most pieces that a path is looked at in: a model has four parts, and names
// of merges a few more signs.
const mostParts = 12

// cut joins parts again, but for a cut behind part i where bit i of cuts is set.
func cut(parts []string, cuts int) []string {
	all := []string{parts[0]}
	for i, p := range parts[1:] {
		if cuts>>i&1 == 1 {
			all = append(all, p)
		} else {
			all[len(all)-1] += "+" + p
		}
	}
	return all
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return path != "" && err == nil
}

// Abs returns path, which may be of several files, independent of the working
// directory.
func Abs(path string) (string, error) {
	all := Paths(path)
	for i, p := range all {
		abs, err := filepath.Abs(p)
		if err != nil {
			return "", err
		}
		all[i] = abs
	}
	return strings.Join(all, "+"), nil
}
