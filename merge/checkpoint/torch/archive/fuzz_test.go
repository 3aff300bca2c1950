package archive

import (
	"archive/zip"
	"bytes"
	"errors"
	"strings"
	"testing"
)

func FuzzRead(f *testing.F) {
	for _, tt := range bad(f) {
		f.Add(tt.b)
	}
	f.Add(wide(nil))
	f.Add(small(f))
	f.Fuzz(func(t *testing.T, b []byte) {
		entries, err := readBytes(b)
		if err != nil {
			if _, ok := errors.AsType[Error](err); !ok || strings.ContainsAny(err.Error(), "\n\x1b") {
				t.Errorf("error %q", err)
			}
			return
		}
		taken := make([]bool, len(b))
		for _, e := range entries {
			if e.Offset < 0 || e.Packed < 0 || e.Offset+e.Packed > int64(len(b)) {
				t.Fatalf("%+v in %d bytes", e, len(b))
			}
			for i := e.Offset; i < e.Offset+e.Packed; i++ {
				if taken[i] {
					t.Fatalf("byte %d is in two entries", i)
				}
				taken[i] = true
			}
		}
		// What is accepted is read alike by others.
		r, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
		if err != nil && !errors.Is(err, zip.ErrInsecurePath) {
			t.Fatalf("archive/zip: %v", err)
		}
		if len(r.File) != len(entries) {
			t.Fatalf("%d entries; archive/zip has %d", len(entries), len(r.File))
		}
		for i, f := range r.File {
			at, err := f.DataOffset()
			if e := entries[i]; err != nil || f.Name != e.Name || at != e.Offset || int64(f.CompressedSize64) != e.Packed || int64(f.UncompressedSize64) != e.Size {
				t.Errorf("got %+v; archive/zip has %+v at %d, %v", e, f.FileHeader, at, err)
			}
		}
	})
}
