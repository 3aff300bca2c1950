package dialect

import (
	"encoding/binary"
	"errors"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"mixmatch/merge/checkpoint"
)

// floats returns numbers as they are stored.
func floats(d checkpoint.DType, x ...float32) []byte {
	b := make([]byte, len(x)*d.Bits()/8)
	d.Narrow(b, x)
	return b
}

func (m *memory) tensor(name string, d checkpoint.DType, data []byte, shape ...int) *memory {
	m.put(name, data, shape...)
	m.tensors[len(m.tensors)-1].DType = d
	return m
}

// bytes256 are all bytes there are, which are all eight-bit numbers.
func bytes256() []byte {
	b := make([]byte, 256)
	for i := range b {
		b[i] = byte(i)
	}
	return b
}

// TestScaled holds every product to one that is computed in float64 and rounded
// once, and every range of them to the whole.
func TestScaled(t *testing.T) {
	const scalar, row, half = float32(0.0123456789), float32(3.7e-5), float32(0.3)
	rows := make([]float32, 16)
	for i := range rows {
		rows[i] = row * float32(i+1)
	}
	m := (&memory{}).
		tensor("a.weight", checkpoint.E4M3, bytes256(), 16, 16).tensor("a.scale_weight", "F32", floats("F32", scalar)).
		tensor("b.weight", checkpoint.E5M2, bytes256(), 16, 16).tensor("b.weight_scale", "F32", floats("F32", rows...), 16, 1).
		tensor("c.weight", checkpoint.E4M3, bytes256(), 256).tensor("c.weight_scale", "F16", floats("F16", half), 1).
		tensor("d.weight", checkpoint.E4M3, bytes256(), 256).
		tensor("a.scale_input", "F32", floats("F32", 9)).tensor("b.input_scale", "F32", floats("F32", 9)).
		tensor("model.scaled_fp8", checkpoint.E4M3, []byte{0, 0}, 2).
		tensor("e.scale_weight", "F32", floats("F32", 2)). // of nothing
		tensor("e.weight", "F16", floats("F16", 1, 2), 2)
	c, err := New(m)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for i, k := range c.Tensors() {
		names = append(names, k.Name+" "+string(k.DType))
		if k.DType != checkpoint.F32 || len(k.Shape) == 0 {
			continue
		}
		all := make([]byte, k.Bytes())
		if err := c.ReadBytes(all, i, 0); err != nil {
			t.Fatal(err)
		}
		wide := make([]float32, 256)
		stored := checkpoint.E4M3
		if k.Name == "b.weight" {
			stored = checkpoint.E5M2
		}
		stored.Widen(wide, bytes256())
		for j, x := range wide {
			factor := map[string]float32{"a.weight": scalar, "b.weight": rows[j/16], "c.weight": 0.30004883}[k.Name]
			want := float32(float64(x) * float64(factor))
			got := math.Float32frombits(binary.LittleEndian.Uint32(all[4*j:]))
			if got != want && !(math.IsNaN(float64(got)) && math.IsNaN(float64(want))) {
				t.Errorf("%s[%d] = %v; want %v", k.Name, j, got, want)
			}
		}
		for _, r := range [][2]int{{0, 1}, {1, 2}, {3, 9}, {5, 1024}, {64, 128}, {1023, 1024}, {7, 7}} {
			part := make([]byte, r[1]-r[0])
			if err := c.ReadBytes(part, i, int64(r[0])); err != nil || string(part) != string(all[r[0]:r[1]]) {
				t.Errorf("%s: bytes %v are others alone, %v", k.Name, r, err)
			}
		}
	}
	slices.Sort(names)
	want := "a.weight F32, b.weight F32, c.weight F32, d.weight F8_E4M3, e.scale_weight F32, e.weight F16"
	if got := strings.Join(names, ", "); got != want {
		t.Errorf("tensors %s; want %s", got, want)
	}
	notes := strings.Join(c.Info().Notes, "\n")
	if !strings.Contains(notes, "3 weights in eight-bit floating point are scaled: they are read as the products, in F32 (1 with a factor for each row)") ||
		!strings.Contains(notes, "2 tensors beside them are passed over") {
		t.Errorf("notes %s", notes)
	}
}

