package exchange

import (
	"strings"
	"testing"

	"mixmatch/merge/block"
)

// TestKohya reads commands that add LoRAs to a model.
func TestKohya(t *testing.T) {
	const command = "python networks/merge_lora.py --sd_model models/A.safetensors --save_to OUT.safetensors "
	for _, c := range []struct{ text, want, err string }{
		{command + "--models x.safetensors y.pt --ratios 0.7 -0.3", "A + <lora:x> x 0.7 = MERGE1; MERGE1 + <lora:y> x -0.3 = OUT", ""},
		{"python.exe networks\\merge_lora.py --v2 ^\r\n --sd_model \"d:\\my models\\A b.ckpt\" --save_to=out\\B.ckpt --models \"x y.safetensors\" --ratios .5 --save_precision fp16", "\"A b\" + <lora:\"x y\"> x 0.5 = B", ""},
		{
			strings.Replace(command, "merge_lora", "sdxl_merge_lora", 1) + "--models x --ratios 0.5 --lbws '[1,0,1,1,1,1,1,1,1,1,1,1]'",
			"A + <lora:x> x alpha = OUT; alpha = (0.5..0.5)", "",
		},
		{command + "--models x y --ratios 0.7", "", "--models has 2 values, --ratios has 1"},
		{command + "--models x --ratios R", "", `the ratio "R" is no number`},
		{command + "--models x --ratios 1 --lbws '[1,0]'", "", "a list of 2 numbers is not for sd1"},
		{command + "--models x --ratios 1 --new_rank 4", "", "the option --new_rank is not known"},
		{command + "--models x --ratios 1 --ratios 2", "", "--ratios is given twice"},
		{"python merge_lora.py --save_to OUT --models x y --ratios 1 1", "", "LoRAs are merged into a LoRA"},
		{"python svd_merge_lora.py --save_to OUT --models x y --ratios 1 1", "", `"svd_merge_lora.py" does not add LoRAs`},
		{command + "--models x --ratios 1; rm -rf /", "", "more than one command"},
		{command + "--models 'x --ratios 1", "", "a quotation has no end"},
	} {
		if got := Recognize([]byte(c.text)); got != "kohya" {
			t.Errorf("%s is taken for %s", c.text, got)
			continue
		}
		r, _, err := Import([]byte(c.text), "", nil, Options{})
		if c.err != "" {
			if err == nil || !strings.Contains(err.Error(), c.err) {
				t.Errorf("%s: %v, %v; want %s", c.text, r, err, c.err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", c.text, err)
			continue
		}
		if got := in(r); got != c.want {
			t.Errorf("%s\nis   %s\nwant %s", c.text, got, c.want)
		}
	}
	r, _, err := Import([]byte(strings.Replace(command, "merge_lora", "sdxl_merge_lora", 1)+"--models x --ratios 0.5 --lbws '[1,0,1,1,1,1,1,1,1,1,1,2]'"), "", nil, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if r.Layout.Arch() != block.SDXL {
		t.Fatalf("it is for %v", r.Layout)
	}
	for name, want := range map[string]float64{"BASE": 0.5, "IN03": 0.5, "IN04": 0, "OUT05": 1, "OUT06": 0.5} {
		if id, _ := r.Layout.Index(name); r.Steps[0].Alpha[id].Value != want {
			t.Errorf("%s has %v; want %v", name, r.Steps[0].Alpha[id].Value, want)
		}
	}
}

func FuzzKohya(f *testing.F) {
	fuzz(f, "kohya", "python merge_lora.py --sd_model A --save_to B --models x 'y z' --ratios 0.5 1", "merge_lora.py --v2 --sd_model=A --save_to=B --models x --ratios 1 --lbws [1]", "sdxl_merge_lora.py --models")
}
