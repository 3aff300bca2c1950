package similarity

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"runtime"
	"testing"
	"time"

	"mixmatch/merge/checkpoint"
	"mixmatch/merge/checkpoint/safetensors"
	"mixmatch/merge/vec"
)

// heads15 returns the self-attention of a model of Stable Diffusion 1.5, at its
// true size: 48 matrices of random numbers in float16.
func heads15(b *testing.B, seed uint64) *checkpoint.File {
	b.Helper()
	r := newRand(seed)
	var places []string
	var widths []int
	for i, d := range map[int]int{1: 320, 2: 320, 4: 640, 5: 640, 7: 1280, 8: 1280} {
		places, widths = append(places, fmt.Sprintf("input_blocks.%d", i)), append(widths, d)
	}
	places, widths = append(places, "middle_block"), append(widths, 1280)
	for i := 3; i < 12; i++ {
		places, widths = append(places, fmt.Sprintf("output_blocks.%d", i)), append(widths, 320<<((11-i)/3))
	}
	return fileOf(b, places, widths, func(_ string, x []float32) {
		for i := range x {
			x[i] = float32(r.NormFloat64()) / 32
		}
	})
}

// fileOf returns a model with self-attention in some places, of these widths, filled by
// fill and stored in float16.
func fileOf(t testing.TB, places []string, widths []int, fill func(key string, x []float32)) *checkpoint.File {
	t.Helper()
	header, data := map[string]any{}, []byte{}
	for i, place := range places {
		d := widths[i]
		for _, part := range "qkv" {
			x, stored := make([]float32, d*d), make([]byte, 2*d*d)
			key := fmt.Sprintf("model.diffusion_model.%s.1.transformer_blocks.0.attn1.to_%c.weight", place, part)
			fill(key, x)
			vec.NarrowF16(stored, x)
			header[key] = map[string]any{"dtype": "F16", "shape": []int{d, d}, "data_offsets": []int{len(data), len(data) + len(stored)}}
			data = append(data, stored...)
		}
	}
	h, err := json.Marshal(header)
	if err != nil {
		t.Fatal(err)
	}
	file := binary.LittleEndian.AppendUint64(nil, uint64(len(h)))
	file = append(append(file, h...), data...)
	f, err := safetensors.New(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// BenchmarkCompare compares two models of true size by all 16 heads, beside the
// three products a head and model that no way of computing it can do without.
func BenchmarkCompare(b *testing.B) {
	one, two := heads15(b, 1), heads15(b, 2)
	heads, err := Heads(layout(b), one)
	if err != nil {
		b.Fatal(err)
	}
	var whole, bare time.Duration
	work := 0.0
	for b.Loop() {
		start := time.Now()
		if _, err := Calculators()[0].Attention(b.Context(), heads, one, []*checkpoint.File{two}, nil); err != nil {
			b.Fatal(err)
		}
		whole += time.Since(start)
		for _, h := range heads {
			m, x, y := newProjector(h.Dim, runtime.GOMAXPROCS(0)), h.Probe(1), make([]float32, h.Dim*h.Dim)
			w := newPackedWeights(h.Dim)
			m.fill(w.q, h.Probe(2))
			start := time.Now()
			for range 2 * 3 {
				m.multiply(y, x, w.q)
				work += 2 * float64(h.Dim) * float64(h.Dim) * float64(h.Dim)
			}
			bare += time.Since(start)
		}
	}
	b.ReportMetric(float64(whole)/float64(bare), "compare/products")
	b.ReportMetric(work/bare.Seconds()/1e9, "GFLOP/s")
	b.ReportMetric(whole.Seconds()/float64(b.N), "s/compare")
}
