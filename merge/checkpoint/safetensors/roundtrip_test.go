package safetensors

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"mixmatch/merge/checkpoint"

	"github.com/google/go-cmp/cmp"
)

// randomTensors returns tensors of all formats, and names and texts of all
// kinds of characters.
func randomTensors(r *rand.Rand) ([]checkpoint.Tensor, map[string]string) {
	text := func() string {
		alphabet := []rune("ab.0\"\\/\n\x00\x1f\u007fé\u2028\u202e😀\uffff")
		var b strings.Builder
		for range r.IntN(12) {
			b.WriteRune(alphabet[r.IntN(len(alphabet))])
		}
		return b.String()
	}
	var tensors []checkpoint.Tensor
	seen := map[string]bool{}
	for range r.IntN(12) {
		x := checkpoint.Tensor{Name: text(), DType: checkpoint.DTypes()[r.IntN(len(checkpoint.DTypes()))]}
		for range r.IntN(4) {
			x.Shape = append(x.Shape, r.IntN(5))
		}
		if x.Len()*x.DType.Bits()%8 != 0 {
			x.Shape = append(x.Shape, 4)
		}
		if !seen[x.Name] {
			seen[x.Name] = true
			tensors = append(tensors, x)
		}
	}
	metadata := map[string]string{}
	for range r.IntN(4) {
		metadata[text()] = text()
	}
	return tensors, metadata
}

// TestRoundTrip checks that what is written is read back, and that the order
// of the tensors makes no difference to the bytes.
func TestRoundTrip(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	dir := t.TempDir()
	for round := range 300 {
		tensors, metadata := randomTensors(r)
		content := func(x checkpoint.Tensor, i int) byte { return byte(round + len(x.Name) + i*i) }
		var files [2][]byte
		for k := range files {
			path := filepath.Join(dir, "m")
			w, err := Create(path, tensors, metadata, k > 0 || round > 0)
			if err != nil {
				t.Fatal(err)
			}
			if err := write(w, content); err != nil {
				t.Fatal(err)
			}
			if files[k], err = os.ReadFile(path); err != nil {
				t.Fatal(err)
			}
			r.Shuffle(len(tensors), func(i, j int) { tensors[i], tensors[j] = tensors[j], tensors[i] })
		}
		if !bytes.Equal(files[0], files[1]) {
			t.Fatalf("round %d: another order gives other bytes", round)
		}
		f, err := New(bytes.NewReader(files[0]), int64(len(files[0])))
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		readAll(t, f)
		if len(f.Tensors()) != len(tensors) || len(metadata) > 0 && !cmp.Equal(metadata, f.Metadata()) {
			t.Fatalf("round %d: %d of %d tensors, metadata %q; want %q", round, len(f.Tensors()), len(tensors), f.Metadata(), metadata)
		}
		for _, want := range tensors {
			got, ok := f.Tensor(want.Name)
			if !ok || got.DType != want.DType || !slices.Equal(got.Shape, want.Shape) {
				t.Fatalf("round %d: got %+v; want %+v", round, got, want)
			}
			b := make([]byte, got.Bytes())
			if err := f.ReadBytes(b, got, 0); err != nil {
				t.Fatal(err)
			}
			for i := range b {
				if b[i] != content(want, i) {
					t.Fatalf("round %d, tensor %q: byte %d is %d; want %d", round, want.Name, i, b[i], content(want, i))
				}
			}
		}
	}
	if names := left(t, dir); len(names) != 1 {
		t.Errorf("left behind: %q", names)
	}
}
