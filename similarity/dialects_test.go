package similarity_test

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"mixmatch/merge"
	"mixmatch/merge/checkpoint"
	"mixmatch/merge/checkpoint/safetensors"
	"mixmatch/merge/checkpoint/torch/torchtest"
	"mixmatch/similarity"
)

// spelling returns what a file calls a tensor, and its shape there; "" leaves it out.
type spelling func(key string, shape []int) (string, []int)

// rewrite writes the tensors of m to path, as spell has them.
func rewrite(t *testing.T, m *merge.Model, path string, spell spelling) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	from := map[string]checkpoint.Tensor{}
	var tensors []checkpoint.Tensor
	for _, k := range m.File.Tensors() {
		if name, shape := spell(k.Name, k.Shape); name != "" {
			from[name] = k
			tensors = append(tensors, checkpoint.Tensor{Name: name, DType: k.DType, Shape: shape})
		}
	}
	w, err := safetensors.Create(path, tensors, nil, false)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Abort()
	for _, q := range w.Tensors() {
		b := make([]byte, q.Bytes())
		if err := m.ReadBytes(b, from[q.Name], 0); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(b); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Commit(); err != nil {
		t.Fatal(err)
	}
	return path
}

// pickled writes what is in a file as torch.save does.
func pickled(t *testing.T, from, path string, save func(dict any) []byte) string {
	t.Helper()
	f, err := safetensors.Open(from)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	dict, err := torchtest.StateDict(f)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, save(dict), 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

// diffusers returns the names of diffusers for keys of SD 1.5, as FOLDER/NAME.
func diffusers(t *testing.T) map[string]string {
	t.Helper()
	f, err := os.Open("../merge/dialect/testdata/diffusers.txt.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]string{}
	for s := bufio.NewScanner(z); s.Scan(); {
		if p := strings.Fields(s.Text()); p[0] == "sd1" {
			names[p[2]] = p[1]
		}
	}
	return names
}

// TestDialects measures one model in many dialects and containers. The products, and
// the digests of what is in the files, are the same to the bit.
func TestDialects(t *testing.T) {
	plain, other := write(t, "A", 1, "F16", nil, nil), write(t, "B", 2, "F16", nil, nil)
	target := write(t, "T", 3, "F16", nil, nil)
	names := diffusers(t)
	dir := t.TempDir()
	at := func(path ...string) string { return filepath.Join(append([]string{dir}, path...)...) }

	prefix := func(pairs ...string) spelling {
		return func(key string, shape []int) (string, []int) {
			for i := 0; i < len(pairs); i += 2 {
				if rest, ok := strings.CutPrefix(key, pairs[i]); ok {
					return pairs[i+1] + rest, shape
				}
			}
			return "", nil
		}
	}
	// The tensors of one folder, behind a prefix, whose attention is of linear layers
	// in the VAE.
	of := func(folder, prefix string) spelling {
		return func(key string, shape []int) (string, []int) {
			rest, ok := strings.CutPrefix(names[key], folder+"/")
			if !ok {
				return "", nil
			}
			if folder == "vae" && strings.Contains(rest, ".attentions.") && len(shape) == 4 {
				shape = shape[:2]
			}
			return prefix + rest, shape
		}
	}
	whole := func(key string, shape []int) (string, []int) {
		for _, folder := range []string{"unet", "vae", "text_encoder"} {
			if name, s := of(folder, folder+".")(key, shape); name != "" {
				return name, s
			}
		}
		return "", nil
	}
	const unet, vae, clip = "model.diffusion_model.", "first_stage_model.", "cond_stage_model.transformer."

	rewrite(t, plain, at("sd", "unet", "diffusion_pytorch_model.safetensors"), of("unet", ""))
	rewrite(t, plain, at("sd", "vae", "diffusion_pytorch_model.fp16.safetensors"), of("vae", ""))
	rewrite(t, plain, at("sd", "text_encoder", "model.safetensors"), of("text_encoder", ""))

	zip := func(dict any) []byte { return torchtest.Zip("archive", dict) }
	legacy := func(dict any) []byte {
		return torchtest.Legacy(torchtest.Dict{{"epoch", 3}, {"state_dict", dict}}, 2)
	}
	for _, part := range []string{"unet", "vae", "text_encoder"} {
		from := rewrite(t, plain, at("parts", part), of(part, ""))
		name := "diffusion_pytorch_model.bin"
		if part == "text_encoder" {
			name = "pytorch_model.bin"
		}
		pickled(t, from, at("bin", part, name), zip)
	}

	shards := map[string]string{}
	for i, part := range []spelling{prefix(unet, unet), prefix(vae, vae, clip, clip)} {
		name := []string{"m-00001-of-00002.safetensors", "m-00002-of-00002.safetensors"}[i]
		rewrite(t, plain, at("shards", name), func(key string, shape []int) (string, []int) {
			key, shape = part(key, shape)
			if key != "" {
				shards[key] = name
			}
			return key, shape
		})
	}
	index, err := json.Marshal(map[string]any{"metadata": map[string]any{"total_size": 1}, "weight_map": shards})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(at("shards", "m.safetensors.index.json"), index, 0o666); err != nil {
		t.Fatal(err)
	}

	measure := func(path string) *similarity.Gram {
		a, err := merge.OpenModel("A", path)
		if err != nil {
			t.Fatal(err)
		}
		defer a.Close()
		if notes := a.File.Notes(); len(notes) > 0 {
			t.Errorf("%s: notes %q", path, notes)
		}
		pool, err := merge.NewPool([]*merge.Model{a, other})
		if err != nil {
			t.Fatal(err)
		}
		all, err := similarity.MeasureAll(t.Context(), pool, []*merge.Model{target}, similarity.Options{Contents: true})
		if err != nil {
			t.Fatal(err)
		}
		return all[0]
	}
	want := measure(plain.File.Path())
	for name, path := range map[string]string{
		"a diffusers folder":     at("sd"),
		"PyTorch's zip":          pickled(t, plain.File.Path(), at("zip.ckpt"), zip),
		"PyTorch's old format":   pickled(t, plain.File.Path(), at("old.ckpt"), legacy),
		"a folder of PyTorch's":  at("bin"),
		"shards":                 at("shards", "m.safetensors.index.json"),
		"diffusers in one file":  rewrite(t, plain, at("one.safetensors"), whole),
		"wrapped":                rewrite(t, plain, at("wrapped.safetensors"), prefix("", "state_dict.module.")),
		"old names, no prefixes": rewrite(t, plain, at("old.safetensors"), prefix(unet, "", vae, "vae.", clip+"text_model.", clip)),
		"ComfyUI's names":        rewrite(t, plain, at("comfy.safetensors"), prefix(unet, "diffusion_model.", vae, vae, clip, "cond_stage_model.clip_l.transformer.")),
		"several files": strings.Join([]string{
			rewrite(t, plain, at("unet.safetensors"), prefix(unet, "")),
			rewrite(t, plain, at("clip_l.safetensors"), prefix(clip, "")),
			rewrite(t, plain, at("vae.safetensors"), of("vae", "")),
		}, "+"),
	} {
		if got := measure(path); !reflect.DeepEqual(got, want) {
			t.Errorf("%s has other products", name)
		}
	}
}
