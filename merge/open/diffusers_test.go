package open_test

import (
	"flag"
	"hash/fnv"
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"mixmatch/merge/block"
	"mixmatch/merge/checkpoint"
	"mixmatch/merge/checkpoint/safetensors"
	"mixmatch/merge/open"
)

// Python, for tests that need PyPI's diffusers, transformers and torch: see the make
// target diffusers-oracle.
var python = flag.String("python", "", "a Python that has diffusers")

// small writes a small model of random numbers.
func small(t *testing.T, path string, arch block.Arch, div int) {
	t.Helper()
	var tensors []checkpoint.Tensor
	for _, s := range block.Scaled(arch, div) {
		if !s.Integer { // transformers no longer writes position ids
			tensors = append(tensors, checkpoint.Tensor{Name: s.Name, DType: checkpoint.F32, Shape: s.Shape})
		}
	}
	w, err := safetensors.Create(path, tensors, nil, false)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Abort()
	for _, k := range w.Tensors() {
		h := fnv.New64a()
		h.Write([]byte(k.Name))
		r := rand.New(rand.NewPCG(h.Sum64(), 0))
		x := make([]float32, k.Len())
		for i := range x {
			x[i] = float32(r.NormFloat64())
		}
		b := make([]byte, k.Bytes())
		checkpoint.F32.Narrow(b, x)
		if _, err := w.Write(b); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Commit(); err != nil {
		t.Fatal(err)
	}
}

// TestDiffusersItself reads folders that diffusers and transformers wrote, and
// compares them with the single files whose tensors these programs put there.
func TestDiffusersItself(t *testing.T) {
	if *python == "" {
		t.Skip("make diffusers-oracle runs it")
	}
	dir := t.TempDir()
	archs := map[block.Arch]int{block.SD1: 20, block.SD2: 20, block.SDXL: 20, block.Flux: 64, "sd3-24": 64, "sd3-38": 16}
	for arch, div := range archs {
		small(t, filepath.Join(dir, string(arch)+".safetensors"), arch, div)
	}
	if out, err := exec.Command(*python, "../../.ci/folders.py", dir).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for arch := range archs {
		plain, err := open.File(filepath.Join(dir, string(arch)+".safetensors"))
		if err != nil {
			t.Fatal(err)
		}
		defer plain.Close()
		folder, err := open.File(filepath.Join(dir, string(arch)))
		if err != nil {
			t.Fatal(err)
		}
		defer folder.Close()
		equal := 0
		for _, k := range folder.Tensors() {
			want, ok := plain.Tensor(k.Name)
			if !ok {
				t.Errorf("%s: %s, in the file %s, is too many", arch, k.Name, folder.OwnName(k))
				continue
			}
			a, b := make([]byte, k.Bytes()), make([]byte, want.Bytes())
			if err := folder.ReadBytes(a, k, 0); err != nil {
				t.Fatal(err)
			}
			if err := plain.ReadBytes(b, want, 0); err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(k.Shape, want.Shape) || string(a) != string(b) {
				t.Errorf("%s: %s, in the file %s, is another tensor", arch, k.Name, folder.OwnName(k))
			}
			equal++
		}
		var lost []string
		for _, k := range plain.Tensors() {
			if _, ok := folder.Tensor(k.Name); !ok && !strings.HasSuffix(k.Name, ".logit_scale") &&
				(arch != block.SD2 || !strings.Contains(k.Name, ".resblocks.23.") && !strings.HasSuffix(k.Name, ".text_projection")) {
				lost = append(lost, k.Name)
			}
		}
		if len(lost) > 0 {
			t.Errorf("%s: %d tensors are lost, such as %s", arch, len(lost), lost[0])
		}
		t.Logf("%s: %d tensors are the same; dialects %v; notes %q", arch, equal, folder.Dialects(), folder.Notes())
	}
}
