package recipe_test

import (
	"path/filepath"
	"testing"

	"mixmatch/merge/recipe"
)

func TestNames(t *testing.T) {
	for file, want := range map[string]struct{ of, in string }{
		"a.safetensors":                       {"a", "a"},
		"dir/OpenBra1.1.ckpt":                 {"OpenBra1.1", "OpenBra1.1"},
		"v1.5":                                {"v1.5", "v1.5"},
		".safetensors":                        {".safetensors", ".safetensors"},
		"x.safetensors.download":              {"x.safetensors.download", "x.safetensors.download"},
		"a, b (c).pt":                         {"a, b (c)", "a, b (c)"},
		"sd/anime/a.safetensors [0123456789]": {"a.safetensors [0123456789]", "a"},
		" [x].ckpt ":                          {" [x].ckpt ", "[x]"},
		"a [b].ckpt":                          {"a [b]", "a [b]"},
	} {
		if got := recipe.NameOf(filepath.FromSlash(file)); got != want.of {
			t.Errorf("NameOf(%q) = %q, want %q", file, got, want.of)
		}
		if got := recipe.NameIn(file); got != want.in {
			t.Errorf("NameIn(%q) = %q, want %q", file, got, want.in)
		}
	}
	if got := recipe.NameIn(`anime\a.ckpt [0123456789]`); got != "a" {
		t.Errorf("a folder of Windows: %q", got)
	}
}
