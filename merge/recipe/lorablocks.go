package recipe

import (
	"fmt"
	"regexp"

	"mixmatch/merge/block"
)

// LoRABlocks returns the blocks that a list of n numbers is for, as LoRA Block
// Weight has them: those in which the LoRAs of most trainers have anything, 17
// of SD1.x and 12 of SDXL (lora_block_weight.py, svd_merge_lora.py). It is nil
// for another n.
func LoRABlocks(l *block.Layout, n int) []string {
	if n >= l.Len() {
		return nil
	}
	return l.LoRAList(n)
}

// spread returns the ratios of a LoRA in the order of l if they are those of its
// blocks; the others have 0.
func (w list) spread(l *block.Layout) ([]coef, string) {
	names := LoRABlocks(l, len(w.ratios))
	if !w.lora || names == nil {
		return nil, ""
	}
	ratios := make([]coef, l.Len())
	for i, name := range names {
		id, _ := l.Index(name)
		ratios[id] = w.ratios[i]
	}
	return ratios, "they are those of a LoRA's blocks, and the others have 0"
}

// tabLoRA matches how SuperMerger's LoRA tab is told of a LoRA: NAME:0.7, and
// NAME:0.7:BLOCKS, where BLOCKS are numbers or the name of a preset.
var tabLoRA = regexp.MustCompile(`^([^:]+):([-+]?[0-9.]+)(?::(.*))?$`)

// tab makes the model that t is a LoRA if it is written as in SuperMerger's LoRA
// tab, with the numbers of its blocks, which may follow.
func (c *cursor) tab(t *term, first bool) error {
	m := tabLoRA.FindStringSubmatch(t.name)
	if m == nil || t.sub != nil || t.coef != nil || t.lora {
		return nil
	}
	ratio, err := parseNumber(m[2])
	if err != nil {
		return err
	}
	if first {
		return fmt.Errorf("%s could be a LoRA or the share of a model: a model's share is written A x 0.3, and a LoRA stands behind a model", show(t.name))
	}
	*t = term{neg: t.neg, name: NameOf(m[1]), lora: true, weights: []float64{ratio}}
	if m[3] == "" {
		return nil
	}
	if !numeric(m[3]) {
		return fmt.Errorf("the blocks %s of the LoRA %s are a preset, and its numbers are not told: write them as a vector", show(m[3]), show(t.name))
	}
	v, err := parseNumber(m[3])
	if err != nil {
		return err
	}
	t.blocks = []coef{{value: v}}
	for c.peek().kind == comma && c.peekAt(1).kind == word && numeric(c.peekAt(1).text) {
		c.i++
		v, err := c.number()
		if err != nil {
			return err
		}
		t.blocks = append(t.blocks, coef{value: v})
	}
	if ratio != 1 {
		return fmt.Errorf("the ratio %s of the LoRA %s could be meant for its %d numbers or not: SuperMerger's tab takes the numbers as they are, prompts multiply; write 1 there", m[2], show(t.name), len(t.blocks))
	}
	return nil
}

// moreTab reports whether another LoRA of SuperMerger's tab follows, behind a
// comma.
func (c *cursor) moreTab() bool {
	more := false
	for k := 1; c.peek().kind == comma && c.peekAt(k).kind == word; k++ {
		more = more || tabLoRA.MatchString(c.peekAt(k).text)
	}
	return more
}
