package identify

import (
	"slices"

	"mixmatch/merge/block"
	"mixmatch/similarity"
	"mixmatch/similarity/fingerprint"
	"mixmatch/similarity/library"
)

// A Result is what was found out about a target. docs/json.md has its fields.
type Result struct {
	Format  int                `json:"format"`
	Target  string             `json:"target"`
	Base    string             `json:"base,omitempty"`
	Arch    block.Arch         `json:"arch"`
	Era     block.Era          `json:"era"`
	EraBy   string             `json:"era_by"` // "recognised", "assumed", or "only" where there is no other
	Verdict similarity.Verdict `json:"verdict"`
	Missing *Missing           `json:"missing,omitempty"` // what is in the target and in no record
	Sources []Source           `json:"sources"`           // surely in it, and perhaps; the largest share first
	Blocks  []Block            `json:"blocks"`
	Parts   []Part             `json:"parts,omitempty"`
	Itself  string             `json:"itself,omitempty"`  // the record that is the target, which is left out
	Answers []Answer           `json:"answers,omitempty"` // of the models that were asked about
	Library Screened           `json:"library"`
	Notes   []string           `json:"notes,omitempty"`
}

// A Source is a record and its part in the target.
type Source struct {
	fingerprint.Card
	Content  string              `json:"content"`
	LoRA     bool                `json:"lora,omitempty"`
	Base     bool                `json:"base,omitempty"` // it is the base that was given
	Evidence similarity.Standing `json:"evidence"`
	Share    float64             `json:"share"` // mean of its weights over the blocks, each counting by its numbers
	Error    float64             `json:"error"` // of the share: the truth is within it in 95 of 100 cases
	Low      float64             `json:"low"`   // the lowest of its weights in the blocks that it is in
	High     float64             `json:"high"`  // the highest
	In       int                 `json:"blocks"`
	Of       int                 `json:"of"`             // blocks, of those that it has
	Same     []string            `json:"same,omitempty"` // other records that the fingerprints cannot tell from it
}

// A Block is one block's mix.
type Block struct {
	Name        string             `json:"name"`
	Numbers     int                `json:"numbers"` // elements of the model
	Verdict     similarity.Verdict `json:"verdict"`
	Cosine      float64            `json:"cosine"`
	Unexplained float64            `json:"unexplained"` // share of |T-B|^2, B the base or else the nearest source
	Noise       float64            `json:"noise"`       // |T-M|^2 in roundings of the target
	Weights     []Weight           `json:"weights"`
	Same        [][]string         `json:"same,omitempty"` // sources that are the same in this block
}

// A Weight is a source's in one block, as in the summaries of studies.
type Weight struct {
	Source string  `json:"source"`
	Weight float64 `json:"weight"`
	Error  float64 `json:"error"` // the truth is within it in 95 of 100 cases
	Vague  bool    `json:"vague,omitempty"`
	Low    float64 `json:"low"`
	High   float64 `json:"high"`
}

// Missing describes what is in the target and in no record, as in the summaries of
// studies.
type Missing struct {
	Weight     float64  `json:"weight"` // as a share of the mix; 0 where that cannot be told
	Low        float64  `json:"low"`
	High       float64  `json:"high"`
	Subtracted bool     `json:"subtracted,omitempty"`
	Near       []string `json:"near,omitempty"` // sources another version of which it may be
}

// A Part is one that is not mixed, and where it is from.
type Part struct {
	Part string   `json:"part"`
	Same []string `json:"same"` // the records read whose part is the same, bit for bit
}

// Screened counts the records.
type Screened struct {
	Records int `json:"records"` // of the target's architecture
	Others  int `json:"others"`  // of other ones, which cannot be in it
	Read    int `json:"read"`    // fingerprints that were read for a closer look
	Rounds  int `json:"rounds"`
}

// An Answer says of a model that was asked about whether it is in the target.
type Answer struct {
	Name     string              `json:"name"`
	Content  string              `json:"content"`
	Evidence similarity.Standing `json:"evidence"`
	As       string              `json:"as,omitempty"` // the source that cannot be told from it
	Share    float64             `json:"share"`
	Error    float64             `json:"error"`
	In       int                 `json:"blocks"`
	Same     []string            `json:"same,omitempty"` // others that cannot be told from it, as in [Source]
}

// Answer says of each of some models whether it is in the target. One that cannot be
// told from a source may be in its place.
func (r *Result) Answer(models []*library.Entry) []Answer {
	var out []Answer
	for _, f := range models {
		a := Answer{Name: f.Name, Content: f.Content, Evidence: similarity.Out}
		for _, s := range r.Sources {
			switch {
			case s.Content == f.Content:
				a = Answer{f.Name, f.Content, s.Evidence, "", s.Share, s.Error, s.In, s.Same}
			case slices.Contains(s.Same, f.Name) && a.Evidence == similarity.Out:
				a = Answer{f.Name, f.Content, similarity.Perhaps, s.Name, s.Share, s.Error, s.In, nil}
			}
		}
		out = append(out, a)
	}
	return out
}
