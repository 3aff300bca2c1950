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
	f, err := checkpoint.NewFile(bytes.NewReader(b), int64(len(b)))
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
