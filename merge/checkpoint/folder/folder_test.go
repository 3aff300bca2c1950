package folder

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"mixmatch/merge/checkpoint"
	"mixmatch/merge/checkpoint/safetensors"
)

// write writes a file of tensors of one number, given as NAME or NAME=letter.
func write(t testing.TB, path string, tensors ...string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	var list []checkpoint.Tensor
	data := map[string]string{}
	for _, s := range tensors {
		name, letter, _ := strings.Cut(s, "=")
		list = append(list, checkpoint.Tensor{Name: name, DType: "U8", Shape: []int{1}})
		data[name] = (letter + "?")[:1]
	}
	w, err := safetensors.Create(path, list, map[string]string{"format": "pt"}, false)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Abort()
	for _, k := range w.Tensors() {
		if _, err := w.Write([]byte(data[k.Name])); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Commit(); err != nil {
		t.Fatal(err)
	}
}

func text(t testing.TB, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
}

// contents returns the tensors of c, sorted, each with its number.
func contents(t testing.TB, c checkpoint.Container) string {
	t.Helper()
	var all []string
	for i, k := range c.Tensors() {
		b := make([]byte, 1)
		if err := c.ReadBytes(b, i, 0); err != nil {
			t.Fatal(err)
		}
		all = append(all, k.Name+"="+string(b))
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}

const sd = `{"_class_name": "StableDiffusionPipeline", "_diffusers_version": "0.6.0",
	"feature_extractor": ["transformers", "CLIPImageProcessor"], "safety_checker": ["stable_diffusion", "StableDiffusionSafetyChecker"],
	"image_encoder": [null, null], "requires_safety_checker": true, "scheduler": ["diffusers", "PNDMScheduler"],
	"text_encoder": ["transformers", "CLIPTextModel"], "tokenizer": ["transformers", "CLIPTokenizer"],
	"unet": ["diffusers", "UNet2DConditionModel"], "vae": ["diffusers", "AutoencoderKL"], "../evil": ["a", "b"]}`

func TestFolder(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, filepath.FromSlash(name)) }
	text(t, at("model_index.json"), sd)
	write(t, at("unet/diffusion_pytorch_model.fp16.safetensors"), "x=h")
	write(t, at("unet/diffusion_pytorch_model.non_ema.safetensors"), "x=n")
	write(t, at("unet/diffusion_pytorch_model.safetensors"), "x=f", "y=y")
	text(t, at("unet/config.json"), "{}")
	text(t, at("unet/diffusion_pytorch_model.bin"), "a pickle")
	write(t, at("text_encoder/model.fp16.safetensors"), "x=t")
	write(t, at("safety_checker/model.safetensors"), "x=s")
	write(t, at("tokenizer/vocab.json"), "x")
	c, err := Open(dir, safetensors.OpenContainer)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if got, want := contents(t, c), "text_encoder.x=t unet.x=f unet.y=y"; got != want {
		t.Errorf("tensors %s; want %s", got, want)
	}
	info := c.Info()
	notes := strings.Join(info.Notes, "\n")
	for _, want := range []string{
		at("unet/diffusion_pytorch_model.safetensors") + " is taken, not diffusion_pytorch_model.bin, diffusion_pytorch_model.fp16.safetensors, diffusion_pytorch_model.non_ema.safetensors; ",
		"model_index.json names a vae, which is not there", "safety_checker is passed over",
	} {
		if !strings.Contains(notes, want) {
			t.Errorf("notes lack %q: %s", want, notes)
		}
	}
	if len(info.Notes) != 3 {
		t.Errorf("notes %q", info.Notes)
	}
	if info.Path != dir || info.Format != "diffusers folder of safetensors" || info.Metadata["format"] != "pt" ||
		!slices.Equal(info.Files, []string{at("unet/diffusion_pytorch_model.safetensors"), at("text_encoder/model.fp16.safetensors")}) {
		t.Errorf("info %+v", info)
	}
	c.Close() // Windows removes no file that is open
	if err := os.Remove(at("text_encoder/model.fp16.safetensors")); err != nil {
		t.Fatal(err)
	}
	write(t, at("text_encoder/model.fp16.safetensors"), "x=t", "more=t")
	again, err := Open(dir, safetensors.OpenContainer)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if a, b := info.Stamp, again.Info().Stamp; a.Header == b.Header || a.Size == b.Size {
		t.Errorf("stamps %v and %v", a, b)
	}
}

