package exchange

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"mixmatch/merge/block"
)

// TestReaders writes documents for .ci/readers.sh, which has the programs that
// they are for read them, and the weights that those must come to.
func TestReaders(t *testing.T) {
	dir := os.Getenv("READERS")
	if dir == "" {
		t.Skip("set READERS to a folder to write documents to")
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(5, 6))
	for i := range 8 {
		l := layoutOf(t, block.SD1, block.Eras()[i%3])
		if i%4 == 3 {
			l = layoutOf(t, block.SDXL, block.SM2025)
		}
		r := random(t, rng, l, tame(), allModes(), false)
		expect := struct {
			Sources []string             `json:"sources"`
			Keys    map[string][]float64 `json:"keys"`
		}{r.Sources(), map[string][]float64{}}
		e := &exporter{Recipe: r}
		keys, _ := (&Options{}).keys(l)
		for _, key := range keys {
			w := map[string]float64{e.KeySources()[0]: 1}
			if id, ok := l.Of(key); ok {
				w = flat(r, id)
			}
			for _, name := range expect.Sources {
				expect.Keys[key] = append(expect.Keys[key], w[name])
			}
		}
		write := func(ext string, text []byte, err error) {
			if err == nil {
				err = os.WriteFile(filepath.Join(dir, fmt.Sprintf("case-%d%s", i, ext)), text, 0o644)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		text, err := json.Marshal(expect)
		write(".expect", text, err)
		for _, format := range []string{"mecha", "mergekit", "json"} {
			c, err := find(format)
			if err != nil {
				t.Fatal(err)
			}
			text, _, err := Export(r, format, Options{})
			write(c.Ext, text, err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "recipe.schema.json"), []byte(Schema()), 0o644); err != nil {
		t.Fatal(err)
	}
}
