package folder

import (
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// IsIndex reports whether a file of that name is an index of shards, as
// model.safetensors.index.json is.
func IsIndex(name string) bool { return indexOf.MatchString(name) }

var (
	indexOf = regexp.MustCompile(`\.(safetensors|bin)\.index\.([^.]+\.)?json$`)
	shard   = regexp.MustCompile(`-[0-9]{5}-of-[0-9]{5}\.`)
)

// Whole returns the paths without those of shards whose index is among them: these
// are parts of a model that is there already.
func Whole(paths []string) []string {
	stems := map[string]bool{}
	for _, p := range paths {
		if at := indexOf.FindStringIndex(p); at != nil {
			stems[p[:at[0]]] = true
		}
	}
	return slices.DeleteFunc(paths, func(p string) bool {
		at := shard.FindStringIndex(filepath.Base(p))
		return at != nil && stems[p[:len(p)-len(filepath.Base(p))+at[0]]] && !strings.HasSuffix(p, ".json")
	})
}