// TestBroken opens folders that cannot be read.
func TestBroken(t *testing.T) {
	for name, tt := range map[string]struct {
		make func(dir string)
		want string
	}{
		"nothing in it":       {func(dir string) { text(t, filepath.Join(dir, "model_index.json"), sd) }, "a folder without a model"},
		"no JSON":             {func(dir string) { text(t, filepath.Join(dir, "model_index.json"), "x") }, "no JSON object"},
		"a broken network":    {func(dir string) { text(t, filepath.Join(dir, "vae", "model.safetensors"), "x") }, "model.safetensors"},
		"a network not there": {func(dir string) { link(t, filepath.Join(dir, "unet", "model.safetensors")) }, "model.safetensors: "},
		"shards missing": {func(dir string) {
			text(t, filepath.Join(dir, "unet", "model.safetensors.index.json"), `{"weight_map": {"x": "model-00001-of-00001.safetensors"}}`)
		}, "the shard model-00001-of-00001.safetensors is missing"},
	} {
		dir := t.TempDir()
		tt.make(dir)
		if c, err := Open(dir, safetensors.OpenContainer); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, %v; want %s", name, c, err, tt.want)
		}
	}
}

// link makes a link to nothing, as in a cache whose files were removed, or a file that cannot be read either where there are
// no links. (Wine makes them in name only.)
func link(t *testing.T, path string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if os.Symlink("nothing", path) == nil {
		if _, err := os.Lstat(path); err == nil {
			return
		}
	}
	text(t, path, "no link")
}

func TestIsModel(t *testing.T) {
	for _, tt := range []struct {
		files []string
		want  bool
	}{
		{nil, false},
		{[]string{"a.safetensors", "b.safetensors", "config.json"}, false},
		{[]string{"model.safetensors"}, false}, // a model among others, in a folder of them
		{[]string{"unet.safetensors", "notes/model.safetensors"}, false},
		{[]string{"model_index.json"}, true},
		{[]string{"unet/diffusion_pytorch_model.bin"}, true},
		{[]string{"vae/diffusion_pytorch_model.fp16.safetensors"}, true},
		{[]string{"vae/sdxl_vae.safetensors"}, false},
		{[]string{"text_encoder/model.safetensors.index.fp16.json"}, true},
		{[]string{"text_encoder/pytorch_model-00001-of-00002.bin"}, false},
		{[]string{"diffusion_pytorch_model.safetensors", "config.json"}, true},
	} {
		dir := t.TempDir()
		for _, f := range tt.files {
			text(t, filepath.Join(dir, filepath.FromSlash(f)), "")
		}
		if got := IsModel(dir); got != tt.want {
			t.Errorf("%q: %v", tt.files, got)
		}
	}
	if IsModel(filepath.Join(t.TempDir(), "nothing")) {
		t.Error("what is not there is a model")
	}
}

