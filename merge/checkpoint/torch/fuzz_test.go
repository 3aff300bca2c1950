package torch

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mixmatch/merge/checkpoint"
	"mixmatch/merge/checkpoint/torch/torchtest"
)

// samples are sound files of the kind.
func samples(f *testing.F, kind string) [][]byte {
	f.Helper()
	files := map[string][][]byte{}
	sd := dict{{"state_dict", torchtest.OrderedDict{{"w", counted(6)}, {"turned", &torchtest.Tensor{Storage: vector(6).Storage, Shape: []int{3, 2}, Strides: []int{1, 3}}}}}, {"step", 5}}
	files[Zip] = append(files[Zip], torchtest.Zip("m", sd))
	files[Legacy] = append(files[Legacy], torchtest.Legacy(sd, 2), torchtest.Legacy(sd, 4))
	paths, err := filepath.Glob("testdata/[0-9]*/*")
	if err != nil || len(paths) == 0 {
		f.Fatalf("%d files, %v", len(paths), err)
	}
	for _, path := range paths {
		b, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		files[kindOf(b)] = append(files[kindOf(b)], b)
	}
	return files[kind]
}

func kindOf(b []byte) string { return kind(b[:min(len(b), headLen)]) }

// openFuzzed opens b, and reads everything if it opens.
func openFuzzed(t *testing.T, b []byte) {
	t.Helper()
	f, err := openBytes(b)
	if err != nil {
		if !errors.Is(err, checkpoint.ErrFormat) || strings.ContainsAny(err.Error(), "\n\x1b") {
			t.Errorf("error %q", err)
		}
		return
	}
	left := int64(64 << 20)
	for _, x := range f.Tensors() {
		n := x.Bytes()
		if n < 0 || n > max(int64(len(b)), maxExpanded) {
			t.Fatalf("%s has %d bytes, in a file of %d", checkpoint.Short(x.Name), n, len(b))
		}
		if left -= n; left < 0 {
			return
		}
		whole := make([]byte, n)
		if err := f.ReadBytes(whole, x, 0); err != nil {
			if errors.Is(err, checkpoint.ErrFormat) && strings.Contains(err.Error(), "does not match its checksum") {
				return
			}
			t.Fatal(err)
		}
		part := make([]byte, n/3)
		if err := f.ReadBytes(part, x, n/2); err != nil || !bytes.Equal(part, whole[n/2:n/2+n/3]) {
			t.Errorf("%s: the middle is not what the whole is, %v", checkpoint.Short(x.Name), err)
		}
	}
}

func FuzzZip(f *testing.F) {
	for _, b := range samples(f, Zip) {
		f.Add(b)
	}
	f.Fuzz(openFuzzed)
}

func FuzzLegacy(f *testing.F) {
	for _, b := range samples(f, Legacy) {
		f.Add(b)
	}
	f.Fuzz(openFuzzed)
}

// FuzzObject puts pickles in an archive, whose checksums would stop changes to it.
func FuzzObject(f *testing.F) {
	for _, m := range torchtest.Members("m", dict{{"w", counted(6)}, {"turned", &torchtest.Tensor{Storage: vector(6).Storage, Shape: []int{3, 2}, Strides: []int{1, 3}, Parameter: true}}}) {
		if m.Name == "m/data.pkl" {
			f.Add(m.Data, uint8(24))
		}
	}
	for _, b := range samples(f, Zip) {
		if i := bytes.Index(b, []byte("\x80\x02")); i > 0 {
			if n := bytes.Index(b[i:], []byte("PK\x07\x08")); n > 0 {
				f.Add(b[i:i+n], uint8(48))
			}
		}
	}
	f.Fuzz(func(t *testing.T, text []byte, size uint8) {
		members := []torchtest.Member{{Name: "m/data.pkl", Data: text}}
		for _, key := range []string{"0", "1", "2"} {
			members = append(members, torchtest.Member{Name: "m/data/" + key, Data: make([]byte, size)})
		}
		openFuzzed(t, torchtest.Archive(members...))
	})
}
