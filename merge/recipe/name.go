package recipe

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"
)

var (
	hashSuffix = regexp.MustCompile(`\s*\[[0-9a-fA-F]{6,64}\]$`)
	fileEnding = regexp.MustCompile(`(?i)\.(safetensors|ckpt|pth?|bin|(safetensors|bin)\.index\.([^./\\]+\.)?json)$`)
	folder     = regexp.MustCompile(`^.*[/\\]`)
	stepNumber = regexp.MustCompile(`(?i)^(step|stage|phase|手順|ステップ|工程|步骤)?\s*\d{1,3}\s+\S`)
)

// NameOf returns what a recipe calls the model in a file: its name without
// folders, without the ending, which may be that of an index of shards, and
// without the hash in brackets that programs show behind it.
func NameOf(file string) string {
	name, _ := cutFile(file)
	return name
}

// A spelling is how a model's name was written as that of a file.
type spelling struct{ folder, ending, hash string }

// cutFile splits the name of a file. A part that is all there is stays.
func cutFile(file string) (name string, s spelling) {
	name = strings.TrimSpace(file)
	cutEnd := func(re *regexp.Regexp) string {
		part := re.FindString(name)
		if len(part) == len(name) {
			return ""
		}
		name = name[:len(name)-len(part)]
		return strings.ToLower(strings.TrimSpace(part))
	}
	s.hash = cutEnd(hashSuffix)
	s.ending = cutEnd(fileEnding)
	if s.folder = folder.FindString(name); len(s.folder) < len(name) {
		name = name[len(s.folder):]
	}
	return name, s
}

// bare returns an unquoted name as it is kept: that of a file only if an ending
// or a hash shows that it is one.
func bare(written string) (string, spelling) {
	if name, s := cutFile(written); s.ending != "" || s.hash != "" {
		return name, s
	}
	return written, spelling{}
}

// clash reports whether the same name written in two ways may be two models.
func (s spelling) clash(other spelling) bool {
	differ := func(a, b string) bool { return a != "" && b != "" && a != b }
	return differ(s.folder, other.folder) || differ(s.ending, other.ending) || differ(s.hash, other.hash)
}

// merge adds what other tells.
func (s spelling) merge(other spelling) spelling {
	pick := func(a, b string) string {
		if a == "" {
			return b
		}
		return a
	}
	return spelling{pick(s.folder, other.folder), pick(s.ending, other.ending), pick(s.hash, other.hash)}
}

// checkName refuses an unquoted name of a line's expression that may be more
// than a name.
func checkName(name string) error {
	if i := strings.IndexFunc(name, func(r rune) bool {
		return strings.ContainsRune("`<>|*\"“”", r) || isInvisible(r) || unicode.IsControl(r) && r != '\t'
	}); i >= 0 {
		return fmt.Errorf("the name %s has signs in it that names do not have: quote it if it is meant so", quote(name))
	}
	for _, w := range strings.Fields(name) {
		if w != name && strings.HasSuffix(w, ":") {
			return fmt.Errorf("%s could be a label before the step or a part of the name %s: leave the label out, or quote the name", show(w), quote(name))
		}
	}
	return nil
}
