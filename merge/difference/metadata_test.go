package difference

import (
	"encoding/binary"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mixmatch/merge/checkpoint"
	"mixmatch/merge/checkpoint/safetensors"
)

// adapted writes an adapter of rank 4 as PEFT does, with its settings, and
// returns its file.
func adapted(t *testing.T, config string) *checkpoint.File {
	t.Helper()
	path := filepath.Join(t.TempDir(), adapterFile)
	w, err := safetensors.Create(path, []checkpoint.Tensor{
		{Name: "base_model.model.mid_block.attentions.0.proj_in.lora_A.weight", DType: "F32", Shape: []int{4, 1}},
		{Name: "base_model.model.mid_block.attentions.0.proj_in.lora_B.weight", DType: "F32", Shape: []int{1, 4}},
	}, nil, false)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(make([]byte, 32)); err != nil {
		t.Fatal(err)
	}
	if err := w.Commit(); err != nil {
		t.Fatal(err)
	}
	if config != "" {
		if err := os.WriteFile(filepath.Join(filepath.Dir(path), adapterConfig), []byte(config), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	f, err := safetensors.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func TestAdapterConfig(t *testing.T) {
	for config, want := range map[string]float64{
		"":                  1,
		`{"lora_alpha": 3}`: 0.75,
		`{"lora_alpha": 3, "peft_type": "LORA", "use_rslora": true}`:                             1.5,
		`{"lora_alpha": 3, "alpha_pattern": {"proj_in": 2}}`:                                     0.5,
		`{"lora_alpha": 3, "alpha_pattern": {".*attentions.0.proj_in": 2, "attn1": 1}}`:          0.5,
		`{"lora_alpha": 3, "alpha_pattern": {"oj_in": 2}}`:                                       0.75,
		`{"lora_alpha": 3, "alpha_pattern": {"mid_block.attentions.0.proj_in": 2, "proj_in":2}}`: 0.5,
	} {
		l, err := Read(adapted(t, config))
		if err != nil {
			t.Errorf("%s: %v", config, err)
		} else if got := l.changes[0].scale; got != want {
			t.Errorf("%s: scale %v; want %v", config, got, want)
		} else if said := strings.Contains(strings.Join(l.Notes(), ""), adapterConfig); said != (config == "") {
			t.Errorf("%s: notes %v", config, l.Notes())
		}
	}
	for config, say := range map[string]string{
		`{`:                                      "cannot be read",
		`{}`:                                     "",
		`{"r": 4}`:                               "no lora_alpha",
		`{"lora_alpha":"3"}`:                     "cannot be read",
		`{"lora_alpha":3,"use_dora":true}`:       "DoRA",
		`{"lora_alpha":3,"fan_in_fan_out":true}`: "fan_in_fan_out",
		`{"lora_alpha":3,"peft_type":"LOHA"}`:    "LOHA",
		`{"lora_alpha":3,"alpha_pattern":{"(":1}}`:                "pattern",
		`{"lora_alpha":3,"alpha_pattern":{"proj_in":1,".*in":2}}`: "two alphas",
		strings.Repeat(" ", mostConfig+1):                         "too long",
	} {
		_, err := Read(adapted(t, config))
		if !errors.Is(err, checkpoint.ErrFormat) || !strings.Contains(err.Error(), say) {
			t.Errorf("%.50s: %v does not say %s", config, err, say)
		}
	}
}

// TestStampHasSettings: other settings make other numbers, and so another stamp,
// which is the same before the file is expanded and after.
func TestStampHasSettings(t *testing.T) {
	seen := map[string]bool{}
	for _, config := range []string{"", `{"lora_alpha": 3}`, `{"lora_alpha": 4}`} {
		l, err := Read(adapted(t, config))
		if err != nil {
			t.Fatal(err)
		}
		e, err := l.Expand(shapes(map[string][]int{"model.diffusion_model.middle_block.1.proj_in.weight": {1, 1}}))
		if err != nil {
			t.Fatal(err)
		}
		f, err := l.Checkpoint()
		if err != nil {
			t.Fatal(err)
		}
		if f.Stamp() != e.Info().Stamp {
			t.Errorf("%s: stamp %v as it is stored, %v expanded", config, f.Stamp(), e.Info().Stamp)
		}
		seen[f.Stamp().Header] = true
	}
	if len(seen) != 3 {
		t.Errorf("%d stamps", len(seen))
	}
}

// TestSettingsChange: settings that are changed, taken away or put there after the
// file was read are a change of it.
func TestSettingsChange(t *testing.T) {
	for _, c := range [][2]string{{`{"lora_alpha": 3}`, `{"lora_alpha": 4}`}, {`{"lora_alpha": 3}`, ""}, {"", `{"lora_alpha": 3}`}} {
		raw := adapted(t, c[0])
		l, err := Read(raw)
		if err != nil {
			t.Fatal(err)
		}
		f, err := l.Checkpoint()
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Changed(); err != nil {
			t.Errorf("%s: %v", c[0], err)
		}
		config := filepath.Join(filepath.Dir(raw.Path()), adapterConfig)
		if c[1] == "" {
			err = os.Remove(config)
		} else {
			err = os.WriteFile(config, []byte(c[1]), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Changed(); !errors.Is(err, checkpoint.ErrChanged) || !strings.Contains(err.Error(), adapterConfig) {
			t.Errorf("%s, then %s: %v", c[0], c[1], err)
		}
	}
}

// TestDiffusersMetadata: the text encoder's alpha is not the UNet's.
func TestDiffusersMetadata(t *testing.T) {
	tensors := map[string]numbers{
		"unet.conv_in.lora_A.weight":                                     of([]float32{1}, 1, 1),
		"unet.conv_in.lora_B.weight":                                     of([]float32{1}, 1, 1),
		"text_encoder.text_model.encoder.layers.0.mlp.fc1.lora_A.weight": of([]float32{1}, 1, 1),
		"text_encoder.text_model.encoder.layers.0.mlp.fc1.lora_B.weight": of([]float32{1}, 1, 1),
	}
	l, err := Read(file(t, tensors, map[string]string{"lora_adapter_metadata": `{"unet.lora_alpha": 2, "text_encoder.lora_alpha": 3, "unet.r": 1}`}))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range l.changes {
		if want := map[network]float64{unet: 2, textAny: 3}[c.path.network]; c.scale != want {
			t.Errorf("%s: scale %v; want %v", c.module, c.scale, want)
		}
	}
	_, err = Read(file(t, tensors, map[string]string{"lora_adapter_metadata": "{}"}))
	if !errors.Is(err, checkpoint.ErrFormat) {
		t.Errorf("%v", err)
	}
}

// TestAlphaOfIntegers: some tools write alpha as they have the rank.
func TestAlphaOfIntegers(t *testing.T) {
	for dtype, b := range map[checkpoint.DType][]byte{
		"I64": binary.LittleEndian.AppendUint64(nil, 3), "I32": binary.LittleEndian.AppendUint32(nil, 3),
		"I16": {0xfd, 0xff}, "BF16": {0x40, 0x40}, "F64": binary.LittleEndian.AppendUint64(nil, math.Float64bits(3)), "U8": {3},
	} {
		m := &memory{
			tensors: []checkpoint.Tensor{
				{Name: module1 + ".lora_up.weight", DType: "F32", Shape: []int{1, 1}},
				{Name: module1 + ".lora_down.weight", DType: "F32", Shape: []int{1, 1}},
				{Name: module1 + ".alpha", DType: dtype},
			},
			bytes: [][]byte{make([]byte, 4), make([]byte, 4), b},
		}
		f, err := checkpoint.New(m)
		if err != nil {
			t.Fatal(err)
		}
		l, err := Read(f)
		want := map[checkpoint.DType]float64{"I16": -3}[dtype]
		if want == 0 {
			want = 3
		}
		switch {
		case dtype == "U8":
			if !errors.Is(err, checkpoint.ErrFormat) {
				t.Errorf("%s: %v", dtype, err)
			}
		case err != nil || l.changes[0].scale != want:
			t.Errorf("%s: %v, %+v; want %v", dtype, err, l, want)
		}
	}
}
