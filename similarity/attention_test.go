package similarity

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"mixmatch/merge/checkpoint"
	"mixmatch/merge/checkpoint/safetensors"
)

// open opens one of three small models: the attention tensors of random
// fine-tunes, stored in three formats (testdata/README).
func open(t *testing.T, name string) *checkpoint.File {
	t.Helper()
	z, err := os.Open("testdata/" + name + ".safetensors.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	r, err := gzip.NewReader(z)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	f, err := safetensors.New(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// A session is one recorded run of similar.py.
type session struct {
	command string
	seed    uint64
	blocks  []string
	cells   [][]string // [other][block]
	totals  []string
}

// sessions reads testdata/similar_py_output.txt.
func sessions(t *testing.T) (all []session) {
	t.Helper()
	text, err := os.ReadFile("testdata/similar_py_output.txt")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		fields := strings.FieldsFunc(line, func(r rune) bool { return r == '|' || r == ' ' })
		if c, ok := strings.CutPrefix(line, "### "); ok {
			all = append(all, session{command: c})
			continue
		}
		s := &all[len(all)-1]
		switch _, total, isTotal := strings.Cut(line, "] - "); {
		case strings.HasPrefix(line, "seed:"):
			if s.seed, err = strconv.ParseUint(fields[1], 10, 64); err != nil {
				t.Fatal(err)
			}
		case isTotal:
			s.totals = append(s.totals, strings.TrimSpace(total))
		case strings.Contains(line, "%"):
			s.cells = append(s.cells, fields)
		case strings.HasPrefix(line, "|"):
			s.blocks = fields
		}
	}
	return all
}

func TestAttentionPublished(t *testing.T) {
	l := layout(t)
	a := open(t, "a_fp16")
	others := []*checkpoint.File{open(t, "b_fp32"), open(t, "c_bf16")}
	heads, err := Heads(l, a)
	if err != nil {
		t.Fatal(err)
	}
	if len(heads) != 16 {
		t.Fatalf("%d heads, not 16", len(heads))
	}
	list := sessions(t)
	if len(list) != 7 {
		t.Fatalf("%d sessions, not 7", len(list))
	}
	for _, s := range list {
		t.Run(s.command, func(t *testing.T) {
			chosen := slices.DeleteFunc(slices.Clone(heads), func(h Head) bool {
				name := strings.Replace(l.Name(h.Block), "M00", "MID00", 1)
				return !slices.Contains(s.blocks, name)
			})
			c := Calculators()[0]
			c.Seed = s.seed
			got, err := c.Attention(t.Context(), chosen, a, others, nil)
			if err != nil {
				t.Fatal(err)
			}
			for j := range others {
				var column []float32
				for i, row := range got {
					column = append(column, row[j])
					if cell := fmt.Sprintf("%.4f%%", row[j]*100); cell != s.cells[j][i] {
						t.Errorf("%s, model %d: %s, not %s", s.blocks[i], j, cell, s.cells[j][i])
					}
				}
				if total := fmt.Sprintf("%.4f%%", Mean(column)*100); total != s.totals[j] {
					t.Errorf("total of model %d: %s, not %s", j, total, s.totals[j])
				}
			}
		})
	}
}

// TestAttentionSuperMerger compares with what asimilarity of SuperMerger's
// scripts/supermerger.py gives for the three models with torch 1.13.1 (with a
// reference BLAS and with OpenBLAS) and 2.15.0 (with MKL).
func TestAttentionSuperMerger(t *testing.T) {
	want := [][]string{
		{
			"97.874", "96.108", "90.445", "95.022", "93.866", "92.591", "93.789", "91.788",
			"92.716", "92.726", "96.153", "93.248", "91.588", "94.101", "95.637", "95.779",
		},
		{
			"99.442", "99.511", "95.835", "99.168", "98.945", "98.510", "98.918", "97.277",
			"98.523", "98.486", "99.199", "98.669", "94.420", "99.292", "99.202", "99.367",
		},
	}
	a := open(t, "a_fp16")
	others := []*checkpoint.File{open(t, "b_fp32"), open(t, "c_bf16")}
	heads, err := Heads(layout(t), a)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Calculators()[1].Attention(t.Context(), heads, a, others, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i, row := range got {
		for j, v := range row {
			if cell := fmt.Sprintf("%.3f", float64(v)*100); cell != want[j][i] {
				t.Errorf("head %d, model %d: %s, not %s", i, j, cell, want[j][i])
			}
		}
	}
}