// TestScaledLarge reads a tensor of more than one block.
func TestScaledLarge(t *testing.T) {
	const n = 3*scaledBlock + 5
	data := make([]byte, n)
	for i := range data {
		data[i] = byte(i * 7 % 120)
	}
	m := (&memory{}).tensor("x.weight", checkpoint.E4M3, data, n).tensor("x.weight_scale", "BF16", floats("BF16", 0.5))
	c, err := New(m)
	if err != nil {
		t.Fatal(err)
	}
	wide := make([]float32, n)
	checkpoint.E4M3.Widen(wide, data)
	got := make([]byte, 4*n-2)
	if err := c.ReadBytes(got, 0, 1); err != nil {
		t.Fatal(err)
	}
	for i := range wide {
		wide[i] /= 2
	}
	if string(got) != string(floats("F32", wide...)[1:4*n-1]) {
		t.Error("other numbers")
	}
}

// TestScaledPieces reads scaled weights that are pieces of one.
func TestScaledPieces(t *testing.T) {
	const layer, want = "text_model.encoder.layers.0.self_attn.", "conditioner.embedders.1.model.transformer.resblocks.0.attn.in_proj_weight"
	m := &memory{}
	m.add("text_model.embeddings.token_embedding.weight", "", 4, 2)
	m.add("text_model.encoder.layers.31.layer_norm1.weight", "", 2)
	for i, q := range []string{"q_proj", "k_proj", "v_proj"} {
		m.tensor(layer+q+".weight", checkpoint.E4M3, []byte{0x38, 0x38, 0x40, 0x40}, 2, 2) // 1 1 2 2
		m.tensor(layer+q+".weight_scale", "F32", floats("F32", float32(i+1)))
	}
	c, err := New(m)
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(c.Tensors(), func(k checkpoint.Tensor) bool { return k.Name == want })
	if i < 0 {
		t.Fatalf("no %s", want)
	}
	got := make([]byte, 48)
	if err := c.ReadBytes(got, i, 0); err != nil || string(got) != string(floats("F32", 1, 1, 2, 2, 2, 2, 4, 4, 3, 3, 6, 6)) {
		t.Errorf("%v, %v", got, err)
	}
}

