package merge_test

import (
	"io"
	"os"
	"path/filepath"
	"testing"

	"mixmatch/merge"
)

// BenchmarkSave merges two models of some tens of megabytes, beside what no merge can
// do without: copying one and reading the other. Of both, bytes read count.
func BenchmarkSave(b *testing.B) {
	var models []*merge.Model
	var paths []string
	size := int64(0)
	for i, name := range []string{"A", "B"} {
		path := sketch{Seed: uint64(i), Div: 10}.Write(b, name)
		m := open(b, name, path)
		models, paths = append(models, m), append(paths, path)
		size += m.File.Size()
	}
	dir := b.TempDir()
	out := filepath.Join(dir, "out.safetensors")
	b.Run("copy", func(b *testing.B) {
		b.SetBytes(size)
		for b.Loop() {
			copyFile(b, out, paths[0])
			copyFile(b, os.DevNull, paths[1])
		}
	})
	p := pool(b, models...)
	outs := weighted(b, p, mix(b, p, "A x 0.7 + B x 0.3 = M"), "")
	b.Run("merge", func(b *testing.B) {
		b.SetBytes(size)
		b.ReportAllocs()
		for b.Loop() {
			if _, err := merge.Save(b.Context(), outs, out, merge.SaveOptions{Force: true}); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func copyFile(b *testing.B, to, from string) {
	b.Helper()
	in, err := os.Open(from)
	if err != nil {
		b.Fatal(err)
	}
	defer in.Close()
	out, err := os.Create(to)
	if err != nil {
		b.Fatal(err)
	}
	defer out.Close()
	if _, err := io.Copy(struct{ io.Writer }{out}, in); err != nil { // as a program without reflinks does
		b.Fatal(err)
	}
}
