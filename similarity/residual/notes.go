package residual

import (
	"fmt"
	"sort"
	"strings"

	"mixmatch/merge/block"
)

// The tensors that SuperMerger's Adjust changes after a merge (mergers.py, "fineman"
// and colorcalc): the first convolution, the last norm, and the last bias, which
// sets contrast, brightness and colour.
const (
	adjustIn     = "model.diffusion_model.input_blocks.0.0.weight"
	adjustInBias = "model.diffusion_model.input_blocks.0.0.bias"
	lastBias     = "model.diffusion_model.out.2.bias"
)

var adjustable = map[string]bool{
	adjustIn: true, adjustInBias: true, lastBias: true,
	"model.diffusion_model.out.0.weight": true, "model.diffusion_model.out.0.bias": true,
	"model.diffusion_model.out.2.weight": true,
}

// unlike is how many roundings what is left of a tensor comes to if it is more
// than a long recipe's.
const unlike = 25

// Ranks counts the matrices of a kind in which a LoRA was found.
type Ranks struct {
	Kind Kind
	Rank int // the most frequent
	Low  int // matrices with a LoRA
	Of   int // matrices looked at
}

// Ranks returns, for each kind of matrix looked at, in how many a LoRA was found
// and of what rank most of them are.
func (r *Result) Ranks() []Ranks {
	var out []Ranks
	for _, k := range Kinds() {
		n := Ranks{Kind: k}
		count := map[int]int{}
		for i := range r.Tensors {
			if r.Tensors[i].Kind != k {
				continue
			}
			for _, p := range r.Tensors[i].Pieces {
				n.Of++
				if p.Rank > 0 {
					n.Low++
					count[p.Rank]++
				}
			}
		}
		for rank, c := range count {
			if c > count[n.Rank] || c == count[n.Rank] && rank > n.Rank {
				n.Rank = rank
			}
		}
		if n.Of > 0 {
			out = append(out, n)
		}
	}
	return out
}

// Elsewhere names what else the remainder lies in, in words: tensors that a merge
// and a LoRA leave alone, another text encoder or VAE.
func (r *Result) Elsewhere() []string {
	var notes, adjusted []string
	parts := map[block.Part][2]int{} // tensors beyond rounding, and all
	for i := range r.Tensors {
		l := &r.Tensors[i]
		odd := l.Outside() > unlike*l.Floor
		c := parts[l.Part()]
		c[1]++
		if odd {
			c[0]++
		}
		parts[l.Part()] = c
		if odd && adjustable[l.Key] {
			adjusted = append(adjusted, strings.TrimPrefix(l.Key, "model.diffusion_model."))
		}
	}
	unet := parts[block.UNet]
	if len(adjusted) > 0 && unet[0] <= len(adjusted)+unet[1]/50 { // little else is left
		sort.Strings(adjusted)
		if len(adjusted) == 1 && adjusted[0] == "out.2.bias" {
			notes = append(notes, "a constant was added to the output's bias (out.2.bias): brightness or colour, as SuperMerger's Adjust sets it")
		} else {
			notes = append(notes, fmt.Sprintf("the first or last layers were changed, as SuperMerger's Adjust does: %s", strings.Join(adjusted, ", ")))
		}
	}
	for _, q := range []struct {
		part block.Part
		what string
	}{{block.TextEncoder, "text encoder"}, {block.VAE, "VAE"}} {
		if c := parts[q.part]; c[1] > 0 && 2*c[0] > c[1] && 4*unet[0] < unet[1] {
			notes = append(notes, fmt.Sprintf("the %s is another one than the recipe's: %d of its %d tensors are beyond rounding", q.what, c[0], c[1]))
		}
	}
	return notes
}
