package block

import (
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestKeys compares the generator with lists made independently.
func TestKeys(t *testing.T) {
	want := map[Arch][]string{}
	for _, f := range lines(t, "keys.txt.gz") {
		want[Arch(f[0])] = append(want[Arch(f[0])], strings.Join(f[1:], " "))
	}
	for _, arch := range append(Archs(), "sd3-24") {
		var got []string
		for _, s := range Keys(arch) {
			dims := make([]string, len(s.Shape))
			for i, d := range s.Shape {
				dims[i] = strconv.Itoa(d)
			}
			got = append(got, strings.TrimSpace(s.Name+" "+strings.Join(dims, "x")))
		}
		slices.Sort(got)
		slices.Sort(want[arch])
		if len(got) != len(want[arch]) {
			t.Errorf("%s: %d keys; want %d", arch, len(got), len(want[arch]))
		}
		for i := range min(len(got), len(want[arch])) {
			if got[i] != want[arch][i] {
				t.Fatalf("%s: %s; want %s", arch, got[i], want[arch][i])
			}
		}
	}
}

func TestTotals(t *testing.T) {
	for _, tt := range []struct {
		arch                   Arch
		keys, unet, text, vaes int // keys, and elements of the parts
	}{
		{SD1, 1131, 859520964, 123060480, 83653863},
		{SDXL, 2515, 2567463684, 817720320 + 1, 83653863},
		{Refiner, 1858, 2259526660, 694659841, 83653863},
		// The transformers of FLUX.1, SD3 medium and 3.5 large have 11,901,408,320,
		// 2,028,328,000 and 8,056,627,520 without the table of positions.
		{Flux, 1439, 11901408320, 4762310656 + 123060480, 83819683},
		{"sd3-24", 1668, 2028328000 + 192*192*1536, 5580620800, 83819683},
		{"sd3-38", 2100, 8056627520 + 192*192*2432, 5580620800, 83819683},
	} {
		n := map[Part]int{}
		keys := Keys(tt.arch)
		for _, s := range keys {
			if !s.Integer {
				n[PartOf(s.Name)] += s.Len()
			}
		}
		if len(keys) != tt.keys || n[UNet] != tt.unet || n[VAE] != tt.vaes || n[TextEncoder] != tt.text {
			t.Errorf("%s: %d keys, %v", tt.arch, len(keys), n)
		}
	}
}

func TestScaled(t *testing.T) {
	for _, arch := range append(Archs(), "sd3-24", "sd3-38") {
		full := Keys(arch)
		for _, div := range []int{-1, 1, 7, 10, 40, 1e6} {
			small := Scaled(arch, div)
			if len(small) != len(full) {
				t.Fatalf("%s/%d: %d keys; want %d", arch, div, len(small), len(full))
			}
			shapes := map[string][]int{}
			for i, s := range small {
				f := full[i]
				if s.Name != f.Name || len(s.Shape) != len(f.Shape) || s.Integer != f.Integer {
					t.Fatalf("%s/%d: %v; want one like %v", arch, div, s, f)
				}
				for j, d := range s.Shape {
					if d < 1 || d > f.Shape[j] {
						t.Fatalf("%s/%d: %s is %v; full size %v", arch, div, s.Name, s.Shape, f.Shape)
					}
				}
				shapes[s.Name] = s.Shape
			}
			m, err := Detect(shapes)
			want := Model{Arch: arch}
			if arch == "sd3-38" {
				want.Variant = "3.5"
			}
			if err != nil || m != want {
				t.Errorf("%s/%d: detected %v, %v", arch, div, m, err)
			}
		}
	}
	if Keys("sd9") != nil {
		t.Error("keys of an unknown architecture")
	}
}

func TestPartOf(t *testing.T) {
	for _, tt := range []struct{ key, want string }{
		{"model.diffusion_model.out.2.bias", "UNet"},
		{"cond_stage_model.model.ln_final.bias", "text encoder"},
		{"conditioner.embedders.1.model.logit_scale", "text encoder"},
		{"first_stage_model.quant_conv.bias", "VAE"},
		{"model_ema.diffusion_modelout2bias", "EMA"},
		{"betas", "other"},
		{"", "other"},
	} {
		if got := PartOf(tt.key).String(); got != tt.want {
			t.Errorf("PartOf(%q) = %s; want %s", tt.key, got, tt.want)
		}
	}
}

func FuzzOf(f *testing.F) {
	for _, key := range []string{
		"", ".", "model.diffusion_model.input_blocks.", "model.diffusion_model.input_blocks.99999999999999999999.weight",
		"model.diffusion_model.output_blocks.-1.bias", "model.diffusion_model.input_blocks.+1.bias", "model.out.weight",
		"model.diffusion_model.input_blocks.11.0.in_layers.0.weight", "model_ema.time_embed.bias", "\xff.middle_block.weight model",
		"cond_stage_model.transformer.embeddings.", "conditioner.embedders.0.model.weight", "MID00", "OUT0\u0660",
	} {
		f.Add(key)
	}
	all := everyLayout(f)
	f.Fuzz(func(t *testing.T, key string) {
		for _, l := range all {
			if id, ok := l.Of(key); ok && int(id) >= l.Len() {
				t.Errorf("%s: Of(%q) = %d", l, key, id)
			}
			if id, ok := l.Index(key); ok && int(id) >= l.Len() {
				t.Errorf("%s: Index(%q) = %d", l, key, id)
			}
		}
	})
}
