package recipe

import (
	"path"
	"path/filepath"
	"strings"
)

// NameOf returns the name that recipes give to the model in the file at path:
// the file's name without its extension.
func NameOf(file string) string { return withoutExt(filepath.Base(file)) }

// NameIn returns the name that recipes give to the model that a document calls
// file: without folders, which may be those of another system, the short hash
// that programs show behind it in brackets, and the extension.
func NameIn(file string) string {
	s := strings.TrimSpace(file)
	if i := strings.LastIndex(s, " ["); i > 0 && strings.HasSuffix(s, "]") {
		s = s[:i]
	}
	return withoutExt(path.Base(strings.ReplaceAll(s, `\`, "/")))
}

func withoutExt(base string) string {
	for _, ext := range []string{".safetensors", ".ckpt", ".pt"} {
		if cut, ok := strings.CutSuffix(base, ext); ok && cut != "" {
			return cut
		}
	}
	return base
}
