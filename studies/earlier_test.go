package studies

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"mixmatch/merge/durable"
	"mixmatch/similarity"
)

// asLines has the study in dir keep its products as JSON lines, as studies did.
func asLines(t *testing.T, dir string) {
	t.Helper()
	g, err := similarity.ReadGram(bytes.NewReader(unread(t, dir)))
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if _, err := g.WriteLines(&out); err != nil {
		t.Fatal(err)
	}
	if err := durable.WriteFile(filepath.Join(dir, former(productsFile)), out.Bytes()); err != nil {
		t.Fatal(err)
	}
}

// TestEarlierProducts resumes a study that keeps its products as lines, and begins
// another with it: nothing is read, and the result is the same.
func TestEarlierProducts(t *testing.T) {
	dir, _ := begun(t)
	want, err := os.ReadFile(filepath.Join(dir, productsFile))
	if err != nil {
		t.Fatal(err)
	}
	best, err := os.ReadFile(filepath.Join(dir, bestFile))
	if err != nil {
		t.Fatal(err)
	}
	asLines(t, dir)
	if err := os.Remove(filepath.Join(dir, bestFile)); err != nil {
		t.Fatal(err)
	}
	if total, err := read(t, dir, 1); err != nil || total != 0 {
		t.Errorf("%d bytes to read; %v", total, err)
	}
	if got, err := os.ReadFile(filepath.Join(dir, bestFile)); err != nil || !bytes.Equal(got, best) {
		t.Errorf("another result: %v\n%s\n%s", err, got, best)
	}
	f, err := OpenFiles(dir)
	if err != nil {
		t.Fatal(err)
	}
	next := filepath.Join(t.TempDir(), "next")
	s, err := Again(next, f, f.Plan())
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
	if got, err := os.ReadFile(filepath.Join(next, productsFile)); err != nil || !bytes.Equal(got, want) {
		t.Errorf("the study that begins with it has other products: %v", err)
	}
}
