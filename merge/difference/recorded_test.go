package difference

import (
	"math"
	"strings"
	"testing"

	"mixmatch/merge/checkpoint"
	"mixmatch/merge/checkpoint/safetensors"
)

// opened opens a file of testdata/lora, which .ci/lora_oracle.py has written with
// torch 2.15, PEFT 0.21.2, diffusers 0.42.1, transformers 5.24 and LyCORIS 4.1.3.
func opened(t *testing.T, name string) *checkpoint.File {
	t.Helper()
	f, err := safetensors.Open("testdata/lora/" + name + ".safetensors")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// expanded returns what a recorded LoRA adds to the model in f, whose tensors are
// recorded with a prefix.
func expanded(t *testing.T, name string, f *checkpoint.File, prefix string) *Expansion {
	t.Helper()
	l, err := Read(opened(t, name))
	if err != nil {
		t.Fatal(err)
	}
	e, err := l.Expand(func(key string) ([]int, bool) {
		k, ok := f.Tensor(prefix + key)
		return k.Shape, ok
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(l.Notes()) > 0 || len(e.Info().Notes) > 0 {
		t.Errorf("notes: %v, %v", l.Notes(), e.Info().Notes)
	}
	return e
}

// TestBakeRecorded bakes recorded LoRAs and gets the recorded models, to the bit.
func TestBakeRecorded(t *testing.T) {
	for _, c := range []struct {
		lora, baked string
		way         Way
	}{
		{"sd1", "sd1-baked", Diffusers},
		{"sdxl", "sdxl-baked", Diffusers},
		{"kohya", "kohya-baked", Kohya},
		{"kohya", "webui-baked", SuperMerger},
	} {
		t.Run(c.baked, func(t *testing.T) {
			f := opened(t, c.baked)
			e := expanded(t, c.lora, f, "A/")
			if len(e.Tensors())*2 != len(f.Tensors()) {
				t.Errorf("changes %d tensors of %d", len(e.Tensors()), len(f.Tensors())/2)
			}
			different := 0
			for _, k := range e.Tensors() {
				x, _ := read(t, f, "A/"+k.Name)
				before := append([]float32(nil), x...)
				want, _ := read(t, f, "B/"+k.Name)
				half := len(x) / 2
				for _, part := range [][2]int{{half, len(x)}, {0, half}} {
					if err := e.Bake(x[part[0]:part[1]], k.Name, part[0], checkpoint.F16, 0.7, c.way); err != nil {
						t.Fatal(err)
					}
				}
				wrong := 0
				for i, v := range x {
					if v != want[i] {
						wrong++
					}
					if v != before[i] {
						different++
					}
				}
				if wrong > 0 {
					t.Errorf("%s: %d of %d numbers differ", k.Name, wrong, len(x))
				}
			}
			if different < 1000 {
				t.Errorf("only %d numbers were changed at all", different)
			}
		})
	}
}

// TestExpandLyCORIS compares with what LyCORIS computes in float32, whose sums
// are in another order for some kinds.
func TestExpandLyCORIS(t *testing.T) {
	f := opened(t, "lycoris-adds")
	e := expanded(t, "lycoris", f, "D/")
	kinds := map[Kind]int{}
	for _, c := range e.of.changes {
		kinds[c.kind]++
	}
	for kind, n := range map[Kind]int{LoRA: 1, LoCon: 1, LoConCP: 1, LoHa: 4, LoKr: 7} {
		if kinds[kind] != n {
			t.Errorf("%d modules of kind %s; want %d", kinds[kind], kind, n)
		}
	}
	made, err := checkpoint.New(e)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(f.Tensors()); n != len(made.Tensors()) {
		t.Errorf("%d tensors of %d", len(made.Tensors()), n)
	}
	for _, k := range made.Tensors() {
		got, _ := read(t, made, k.Name)
		want, _ := read(t, f, "D/"+k.Name)
		most := 0.0
		for _, v := range want {
			most = max(most, math.Abs(float64(v)))
		}
		for i, v := range got {
			if math.Abs(float64(v-want[i])) > most*1e-6 {
				t.Errorf("%s: element %d is %v; want %v", k.Name, i, v, want[i])
				break
			}
		}
	}
	if !strings.Contains(e.Info().Path, "lycoris") {
		t.Errorf("path %q", e.Info().Path)
	}
}