func TestOrder(t *testing.T) {
	dir := t.TempDir()
	want := []string{
		"model.safetensors", "model.safetensors.index.json", "pytorch_model.bin",
		"model.fp16.safetensors", "model.safetensors.index.fp16.json", "pytorch_model.fp16.bin", "model.bf16.safetensors", "model.ema.safetensors",
	}
	for _, f := range append(want, "model.fp16.msgpack", "model.onnx", "model-00001-of-00002.safetensors", "other.safetensors", "model.safetensors.tmp", "model.json") {
		text(t, filepath.Join(dir, f), "")
	}
	all, err := weights(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, w := range all {
		got = append(got, w.name)
	}
	if !slices.Equal(got, want) {
		t.Errorf("order %q\nwant  %q", got, want)
	}
}

func TestShards(t *testing.T) {
	one, two := "m-00001-of-00002.safetensors", "m-00002-of-00002.safetensors"
	long := strings.Repeat(" ", 10)
	for _, tt := range []struct{ name, index, want string }{
		{"sound", long + `{"metadata": {"total_size": 3}, "weight_map": {"a": "` + one + `", "c": "` + two + `", "b": "` + one + `"}}`, ""},
		{"outside", `{"weight_map": {"a": "../x.safetensors"}}`, "not a file in the same folder"},
		{"below", `{"weight_map": {"a": "x/y.safetensors"}}`, "not a file in the same folder"},
		{"absolute", `{"weight_map": {"a": "/etc/passwd"}}`, "not a file in the same folder"},
		{"of Windows", `{"weight_map": {"a": "C:\\x"}}`, "not a file in the same folder"},
		{"a stream", `{"weight_map": {"a": "x:y"}}`, "not a file in the same folder"},
		{"the folder", `{"weight_map": {"a": "."}}`, "not a file in the same folder"},
		{"empty", `{"weight_map": {"a": ""}}`, "not a file in the same folder"},
		{"itself", `{"weight_map": {"a": "model.safetensors.index.json"}}`, "JSON text"},
		{"missing shard", `{"weight_map": {"a": "m-00003-of-00003.safetensors"}}`, "m-00003-of-00003.safetensors is missing: download it too"},
		{"missing tensor", `{"weight_map": {"a": "` + one + `", "z": "` + two + `"}}`, `tensor "z" is not in ` + two},
		{"in two shards", `{"weight_map": {"a": "` + one + `", "b": "` + two + `", "c": "` + two + `"}}`, `tensor "b" is in the shard ` + one + ", and according to the index in " + two},
		{"in the other shard", `{"weight_map": {"a": "` + one + `", "c": "` + one + `", "d": "` + two + `"}}`, `tensor "c" is in the shard ` + two},
		{"twice in the index", `{"weight_map": {"a": "` + one + `", "a": "` + two + `"}}`, `tensor "a" occurs twice`},
		{"two maps", `{"weight_map": {"a": "` + one + `"}, "weight_map": {"a": "` + one + `"}}`, "weight_map occurs twice"},
		{"a number", `{"weight_map": {"a": 1}}`, `the shard of "a" is no text`},
		{"an object", `{"weight_map": {"a": {"b": "c"}}}`, `the shard of "a" is no text`},
		{"a list", `{"weight_map": ["a"]}`, "no object"},
		{"nothing", `{"weight_map": {}}`, "lists nothing"},
		{"no map", `{"weights": {}, "x": "\"weight_map\""}`, "lists nothing"},
		{"cut off", `{"weight_map": {"a": "` + one, "no sound JSON"},
		{"more behind it", `{"weight_map": {"a": "` + one + `"}} {}`, "no sound JSON"},
	} {
		dir := t.TempDir()
		write(t, filepath.Join(dir, one), "a=1", "b=2")
		write(t, filepath.Join(dir, two), "c=3", "d=4")
		path := filepath.Join(dir, "model.safetensors.index.json")
		text(t, path, tt.index)
		c, err := OpenIndex(path, safetensors.OpenContainer)
		if tt.want != "" {
			if !errors.Is(err, checkpoint.ErrFormat) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%s: %v; want %s", tt.name, err, tt.want)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if got := contents(t, c); got != "a=1 b=2 c=3" {
			t.Errorf("tensors %s", got)
		}
		info := c.Info()
		if notes := strings.Join(info.Notes, " "); !strings.Contains(notes, `1 tensors such as "d" are passed over`) {
			t.Errorf("notes %s", notes)
		}
		if info.Format != "safetensors shards" || info.Path != path || len(info.Files) != 3 {
			t.Errorf("info %+v", info)
		}
		if !RecognizesIndex([]byte(tt.index)) || RecognizesIndex([]byte(`{"error": "no"}`)) {
			t.Error("an index is not told from other JSON")
		}
		c.Close()
	}
}

// FuzzIndex reads indexes. Whatever they say, no shard lies in another folder.
func FuzzIndex(f *testing.F) {
	for _, s := range []string{
		`{"metadata": {"total_size": 3}, "weight_map": {"a": "x.safetensors", "b": "y"}}`, `{"weight_map": {"a": "../x"}}`, `{"weight_map": {`,
		`{"weight_map": {"a": "x"}, "weight_map": {}}`, `[]`, `{"weight_map": {"a": 1e999}}`, `{"\u0000": [], "weight_map": {"\ud800": "\u0000"}}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		dir := filepath.Join(t.TempDir(), "in", "here")
		text(t, filepath.Join(dir, "index"), string(b))
		c, err := OpenIndex(filepath.Join(dir, "index"), func(path string) (checkpoint.Container, error) {
			if rel, err := filepath.Rel(dir, path); err != nil || rel != filepath.Base(path) || rel == ".." {
				t.Errorf("opens %q", path)
			}
			return nil, os.ErrNotExist
		})
		if err == nil || c != nil {
			t.Error("an index of nothing was opened")
		}
	})
}
