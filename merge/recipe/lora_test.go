package recipe

import (
	"slices"
	"strings"
	"testing"

	"mixmatch/merge/block"
)

// TestLoRAForms reads each form of a LoRA, and wants the steps as they are
// written again.
func TestLoRAForms(t *testing.T) {
	l := layout(t, block.SD1)
	v := vector(26, "0.25")
	seventeen := "1,0,0,0,1,1,1,1,1,1,1,1,0,0,0,0,0"
	halves := strings.ReplaceAll(seventeen, "1", "0.5")
	spread := "(1,0,0,0,0,0,1,0,1,1,0,0,0,1,0,0,0,1,1,1,1,0,0,0,0,0)"
	mixed := strings.Replace(v, "0.25", "0.5", 1)
	for text, want := range map[string]string{
		"A + <lora:X> x 0.7 = OUT":                                   "A + <lora:X> x 0.7 = OUT\n",
		"OUT = A + <lora:X> x 0.7":                                   "A + <lora:X> x 0.7 = OUT\n",
		"A + <lora:X:0.7> = OUT":                                     "A + <lora:X> x 0.7 = OUT\n",
		"A <lora:X:0.7> = OUT":                                       "A + <lora:X> x 0.7 = OUT\n",
		"A<lora:X:.7>":                                               "A + <lora:X> x 0.7 = MERGE1\n",
		"a b <LORA: my style v1.0 :1>":                               "\"a b\" + <lora:\"my style v1.0\"> x 1 = MERGE1\n",
		"A - <lora:X> x 0.7 = OUT":                                   "A + <lora:X> x -0.7 = OUT\n",
		"A + <lora:X> x -0.7 = OUT":                                  "A + <lora:X> x -0.7 = OUT\n",
		"A + <lora:X:0.5:0.25> = OUT":                                "A + <lora:X> x alpha = OUT\nalpha = " + mixed + "\n",
		"A <lora:X:te=0.5:unet=0.25>=OUT":                            "A + <lora:X> x alpha = OUT\nalpha = " + mixed + "\n",
		"A + <lora:X> x alpha " + v + " = OUT":                       "A + <lora:X> x 0.25 = OUT\n",
		"A + <lora:X> x alpha = OUT\nalpha = " + mixed:               "A + <lora:X> x alpha = OUT\nalpha = " + mixed + "\n",
		"A + <lora:X> x ? = OUT":                                     "A + <lora:X> x ? = OUT\n",
		"A + <lora:X> x ?[0,1] = OUT":                                "A + <lora:X> x ?[0,1] = OUT\n",
		"A + <lora:X> x 0.7 + <lora:Y> x 0.3 = OUT":                  "A + <lora:X> x 0.7 = MERGE1\nMERGE1 + <lora:Y> x 0.3 = OUT\n",
		"A <lora:X:0.7> <lora:Y:0.3> = OUT":                          "A + <lora:X> x 0.7 = MERGE1\nMERGE1 + <lora:Y> x 0.3 = OUT\n",
		"A x 0.5 + B x 0.5 + <lora:X> x 0.7 = MERGE1":                "A x 0.5 + B x 0.5 = MERGE2\nMERGE2 + <lora:X> x 0.7 = MERGE1\n",
		"A + (B - C) x alpha + <lora:X:0.7> = OUT\nalpha = " + mixed: "A + (B - C) x alpha = MERGE1\nalpha = " + mixed + "\nMERGE1 + <lora:X> x 0.7 = OUT\n",
		"A + <lora:\"a:b>\\\"c\"> x 0.7 = OUT":                       "A + <lora:\"a:b>\\\"c\"> x 0.7 = OUT\n",
		"A + X:0.7 = OUT":                                            "A + <lora:X> x 0.7 = OUT\n",
		"A + X:0.7,Y Z:-0.3 = OUT":                                   "A + <lora:X> x 0.7 = MERGE1\nMERGE1 + <lora:\"Y Z\"> x -0.3 = OUT\n",
		"A + X:1:" + seventeen + ",Y:0.3":                            "A + <lora:X> x alpha = MERGE1\nalpha = " + spread + "\nMERGE1 + <lora:Y> x 0.3 = MERGE2\n",
		"A <lora:X:2:" + halves + "> = OUT":                          "A + <lora:X> x alpha = OUT\nalpha = " + spread + "\n",
		"A <lora:X:1:lbw=" + seventeen + "> = OUT":                   "A + <lora:X> x alpha = OUT\nalpha = " + spread + "\n",
		"A + <lora:X> x alpha = OUT\nalpha = (" + seventeen + ")":    "A + <lora:X> x alpha = OUT\nalpha = " + spread + "\n",
	} {
		r, err := Parse(l, text, Options{})
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if r.String() != want {
			t.Errorf("%s is\n%swant\n%s", text, r, want)
		}
		again, err := Parse(l, r.String(), Options{})
		if err != nil {
			t.Errorf("%s: %v", r, err)
			continue
		}
		equal(t, again, r)
	}
}

