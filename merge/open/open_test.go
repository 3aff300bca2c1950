package open_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"mixmatch/merge/checkpoint"
	"mixmatch/merge/checkpoint/safetensors"
	"mixmatch/merge/dialect"
	"mixmatch/merge/open"
)

// write writes a file of F16 tensors of two numbers, which depend on their names,
// and returns its path.
func write(t *testing.T, path string, names ...string) string {
	t.Helper()
	var tensors []checkpoint.Tensor
	for _, n := range names {
		tensors = append(tensors, checkpoint.Tensor{Name: n, DType: checkpoint.F16, Shape: []int{2}})
	}
	w, err := safetensors.Create(path, tensors, nil, false)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Abort()
	for _, k := range w.Tensors() {
		if _, err := w.Write([]byte{k.Name[0], k.Name[1], k.Name[2], k.Name[len(k.Name)-1]}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Commit(); err != nil {
		t.Fatal(err)
	}
	return path
}

const (
	unet = "output_blocks.0.0.in_layers.2.weight"
	text = "text_model.embeddings.token_embedding.weight"
	vae  = "decoder.mid.block_1.conv1.weight"
)

func TestSeveral(t *testing.T) {
	dir := t.TempDir()
	a, b, c := write(t, filepath.Join(dir, "unet+x.safetensors"), unet, "betas"), write(t, filepath.Join(dir, "clip"), text, "encoder.layers.11.layer_norm1.weight"), write(t, filepath.Join(dir, "vae.st"), vae, "betas")
	other := write(t, filepath.Join(dir, "other"), "first_stage_model."+vae)
	path := strings.Join([]string{a, b, c}, "+")
	if got := open.Paths(path); !slices.Equal(got, []string{a, b, c}) {
		t.Fatalf("Paths = %q", got)
	}
	f, err := open.File(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var names []string
	for _, k := range f.Tensors() {
		names = append(names, k.Name)
	}
	want := []string{
		"betas", "cond_stage_model.transformer.encoder.layers.11.layer_norm1.weight",
		"cond_stage_model.transformer.text_model.embeddings.token_embedding.weight", "first_stage_model." + vae, "model.diffusion_model." + unet,
	}
	want[1] = "cond_stage_model.transformer.text_model.encoder.layers.11.layer_norm1.weight"
	slices.Sort(want)
	if !slices.Equal(names, want) {
		t.Errorf("tensors %q", names)
	}
	if f.Path() != path || !slices.Equal(f.Files(), []string{a, b, c}) || f.Format() != "safetensors" {
		t.Errorf("%s of %q, %s", f.Path(), f.Files(), f.Format())
	}
	if notes := strings.Join(f.Notes(), "; "); !strings.Contains(notes, `"betas" of `+c+" passed over") {
		t.Errorf("notes %s", notes)
	}
	k, _ := f.Tensor("first_stage_model." + vae)
	data := make([]byte, 4)
	if err := f.ReadBytes(data, k, 0); err != nil || string(data) != "dect" {
		t.Errorf("%q, %v", data, err)
	}

	stamp := f.Stamp()
	one, err := open.File(a)
	if err != nil {
		t.Fatal(err)
	}
	one.Close()
	if s := one.Stamp(); stamp.Size <= s.Size || stamp.Header == s.Header || stamp.ModTime.Before(s.ModTime) {
		t.Errorf("the stamp of all %v, of one %v", stamp, s)
	}
	if err := os.WriteFile(b, []byte("longer than it was, by far, and no model"), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := f.Changed(); !errors.Is(err, checkpoint.ErrChanged) || !strings.Contains(err.Error(), b) {
		t.Errorf("one of the files has changed: %v", err)
	}

	if _, err := open.File(c + "+" + other); !errors.Is(err, dialect.ErrTwice) || !strings.Contains(err.Error(), c+" and "+other+" both hold a VAE") {
		t.Errorf("two VAEs: %v", err)
	}
	if _, err := open.File(a + "+" + b); !errors.Is(err, checkpoint.ErrFormat) || !strings.Contains(err.Error(), b) {
		t.Errorf("a broken one: %v", err)
	}
	if _, err := open.File(a + "+" + filepath.Join(dir, "nothere")); !errors.Is(err, os.ErrNotExist) || strings.Contains(err.Error(), "unet") {
		t.Errorf("one that is not there: %v", err)
	}
	if _, err := open.File(filepath.Join(dir, "x+y")); !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), "x+y") {
		t.Errorf("one that was not meant as several: %v", err)
	}
}

func TestAbs(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	write(t, "a", unet)
	write(t, "b+c", vae)
	got, err := open.Abs("a+b+c")
	if want := filepath.Join(dir, "a") + "+" + filepath.Join(dir, "b+c"); err != nil || got != want {
		t.Errorf("Abs = %s, %v; want %s", got, err, want)
	}
	if got := open.Paths(got); len(got) != 2 {
		t.Errorf("Paths = %q", got)
	}
}
