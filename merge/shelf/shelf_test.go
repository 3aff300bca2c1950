package shelf

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
)

// made makes empty files in a new folder, which it makes the current one.
func made(t *testing.T, names ...string) {
	t.Helper()
	t.Chdir(t.TempDir())
	for _, n := range names {
		if err := os.MkdirAll(filepath.Dir(n), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(n, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func slashes(paths []string) (all []string) {
	for _, p := range paths {
		all = append(all, filepath.ToSlash(p))
	}
	return all
}

func TestList(t *testing.T) {
	star := "m/star*.safetensors"
	if runtime.GOOS == "windows" { // where nothing can be called so
		star = "m/star1.safetensors"
	}
	made(t, "m/b.safetensors", "m/a.ckpt", "m/noext", "m/.hidden.safetensors", "m/x.safetensors.part", "m/x.CRDOWNLOAD", "m/a.txt", "m/a.preview.PNG",
		"m/.out.safetensors.tmp-1", "m/old/c.safetensors", "m/docs/readme.md", "m/.git/d.safetensors", "m/old/deep/e.pt", "m [1]/f.safetensors", star,
		"d/sd/model_index.json", "d/sd/unet/diffusion_pytorch_model.safetensors", "d/part/unet/diffusion_pytorch_model.bin", "d/z.safetensors.index.json",
		"d/z-00001-of-00002.safetensors", "d/z-00002-of-00002.safetensors", "d/y-00001-of-00002.safetensors")
	for _, c := range []struct {
		path          string
		files, folder []string
	}{
		{path: "m", files: []string{"m/a.ckpt", "m/b.safetensors", "m/noext", star}, folder: []string{"m/old"}},
		{path: "m/", files: []string{"m/a.ckpt", "m/b.safetensors", "m/noext", star}, folder: []string{"m/old"}},
		{path: "m/*.safetensors", files: []string{"m/b.safetensors", star}},
		{path: star, files: []string{star}},
		{path: "m/?.*", files: []string{"m/a.ckpt", "m/b.safetensors"}},
		{path: "m/*", files: []string{"m/a.ckpt", "m/b.safetensors", "m/noext", star}},
		{path: "*/c.safetensors"},
		{path: "m/*/*", files: []string{"m/old/c.safetensors"}},
		{path: "?/o*/?.safetensors", files: []string{"m/old/c.safetensors"}},
		{path: "m [1]/*", files: []string{"m [1]/f.safetensors"}},
		{path: "m/*.txt"},
		{path: "nothere/*"},
		{path: "m/a.ckpt/*"},
		{path: "m/docs"},
		{path: "d", files: []string{"d/part", "d/sd", "d/y-00001-of-00002.safetensors", "d/z.safetensors.index.json"}},
		{path: "d/z*", files: []string{"d/z.safetensors.index.json"}},
	} {
		s, err := List(c.path)
		if c.path == "m/a.ckpt/*" && err != nil {
			continue // the system says that it is no folder
		}
		if err != nil || !slices.Equal(slashes(s.Files), c.files) || !slices.Equal(slashes(s.Folders), c.folder) {
			t.Errorf("%s: %+v, %v", c.path, s, err)
		}
	}
	if s, err := List("m/B*.SafeTensors"); err != nil || (len(s.Files) == 1) != (runtime.GOOS == "windows") {
		t.Errorf("in other letters: %+v, %v", s, err)
	}
	absolute, err := filepath.Abs("m")
	if err != nil {
		t.Fatal(err)
	}
	if s, err := List(filepath.Join(absolute, "b*")); err != nil || len(s.Files) != 1 || s.Files[0] != filepath.Join(absolute, "b.safetensors") {
		t.Errorf("an absolute wildcard: %+v, %v", s, err)
	}
	if _, err := List("m/**"); !errors.Is(err, ErrWildcard) {
		t.Errorf("**: %v", err)
	}
	all, err := Walk("m")
	if want := []string{"m/a.ckpt", "m/b.safetensors", "m/noext", "m/old/c.safetensors", "m/old/deep/e.pt", star}; err != nil || !slices.Equal(slashes(all), want) {
		t.Errorf("all below: %v, %v", all, err)
	}
	if _, err := Walk("nothere"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a folder that is not there: %v", err)
	}
}

func TestIsList(t *testing.T) {
	made(t, "m/a.safetensors", "b[65745d25].safetensors")
	for path, want := range map[string]bool{
		"m": true, "m/a.safetensors": false, "nothere": false, "m/*": true, "nothere?": true,
		"b[65745d25].safetensors": false, "c[65745d25].safetensors": false,
	} {
		if IsList(path) != want {
			t.Errorf("%s: %v", path, !want)
		}
	}
}

// TestLinks follows links to files, and to folders where they are named.
func TestLinks(t *testing.T) {
	made(t, "m/a.safetensors", "n/b.safetensors")
	for from, to := range map[string]string{"m/link.safetensors": "../n/b.safetensors", "m/broken.safetensors": "nothere", "m/loop": ".", "o": "m"} {
		if err := os.Symlink(to, filepath.FromSlash(from)); err != nil {
			t.Skip(err)
		}
	}
	if _, err := os.Stat("o/a.safetensors"); err != nil { // Wine says that it makes links
		t.Skip(err)
	}
	want := []string{"o/a.safetensors", "o/broken.safetensors", "o/link.safetensors"}
	if s, err := List("o"); err != nil || !slices.Equal(slashes(s.Files), want) {
		t.Errorf("%+v, %v", s, err)
	}
	for _, folder := range []string{"m", "o"} {
		all, err := Walk(folder)
		if want := []string{"m/a.safetensors", "m/broken.safetensors", "m/link.safetensors"}; err != nil || !slices.Equal(slashes(all), want) {
			t.Errorf("%s: %v, %v", folder, all, err)
		}
	}
}

func FuzzLike(f *testing.F) {
	for _, s := range []string{"", "a", "*", "?", "a*b", "*.safetensors", "a**b?", "日?"} {
		f.Add("a.safetensors", s)
	}
	f.Fuzz(func(t *testing.T, name, wildcard string) {
		if got, want := like(name, wildcard), slow([]rune(name), []rune(wildcard)); got != want {
			t.Errorf("%q by %q: %v", name, wildcard, got)
		}
	})
}

// slow is like without a shortcut.
func slow(n, w []rune) bool {
	if len(n) > 12 || len(w) > 12 { // or it would take ages
		return like(string(n), string(w))
	}
	switch {
	case len(w) == 0:
		return len(n) == 0
	case w[0] == '*':
		return slow(n, w[1:]) || len(n) > 0 && slow(n[1:], w)
	}
	return len(n) > 0 && (w[0] == '?' || w[0] == n[0]) && slow(n[1:], w[1:])
}