// TestLoRATwoWeights wants the first of two weights in all blocks of text encoders
// and in no other, and refused where others are in them.
func TestLoRATwoWeights(t *testing.T) {
	usual := func(arch block.Arch) *block.Layout {
		l, err := block.Default(arch)
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	for arch, texts := range map[block.Arch]int{
		block.SD1: 1, block.SD2: 1, block.SDXL: 1, block.Refiner: 1, block.Flux: 2, "sd3-24": 2, "auto:blocks*28+final_layer,x_embedder": 1,
	} {
		l := usual(arch)
		r, err := Parse(l, "A <lora:X:0.75:0.5> = OUT", Options{})
		if err != nil {
			t.Errorf("%s: %v", arch, err)
			continue
		}
		for id, c := range r.Steps[0].Alpha {
			want := 0.5
			if id < texts {
				want = 0.75
			}
			if c.Value != want {
				t.Errorf("%s: %s has %v, want %v", arch, l.Name(block.ID(id)), c.Value, want)
			}
		}
	}
	l := usual("auto:a.x*120,b.x*2+*") // all else is in BASE
	_, err := Parse(l, "A <lora:X:0.75:0.5> = OUT", Options{})
	if err == nil || !strings.Contains(err.Error(), "auto:a.x*120,b.x*2+* has no blocks of their own for text encoders") {
		t.Errorf("two weights where BASE holds more than text encoders: %v", err)
	}
	if _, err := Parse(l, "A <lora:X:0.75> = OUT", Options{}); err != nil {
		t.Error(err)
	}
}

// TestLoRAErrors wants what is wrong with a LoRA said.
func TestLoRAErrors(t *testing.T) {
	l := layout(t, block.SD1)
	for text, want := range map[string]string{
		"A + <lora:X> = OUT":                          "no ratio",
		"A <lora:X> = OUT":                            "no ratio",
		"A + <lora:X:0.7> x 0.5 = OUT":                "two ratios",
		"A + <lora:X x 0.5 = OUT":                     "no >",
		"A + <lora::0.5> = OUT":                       "no name",
		"A + <lora:X:OUTALL> = OUT":                   "\"OUTALL\" of the LoRA",
		"A + <lora:X:1:0.5:0.2> = OUT":                "\"0.2\" of the LoRA",
		"A + <lora:X:0.7:lbw=ALL> = OUT":              "\"lbw=ALL\" of the LoRA",
		"A + <lora:X:NaN> = OUT":                      "\"NaN\" of the LoRA",
		"A + <lora:\"X\"0.7> = OUT":                   "behind the LoRA's name",
		"<lora:X> x 0.5 + A = OUT":                    "LoRAs come last",
		"<lora:X> x 0.5 = OUT":                        "a LoRA is no model",
		"A + (<lora:X> - B) x 0.5 = OUT":              "a LoRA is no model",
		"A x 0.5 + <lora:X> x 0.5 = OUT":              "not one of the four merges",
		"A x 0.5 + B <lora:X:0.5> x 0.5 = OUT":        "could be meant for the last model or for the whole",
		"A x 0.5 + B x 0.5 <lora:X:0.5> = OUT":        "could be meant for the last model or for the whole",
		"A + X:0.7:OUTALL = OUT":                      "\"OUTALL\" of the LoRA \"X\" are a preset",
		"A + X:0.7:1,0,0,0,1,1,1,1,1,1,1,1,0,0,0,0,0": "could be meant for its 17 numbers or not",
		"A + X:1:1,0,0 = OUT":                         "the list of blocks has 3 numbers",
		"A:0.3 + B:0.7 = OUT":                         "could be a LoRA or the share of a model",
		"A + <lora:X:1:1,a> = OUT":                    "blocks of the LoRA: \"a\"",
		"A + (B - C) x alpha = D\nalpha = (1,0,0,0,1,1,1,1,1,1,1,1,0,0,0,0,0)": "alpha has 17 numbers",
		"A + <lora:X> x beta = OUT":                         "by a number or by alpha",
		"A + <lora:X> x (1-alpha) = OUT":                    "by a number or by alpha",
		"A - <lora:X> x ? = OUT":                            "by a number or by alpha",
		"A + <lora:X> x alpha + <lora:Y> x alpha = OUT":     "several vectors",
		"A + <lora:X> x alpha = OUT":                        "left without alpha",
		"A + <lora:X> x 0.5_cosineA = OUT":                  "no calculation mode",
		"A x 0.5 + B x 0.5 + <lora:X> x 0.5_cosineA = OUT":  "for the models or the LoRAs",
		"A + <lora:X> x 0.5 = OUT\nexclude = BASE":          "no lists of keys",
		"A + <lora:A> x 0.5 = OUT":                          "A is the name of a model and of a LoRA",
		"A + <lora:OUT> x 0.5 = OUT":                        "OUT is the name of a model and of a LoRA",
		"A + <lora:X> x 0.5 = OUT\nOUT x 0.5 + X x 0.5 = F": "line 2: X is the name of a model and of a LoRA",
	} {
		if r, err := Parse(l, text, Options{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, %v; want %s", text, r, err, want)
		}
	}
	// A prompt in an article is no recipe.
	r, err := Parse(l, "masterpiece <lora:X:0.8>\nA x 0.5 + B x 0.5 = C\n", Options{Lenient: true})
	if err != nil || len(r.Steps) != 1 {
		t.Errorf("%v, %v", r, err)
	}
}

// TestLoRAWeights wants a LoRA's weight outside the sum of 1.
func TestLoRAWeights(t *testing.T) {
	l := layout(t, block.SD1)
	r, err := Parse(l, "A + <lora:X> x 0.5 = P\nP x 0.75 + B x 0.25 = Q\nQ + (P - B) x 0.5 + <lora:Y> x 2 + <lora:X> x -0.25 = R", Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got := r.Sources(); !slices.Equal(got, []string{"A", "B"}) {
		t.Errorf("sources %q", got)
	}
	if got := r.Differences(); !slices.Equal(got, []string{"X", "Y"}) {
		t.Errorf("differences %q", got)
	}
	// A 0.75 + 0.5, B 0.25 - 0.5, X 0.5 of P's 1.25 and -0.25, Y 2.
	want := map[string]string{"A": "5/4", "B": "-1/4", "X": "3/8", "Y": "2/1"}
	flat := r.Flatten(3)
	if len(flat) != len(want) {
		t.Errorf("%v", flat)
	}
	for name, w := range want {
		if flat[name] == nil || flat[name].String() != w {
			t.Errorf("%s weighs %v; want %s", name, flat[name], w)
		}
	}
	p := r.Program()
	if got := p.Weights(r.Column(3)); p.Width() != 4 || !slices.Equal(got, []float64{1.25, -0.25, 0.375, 2}) {
		t.Errorf("weights %v of %q and %q", got, p.Sources, p.Differences)
	}
	if err := r.Resolve([]string{"A", "B", "Z", "X"}); err == nil || !strings.Contains(err.Error(), "line 3: unknown LoRA Y") {
		t.Errorf("%v", err)
	}
	if _, err := New(l, []Step{{Mode: AddLoRA, A: "A", Alpha: Uniform(l, 1), Out: "C"}}); err == nil {
		t.Error("a LoRA without a name")
	}
	if _, err := New(l, []Step{{Mode: AddLoRA, A: "A", B: "X", C: "V", Alpha: Uniform(l, 1), Out: "C"}}); err == nil {
		t.Error("a LoRA with a model C")
	}
}