func TestScaledRefuses(t *testing.T) {
	for name, m := range map[string]*memory{
		"in blocks":   (&memory{}).tensor("a.weight_scale_inv", "F32", floats("F32", 1, 2), 2),
		"twice":       (&memory{}).tensor("a.weight_scale_2", "F32", floats("F32", 1)).tensor("a.weight_scale", "F32", floats("F32", 1)),
		"both names":  (&memory{}).tensor("a.weight_scale", "F32", floats("F32", 1)).tensor("a.scale_weight", "F32", floats("F32", 1)),
		"for columns": (&memory{}).tensor("a.weight_scale", "F32", floats("F32", 1, 2, 3, 4), 1, 4),
		"in halves":   (&memory{}).tensor("a.weight_scale", "F32", floats("F32", 1, 2), 2, 1, 1, 1),
		"as integers": (&memory{}).tensor("a.weight_scale", "I32", []byte{1, 0, 0, 0}),
		"of nothing":  (&memory{}).tensor("a.weight_scale", "F32", nil, 0),
	} {
		m.tensor("a.weight", checkpoint.E4M3, make([]byte, 8), 2, 4)
		if _, err := New(m); !errors.Is(err, checkpoint.ErrFormat) || !strings.Contains(err.Error(), `"a.weight"`) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestMany passes files of very many tensors through as long as they have no names
// that anything is known of, and refuses them else.
func TestMany(t *testing.T) {
	m := &memory{}
	for i := range maxTensors + 1 {
		m.tensor("k"+strconv.Itoa(i), "U8", nil, 0)
	}
	if c, err := New(m); err != nil || c != checkpoint.Container(m) {
		t.Errorf("%v, %v", c, err)
	}
	if _, err := New(m, &memory{}); !errors.Is(err, checkpoint.ErrFormat) {
		t.Errorf("two files: %v", err)
	}
	m.tensors[0].Name = "unet.output_blocks.0.0.in_layers.2.weight"
	if _, err := New(m); !errors.Is(err, checkpoint.ErrFormat) {
		t.Errorf("a UNet: %v", err)
	}
	m.tensors[0] = checkpoint.Tensor{Name: "x", DType: checkpoint.E4M3, Shape: []int{0}}
	if _, err := New(m); !errors.Is(err, checkpoint.ErrFormat) {
		t.Errorf("eight-bit numbers: %v", err)
	}
	few := &memory{}
	for i := range maxRoots + 1 {
		few.tensor(strings.Repeat("model.", i)+"output_blocks.0.0.in_layers.2.weight", "U8", nil, 0)
	}
	if _, err := New(few); !errors.Is(err, checkpoint.ErrFormat) || !strings.Contains(err.Error(), "a UNet go by more than 64 names") {
		t.Errorf("many prefixes: %v", err)
	}
}

// TestScaledRounding holds what is said of rounding to the eight-bit numbers', also
// in pieces and ranges.
func TestScaledRounding(t *testing.T) {
	const layer = "text_model.encoder.layers.0.self_attn."
	m := &memory{}
	m.add("text_model.embeddings.token_embedding.weight", "", 4, 2)
	m.add("text_model.encoder.layers.31.layer_norm1.weight", "", 2)
	var want [3]float64
	for i, q := range []string{"q_proj", "k_proj", "v_proj"} {
		data := bytes256()[16*i+8:][:8]
		m.tensor(layer+q+".weight", checkpoint.E4M3, data, 4, 2)
		factors := []float32{1, 2, 3, 4}
		if i == 1 {
			factors = []float32{0.5}
		}
		m.tensor(layer+q+".weight_scale", "F32", floats("F32", factors...), len(factors))
		for e := range data {
			f := float64(factors[e/2*(len(factors)-1)/3])
			want[i] += checkpoint.E4M3.Rounding(data[e:e+1]) * f * f
		}
	}
	c, err := New(m)
	if err != nil {
		t.Fatal(err)
	}
	f, err := checkpoint.New(c)
	if err != nil {
		t.Fatal(err)
	}
	k, ok := f.Tensor("conditioner.embedders.1.model.transformer.resblocks.0.attn.in_proj_weight")
	if !ok {
		t.Fatal("no tensor of three")
	}
	whole := want[0] + want[1] + want[2]
	for _, cut := range []int{0, 1, 7, 8, 9, 16, 23, 24} {
		a, err1 := f.Rounding(make([]byte, 4*cut), k, 0)
		b, err2 := f.Rounding(make([]byte, 4*(24-cut)), k, cut)
		if err1 != nil || err2 != nil || math.Abs(a+b-whole) > 1e-12*whole || cut == 8 && math.Abs(a-want[0]) > 1e-12*whole {
			t.Errorf("cut at %d: %v + %v, want %v; %v, %v", cut, a, b, whole, err1, err2)
		}
	}
	plain, _ := f.Tensor("conditioner.embedders.1.model.token_embedding.weight")
	b := make([]byte, plain.Bytes())
	if err := f.ReadBytes(b, plain, 0); err != nil {
		t.Fatal(err)
	}
	if got, err := f.Rounding(b, plain, 0); err != nil || got != checkpoint.F16.Rounding(b) {
		t.Errorf("what is not scaled: %v, %v", got, err)
	}
}
