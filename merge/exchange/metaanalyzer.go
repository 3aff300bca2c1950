package exchange

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"mixmatch/merge/recipe"
)

// analyzer reads a merge of sd-model-analyzer: a chain in which "madd" begins
// with the base model. Blocks that were not chosen are model A's.
func (m *metaReader) analyzer(rec object, out string) error {
	var modes []string
	var weights [][]float64
	if json.Unmarshal(rec["mode"], &modes) != nil || json.Unmarshal(rec["weights_alpha"], &weights) != nil || len(modes) == 0 {
		return errors.New("no lists of modes and ratios")
	}
	blocks := strings.Split(rec.text("blocks"), ",")
	var letters []string
	if modes[0] == "madd" {
		letters = []string{"model_a"}
	}
	for c := 'b'; rec.text("model_"+string(c)) != "" && c <= 'z'; c++ {
		letters = append(letters, "model_"+string(c))
	}
	if len(letters) > len(modes) || len(letters) > len(weights) {
		return fmt.Errorf("%d models, %d modes and %d lists of ratios", len(letters), len(modes), len(weights))
	}
	m.note("time_embed and what else has no block there is model A's")
	return m.chain(rec, out, letters, "model_base", func(i int) (recipe.Mode, recipe.Row, error) {
		mode := recipe.AddDifference
		switch modes[i] {
		case "sum":
			mode = recipe.WeightSum
		case "add", "madd":
			if i == 0 && modes[0] == "madd" {
				// base + (A - base) x w is A x w + base x (1-w), that is A + (A - base) x (w-1).
				w := slices.Clone(weights[0])
				for k := range w {
					w[k] = math.Round((w[k]-1)*1e12) / 1e12
				}
				row, err := m.fill(blocks, w)
				return mode, row, err
			}
		default:
			return 0, nil, cannot("the mode %.60q", modes[i])
		}
		row, err := m.fill(blocks, weights[i])
		return mode, row, err
	})
}
