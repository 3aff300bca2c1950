package torch

import (
	"encoding/hex"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var oracle = flag.String("oracle", "testdata", "a folder of files that .ci/torchfiles.py wrote")

// TestTorch reads files that torch itself wrote, and compares every number with
// what torch says it is (make torch-oracle).
func TestTorch(t *testing.T) {
	said, err := filepath.Glob(filepath.Join(*oracle, "*.json"))
	more, _ := filepath.Glob(filepath.Join(*oracle, "*", "*.json"))
	if said = append(said, more...); err != nil || len(said) == 0 {
		t.Fatalf("no files in %s: %v", *oracle, err)
	}
	for _, path := range said {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".json"), func(t *testing.T) {
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			var want struct {
				Torch, Refused string
				Tensors        map[string]struct {
					DType string
					Shape []int
					Bytes string
				}
			}
			if err := json.Unmarshal(b, &want); err != nil {
				t.Fatal(err)
			}
			f, err := Open(strings.TrimSuffix(path, ".json"))
			if want.Refused != "" {
				if err == nil || !strings.Contains(err.Error(), want.Refused) {
					t.Errorf("got %v; want %s", err, want.Refused)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			if len(f.Tensors()) != len(want.Tensors) {
				t.Errorf("%d tensors; torch has %d", len(f.Tensors()), len(want.Tensors))
			}
			numbers := 0
			for _, x := range f.Tensors() {
				w := want.Tensors[x.Name]
				got := make([]byte, x.Bytes())
				if err := f.ReadBytes(got, x, 0); err != nil {
					t.Fatal(err)
				}
				if string(x.DType) != w.DType || !slices.Equal(x.Shape, w.Shape) || hex.EncodeToString(got) != w.Bytes {
					t.Errorf("%s: %s %d %x; torch has %s %d %s", x.Name, x.DType, x.Shape, got, w.DType, w.Shape, w.Bytes)
				}
				numbers += x.Len()
			}
			t.Logf("%s, as torch %s: %d tensors, %d numbers; %q", f.Format(), want.Torch, len(f.Tensors()), numbers, f.Notes())
		})
	}
}
