package block

import (
	"bufio"
	"compress/gzip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// lines returns the fields of each line of a compressed file in testdata.
func lines(t *testing.T, name string) [][]string {
	t.Helper()
	f, err := os.Open(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	var all [][]string
	s := bufio.NewScanner(z)
	for s.Scan() {
		all = append(all, strings.Fields(s.Text()))
	}
	if s.Err() != nil {
		t.Fatal(s.Err())
	}
	return all
}

func layout(t testing.TB, arch Arch, era Era) *Layout {
	t.Helper()
	l, err := For(arch, era)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// everyArch returns the architectures, and some of each family.
func everyArch() []Arch {
	return append(Archs(), "sd3-24", "sd3-38", "auto:blocks*28+final_layer,x_embedder", "auto:a.x*120,b.x*2,c.layers*7,d.layers*3+*")
}

// everyLayout returns the layouts of those in all eras.
func everyLayout(t testing.TB) []*Layout {
	var all []*Layout
	for _, arch := range everyArch() {
		for _, era := range ErasOf(arch) {
			all = append(all, layout(t, arch, era))
		}
	}
	return all
}

// blockOf returns the name of key's block, "-" where it is not merged.
func blockOf(l *Layout, key string) string {
	id, ok := l.Of(key)
	if !ok {
		return "-"
	}
	return l.Name(id)
}

// TestRecorded compares every key with what SuperMerger itself answered.
func TestRecorded(t *testing.T) {
	seen := map[string]int{}
	for _, f := range lines(t, "blockmap.txt.gz") {
		name, key, want := f[0], f[1], f[2]
		seen[name]++
		arch, month, _ := strings.Cut(name, "/")
		era := Era("sm" + month)
		if month == "2025-11" {
			// Not one of the eras: it cannot merge SD1.x. It differs from the
			// one before in the embeddings only.
			era = SM2025
			if strings.Contains(key, "time_embed") || strings.Contains(key, "label_emb") {
				if want != "IN00" {
					t.Errorf("%s: recorded %s for %s", name, want, key)
				}
				continue
			}
		}
		if got := blockOf(layout(t, Arch(arch), era), key); got != want {
			t.Errorf("%s: Of(%q) = %s; want %s", name, key, got, want)
		}
	}
	for name, want := range map[string]int{
		"sd1/2023-06": 698, "sd1/2025-10": 698, "sd1/2025-11": 698, "sdxl/2025-10": 1687, "sdxl/2025-11": 1687,
		"flux/2025-10": 1439,
	} {
		if seen[name] != want {
			t.Errorf("%d keys recorded for %s; want %d", seen[name], name, want)
		}
	}
}

func TestOf(t *testing.T) {
	const (
		u    = "model.diffusion_model."
		clip = "cond_stage_model.transformer.text_model.embeddings."
		open = "cond_stage_model.model."
	)
	for _, tt := range []struct {
		arch               Arch
		key                string
		sm2025, sm23, meca string
	}{
		{SD1, u + "time_embed.0.weight", "OUT11", "IN00", "BASE"},
		{SD1, u + "input_blocks.0.0.bias", "IN00", "IN00", "IN00"},
		{SD1, u + "input_blocks.11.0.in_layers.0.weight", "IN11", "IN11", "IN11"},
		{SD1, u + "input_blocks.12.0.in_layers.0.weight", "-", "-", "-"},
		{SD1, u + "output_blocks.x.weight", "-", "-", "-"},
		{SD1, u + "middle_block.1.transformer_blocks.0.attn1.to_q.weight", "M00", "M00", "M00"},
		{SD1, u + "output_blocks.3.1.transformer_blocks.0.attn1.to_out.0.weight", "OUT03", "OUT03", "OUT03"},
		{SD1, u + "out.2.weight", "OUT11", "OUT11", "OUT11"},
		{SD1, "first_stage_model.decoder.conv_out.weight", "BASE", "BASE", "BASE"},
		{SD1, clip + "position_ids", "-", "-", "-"},
		{SD1, "cond_stage_model.transformer.embeddings.position_ids", "-", "-", "-"},
		{SD1, clip + "token_embedding.weight", "BASE", "BASE", "BASE"},
		{SD1, "cond_stage_model.transformer.embeddings.token_embedding.weight", "BASE", "BASE", "BASE"},
		{SD1, "betas", "-", "-", "-"},
		{SD1, "alphas_cumprod", "-", "-", "-"},
		{SD1, "model_ema.decay", "-", "BASE", "-"},
		{SD1, "model_ema.num_updates", "-", "BASE", "-"},
		{SD1, "model_ema.diffusion_modeltime_embed0weight", "OUT11", "BASE", "BASE"},
		{SD1, "model_ema.diffusion_modelout2bias", "BASE", "BASE", "BASE"},
		{SD2, open + "text_projection", "-", "BASE", "-"},
		{SD2, open + "positional_embedding", "-", "BASE", "-"},
		{SD2, open + "logit_scale", "-", "BASE", "-"},
		{SD2, open + "transformer.resblocks.0.attn.in_proj_weight", "BASE", "BASE", "BASE"},
		{SD2, u + "time_embed.2.bias", "OUT11", "IN00", "BASE"},
		{SDXL, u + "time_embed.2.bias", "-", "", "BASE"},
		{SDXL, u + "label_emb.0.0.weight", "-", "", "BASE"},
		{SDXL, u + "input_blocks.9.0.op.weight", "-", "", "-"},
		{SDXL, u + "out.0.bias", "OUT08", "", "OUT08"},
		{SDXL, "conditioner.embedders.1.model.text_projection", "-", "", "-"},
		{SDXL, "conditioner.embedders.1.model.ln_final.weight", "BASE", "", "BASE"},
		{SDXL, "conditioner.embedders.2.weight", "-", "", "-"},
		{SDXL, "first_stage_model.quant_conv.bias", "BASE", "", "BASE"},
		{SDXL, "model_ema.diffusion_modelout2bias", "-", "", "-"},
		{SDXL, "model_ema.diffusion_modeltime_embed0weight", "-", "", "-"},
		{SDXL, "denoiser.sigmas", "-", "", "-"},
	} {
		for era, want := range map[Era]string{SM2025: tt.sm2025, SM2023: tt.sm23, Mecha: tt.meca} {
			if want == "" {
				continue
			}
			if got := blockOf(layout(t, tt.arch, era), tt.key); got != want {
				t.Errorf("%s/%s: Of(%q) = %s; want %s", tt.arch, era, tt.key, got, want)
			}
		}
	}
}

func TestNames(t *testing.T) {
	for arch, want := range map[Arch]string{
		SD1:  "BASE IN00 IN01 IN02 IN03 IN04 IN05 IN06 IN07 IN08 IN09 IN10 IN11 M00 OUT00 OUT01 OUT02 OUT03 OUT04 OUT05 OUT06 OUT07 OUT08 OUT09 OUT10 OUT11",
		SDXL: "BASE IN00 IN01 IN02 IN03 IN04 IN05 IN06 IN07 IN08 M00 OUT00 OUT01 OUT02 OUT03 OUT04 OUT05 OUT06 OUT07 OUT08",
	} {
		l := layout(t, arch, SM2025)
		if got := strings.Join(l.Names(), " "); got != want {
			t.Errorf("%s: %s", arch, got)
		}
		for i, name := range l.Names() {
			if id, ok := l.Index(name); !ok || id != ID(i) || l.Name(id) != name {
				t.Errorf("%s: Index(%q) = %d, %v", arch, name, id, ok)
			}
		}
		if l.Name(ID(l.Len())) != "" {
			t.Error("a name beyond the last")
		}
	}
}

func TestIndex(t *testing.T) {
	l := layout(t, SD1, SM2025)
	for _, tt := range []struct{ name, want string }{
		{"M00", "M00"},
		{"MID", "M00"},
		{"mid00", "M00"},
		{"MI00", "M00"},
		{"M0", "M00"},
		{"base", "BASE"},
		{" in0 ", "IN00"},
		{"In00", "IN00"},
		{"IN4", "IN04"},
		{"out11", "OUT11"},
		{"OUT12", ""},
		{"IN", ""},
		{"M", ""},
		{"MI", ""},
		{"M01", ""},
		{"MID01", ""},
		{"IN000", ""},
		{"IN-1", ""},
		{"BASE0", ""},
		{"", ""},
		{"00", ""},
		{"VAE", ""},
	} {
		id, ok := l.Index(tt.name)
		if got := l.Name(id); ok != (tt.want != "") || ok && got != tt.want {
			t.Errorf("Index(%q) = %s, %v; want %q", tt.name, got, ok, tt.want)
		}
	}
}

func TestGroups(t *testing.T) {
	for _, l := range everyLayout(t) {
		arch := l.Arch()
		var union Set
		n := 0
		for _, g := range l.Groups() {
			s := l.Group(g)
			union = union.Union(s)
			n += s.Len()
			for id := range s.All() {
				if l.GroupOf(id) != g {
					t.Errorf("%s: %s is not in %s", arch, l.Name(id), g)
				}
			}
		}
		if union != l.Blocks() || n != l.Len() {
			t.Errorf("%s: the groups hold %d of %d blocks", arch, n, l.Len())
		}
	}
	l := layout(t, SD1, SM2025)
	for g, want := range map[Group]int{Outputs: 12, Inputs: 13, Base: 1, "x": 0} {
		if got := l.Group(g).Len(); got != want {
			t.Errorf("%s has %d blocks; want %d", g, got, want)
		}
	}
}

// TestCounts checks the number of UNet tensors of each block of SD1.
func TestCounts(t *testing.T) {
	l := layout(t, SD1, SM2025)
	n := make([]int, l.Len())
	for _, s := range Keys(SD1) {
		if id, ok := l.Of(s.Name); ok && PartOf(s.Name) == UNet {
			n[id]++
		}
	}
	want := []int{0, 2, 36, 36, 2, 38, 36, 2, 38, 36, 2, 10, 10, 46, 12, 12, 14, 38, 38, 40, 38, 38, 40, 38, 38, 42 + 4}
	if !slices.Equal(n, want) {
		t.Errorf("tensors a block:\n got %s\nwant %s", join(n), join(want))
	}
}

func join(n []int) string {
	s := make([]string, len(n))
	for i, x := range n {
		s[i] = strconv.Itoa(x)
	}
	return strings.Join(s, " ")
}

// TestTextEncoders wants the text encoders in the blocks that are said to be theirs,
// and nothing of the network.
func TestTextEncoders(t *testing.T) {
	for _, arch := range Archs() {
		l := layout(t, arch, ErasOf(arch)[0])
		texts, known := l.TextEncoders()
		if !known {
			t.Errorf("%s: the text encoders have no blocks of their own", l)
		}
		for _, s := range Scaled(arch, 64) {
			id, ok := l.Of(s.Name)
			if unsorted := strings.Contains(s.Name, "time_embed") || strings.Contains(s.Name, "label_emb"); !ok || unsorted {
				continue // some eras have those of a UNet in BASE
			}
			if part := l.Part(s.Name); part == TextEncoder && !texts.Has(id) || part == UNet && texts.Has(id) {
				t.Errorf("%s: %s of the %s is in %s", l, s.Name, part, l.Name(id))
			}
		}
	}
}
