package studies

import (
	"mixmatch/merge/block"
	"mixmatch/similarity"
)

// A Summary is everything a run found out. It is what the screen, the report
// and programs that read summary.json are made from.
type Summary struct {
	Format  int                `json:"format"`
	Target  string             `json:"target"`
	Base    string             `json:"base,omitempty"`
	Arch    block.Arch         `json:"arch"`
	Era     block.Era          `json:"era"`
	EraBy   string             `json:"era_by"` // "recognised", "given", "assumed", or "only" where there is no other
	Eras    []EraFit           `json:"eras,omitempty"`
	Verdict similarity.Verdict `json:"verdict"`
	Groups  []Group            `json:"groups"`
	Steps   []Step             `json:"steps"`
	Missing *Missing           `json:"missing,omitempty"` // what is in the target and in no source
	LoRA    *LoRA              `json:"lora,omitempty"`    // that was baked in, by a look at some matrices
	Sources []Source           `json:"sources"`           // all candidates
	Twins   []similarity.Twin  `json:"twins,omitempty"`
	VAE     VAE                `json:"vae"`

	// Fingerprints are the models of which fingerprints were compared in place of files.
	Fingerprints []string `json:"fingerprints,omitempty"`

	Recipe   string   `json:"recipe"`
	Template bool     `json:"template"` // the recipe's steps were given
	Trials   int      `json:"trials"`
	Notes    []string `json:"notes,omitempty"`
	Unread   []string `json:"unread,omitempty"` // models whose files were gone, so that what is not in the products is left out
	CRC      string   `json:"crc32"`            // of the summary without it
}

// An EraFit is how well one era's block map explains the tensors whose block differs
// from era to era: time_embed of Stable Diffusion, the scales of norms of Flux.
type EraFit struct {
	Era   block.Era `json:"era"`
	Block string    `json:"block"`
	Noise float64   `json:"noise"` // residual, in roundings of the target
}

// A Group is what was reached in blocks searched together. Its numbers are the
// plain means of its blocks', as the calculators' totals are.
type Group struct {
	Name      block.Group        `json:"name"`
	Achieved  float64            `json:"achieved"`
	Ceiling   float64            `json:"ceiling"`
	Explained *float64           `json:"explained,omitempty"` // only with a base
	Published *float64           `json:"published,omitempty"` // what similar.py prints of the attention, a mean
	Attention *Likeness          `json:"attention,omitempty"` // with the attention metric: means over the blocks
	Verdict   similarity.Verdict `json:"verdict"`
	Blocks    []Block            `json:"blocks"`
}

// A Block is what was reached in one block.
type Block struct {
	Name        string             `json:"name"`
	Achieved    float64            `json:"achieved"`            // cosine of the recipe as printed
	Ceiling     float64            `json:"ceiling"`             // best cosine of any mix of the sources
	Explained   *float64           `json:"explained,omitempty"` // 1 - |T-M|^2/|T-B|^2
	Unexplained float64            `json:"unexplained"`         // share of |T-B|^2, B the base or else the nearest source
	Noise       float64            `json:"noise"`               // |T-M|^2 in roundings of the target
	Verdict     similarity.Verdict `json:"verdict"`
	Searched    *float64           `json:"searched,omitempty"` // best cosine of the search, before rounding
	Trials      int                `json:"trials"`
	Published   *float64           `json:"published,omitempty"` // what similar.py prints of its attention
	Attention   *Likeness          `json:"attention,omitempty"` // with the attention metric
	Weights     []Weight           `json:"weights"`
	Same        [][]string         `json:"same,omitempty"` // sources that are the same in this block
}

// A Weight is the share of one source in one block.
type Weight struct {
	Source string  `json:"source"`
	Weight float64 `json:"weight"`
	Error  float64 `json:"error"`           // the truth is within it in 95 of 100 cases; 0 where the recipe gives no choice
	Vague  bool    `json:"vague,omitempty"` // the error is beyond all bounds: the source has a twin
	Low    float64 `json:"low"`             // the true weight is between low and high in 95 of 100 cases: where a source is
	High   float64 `json:"high"`            // missing they need not lie evenly around the weight of the closest mix
}

// A Step is one merge and how close the model is after it.
type Step struct {
	Text       string                  `json:"text"`
	Evidence   similarity.Standing     `json:"evidence,omitempty"`  // the least of the sources it brings in
	Similarity map[block.Group]float64 `json:"similarity"`          // cosines of the weights
	Published  map[block.Group]float64 `json:"published,omitempty"` // what similar.py prints
}

// A Source is a candidate, what speaks for it, and the range of its weights: those
// in [Missing.Blocks] count only for one that has no others.
type Source struct {
	Name     string              `json:"name"`
	LoRA     bool                `json:"lora,omitempty"` // it is added, so that its weight stands outside the sum of 1
	Evidence similarity.Standing `json:"evidence"`
	Low      float64             `json:"low"`  // the lowest of its weights in the recipe
	High     float64             `json:"high"` // the highest
	MaxError float64             `json:"max_error"`
	Vague    bool                `json:"vague,omitempty"` // it has a twin that its share may be of
	Blocks   int                 `json:"blocks"`          // in how many it takes part; 0 where the recipe has no weights
}

// Missing describes what is in the target and in none of the sources.
type Missing struct {
	Weight float64 `json:"weight"` // as a share of the mix; 0 where too few sources are there to tell
	Low    float64 `json:"low"`
	High   float64 `json:"high"`

	Subtracted bool     `json:"subtracted,omitempty"` // it is subtracted: the base of add differences
	WithBase   *float64 `json:"with_base,omitempty"`  // the weight of the base and what is missing together, where only that is known
	Near       []string `json:"near,omitempty"`       // sources another version of which it may be

	// Where sources that are in the mix have no weights in the only blocks in which
	// anything is missing, and all others are exact: those, the sources, and which part of
	// a model it is that these lack, if they lack all of it.
	Blocks  []string `json:"blocks,omitempty"`
	Lacking []string `json:"lacking,omitempty"`
	Part    string   `json:"part,omitempty"`
}

// A VAE says where the target's VAE comes from.
type VAE struct {
	Source     string  `json:"source,omitempty"` // the nearest; "" if the target has none, or no source has one
	Same       bool    `json:"same"`             // the source's, but for rounding
	Blended    bool    `json:"blended"`          // a blend with the weights of BASE, as SuperMerger makes it
	Difference float64 `json:"difference"`       // |T-S|/|T|
	Other      bool    `json:"other,omitempty"`  // to the bit it is that of none of the sources, and fingerprints tell no more
}
