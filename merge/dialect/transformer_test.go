package dialect

import (
	"strconv"
	"strings"
	"testing"

	"mixmatch/merge/checkpoint"
)

// TestTransformers builds Flux and Stable Diffusion 3 as diffusers has them, by the
// rows that were recorded, and reads them back.
func TestTransformers(t *testing.T) {
	plain, files := map[string]*memory{}, map[string]*memory{}
	known := map[string][]byte{}
	for _, f := range lines(t, "transformers.txt.gz") {
		arch, name := f[0], f[1]
		if plain[arch] == nil {
			plain[arch], files[arch] = &memory{}, &memory{}
		}
		var data []byte
		rows := 0
		const row = 4 // bytes
		for _, run := range f[2:] {
			p := strings.Split(run, ":")
			var n [3]int
			for i := range n {
				var err error
				if n[i], err = strconv.Atoi(p[i+1]); err != nil {
					t.Fatal(err)
				}
			}
			key := arch + " " + p[0]
			if known[key] == nil {
				plain[arch].add(unetPrefix+p[0], key, n[2], row/2)
				known[key] = plain[arch].data[len(plain[arch].data)-1]
			}
			data = append(data, known[key][n[0]*row:(n[0]+n[1])*row]...)
			rows += n[1]
		}
		files[arch].put("transformer."+name, data, rows, row/2)
	}
	for arch, m := range files {
		c, err := New(m)
		if err != nil {
			t.Fatal(err)
		}
		same(t, arch, c, plain[arch])
		if got, want := dialects(c), `UNet diffusers "transformer."`; got != want || len(c.Info().Notes) > 0 {
			t.Errorf("%s: %s, notes %q", arch, got, c.Info().Notes)
		}
	}
	if len(plain["flux"].tensors) < 100 || len(plain["sd3-24"].tensors) < 50 {
		t.Errorf("%d and %d tensors", len(plain["flux"].tensors), len(plain["sd3-24"].tensors))
	}
}

// TestNotFlux leaves alone what has some of the keys, as a ControlNet has.
func TestNotFlux(t *testing.T) {
	m := &memory{}
	for _, k := range append([]string{"single_transformer_blocks.0.proj_mlp.weight", "controlnet_x_embedder.weight"}, diffusersFlux.needs[:3]...) {
		m.add(k, k, 2, 2)
	}
	if c, err := New(m); err != nil || c != checkpoint.Container(m) {
		t.Errorf("a view: %v, %v", c, err)
	}
	m.add("norm_out.linear.weight", "", 3, 2) // halves of three rows
	c, err := New(m)
	if err != nil {
		t.Fatal(err)
	}
	if notes := strings.Join(c.Info().Notes, "; "); !strings.Contains(notes, `"norm_out.linear.weight"`) && !strings.Contains(notes, "tensors such as") {
		t.Errorf("notes %s", notes)
	}
}
