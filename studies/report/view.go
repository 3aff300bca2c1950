package report

import (
	"mixmatch/merge/block"
	"mixmatch/similarity"
	"mixmatch/studies"
)

// A View is what a report says of a study, finished or not: its text, its pictures with
// their tables, and the block for model cards are made of it and of nothing else.
type View struct {
	Target   string     `json:"target"`
	Base     string     `json:"base,omitempty"` // what explained and the like are measured from; "" for none
	Arch     block.Arch `json:"arch,omitempty"` // "" before anything was read
	Era      block.Era  `json:"era,omitempty"`
	Finished bool       `json:"finished"`
	Metric   string     `json:"metric,omitempty"` // "attention", or "" for the weights' cosine
	Headline string     `json:"headline"`         // one sentence: what is proven
	Words    []string   `json:"words"`            // and what else there is to know, in plain words

	Groups   []Group           `json:"groups,omitempty"`
	Blocks   []Block           `json:"blocks,omitempty"`
	Sources  []Source          `json:"sources"`
	Steps    []studies.Step    `json:"steps,omitempty"`
	Begins   []bool            `json:"begins,omitempty"` // by step: it does not go on from the step before
	Left     *Left             `json:"left,omitempty"`
	LoRA     *studies.LoRA     `json:"lora,omitempty"`
	Alike    *Alike            `json:"alike,omitempty"`
	Searches []Search          `json:"searches,omitempty"`
	Trials   int               `json:"trials"`
	Recipe   string            `json:"recipe,omitempty"` // in SuperMerger's notation, with the similarity after each step
	Formats  []Document        `json:"formats,omitempty"`
	Files    []File            `json:"files"`
	Notes    []string          `json:"notes,omitempty"`
	Absent   map[string]string `json:"absent,omitempty"` // by picture, why it is left out

	layout *block.Layout // nil before anything was read
}

// A Group is blocks that are searched together; its numbers are means over them.
type Group struct {
	Name      block.Group        `json:"name"`
	Achieved  *float64           `json:"achieved,omitempty"` // none before a search has begun
	Ceiling   float64            `json:"ceiling"`
	Explained *float64           `json:"explained,omitempty"`
	Published *float64           `json:"published,omitempty"`
	Verdict   similarity.Verdict `json:"verdict,omitempty"`
}

// A Block is what is known of one block. Similarities are cosines.
type Block struct {
	Name        string             `json:"name"`
	Group       block.Group        `json:"group"`
	Achieved    *float64           `json:"achieved,omitempty"` // none before its search has begun
	Ceiling     float64            `json:"ceiling"`
	Explained   *float64           `json:"explained,omitempty"` // of what separates the target from the base
	Unexplained *float64           `json:"unexplained,omitempty"`
	Noise       float64            `json:"noise"`            // what is left, in roundings of the target
	Single      string             `json:"single,omitempty"` // the source that is closest by itself
	SingleScore float64            `json:"single_score,omitempty"`
	Verdict     similarity.Verdict `json:"verdict,omitempty"`
	Weights     []studies.Weight   `json:"weights,omitempty"`
}

// gap returns how far b is from the ceiling.
func (b *Block) gap() *float64 {
	if b.Achieved == nil {
		return nil
	}
	v := max(0, b.Ceiling-*b.Achieved)
	return &v
}

// weight returns the weight of a source in b, nil where it has none.
func (b *Block) weight(source string) *studies.Weight {
	for i := range b.Weights {
		if b.Weights[i].Source == source {
			return &b.Weights[i]
		}
	}
	return nil
}

// A Source is a candidate, and the range of its weights.
type Source struct {
	Name      string              `json:"name"`
	LoRA      bool                `json:"lora,omitempty"`
	Evidence  similarity.Standing `json:"evidence,omitempty"` // "" before anything was read
	Low, High float64             // the lowest and the highest of its weights
	MaxError  float64             `json:"max_error"`
	Vague     bool                `json:"vague,omitempty"` // it has a twin that its share may be of
	Blocks    int                 `json:"blocks"`          // in how many it takes part
}

// Left is what the mix leaves of the target, by kind of tensor and block.
type Left struct {
	From  string        `json:"from"` // the model that shares are measured from; "" for the nearest in each block
	Kinds []string      `json:"kinds"`
	Cells [][]*LeftCell `json:"cells"` // by kind and by block of the page; nil where there are no such tensors
}

// A LeftCell is what is left in tensors of a kind in a block.
type LeftCell struct {
	Share     float64 `json:"share"`     // of what separates the target from the model measured from
	Roundings float64 `json:"roundings"` // |T-M|^2 in roundings of the target
	Part      float64 `json:"part"`      // of all that is left in the blocks together
}

// Alike is how alike the sources' differences from one model are.
type Alike struct {
	From    string       `json:"from"`
	Names   []string     `json:"names"`             // the target last
	Cosines [][]*float64 `json:"cosines"`           // nil where one does not differ at all
	Others  int          `json:"others,omitempty"`  // sources that are left out, since there are so many
	Skipped int          `json:"skipped,omitempty"` // tensors left out, since a model lacks them
}

// A Search is what one search's journal holds. Values are 1 - similarity.
type Search struct {
	Name    string   `json:"name"` // the block's, or group-GROUP
	Trials  int      `json:"trials"`
	Best    []Point  `json:"best"`              // each trial that was better than all before it
	Spans   []Span   `json:"spans"`             // the lowest and the highest of some trials in a row
	Ceiling *float64 `json:"ceiling,omitempty"` // no mix has a lower value; none for the attention similarity
}

// A Point is one trial.
type Point struct {
	Trial int     `json:"trial"`
	Value float64 `json:"value"`
}

// A Span is the values of trials From to To.
type Span struct {
	From, To int
	Lo, Hi   float64
}

// A Document is the recipe in the format of a program.
type Document struct {
	Name  string   `json:"name"`
	Ext   string   `json:"ext"`
	Doc   string   `json:"doc"`
	Text  string   `json:"text,omitempty"`
	Why   string   `json:"why,omitempty"` // why there is no text
	Notes []string `json:"notes,omitempty"`
}

// A File is a model of the study, as far as it is known.
type File struct {
	Name    string `json:"name"`
	Role    string `json:"role"`              // target, base, source or LoRA
	File    string `json:"file"`              // its name, without folders
	Size    int64  `json:"size"`              // 0 where it is not known
	SHA256  string `json:"sha256,omitempty"`  // of the file
	Legacy  string `json:"legacy,omitempty"`  // the web UI's old hash
	Content string `json:"content,omitempty"` // mixmatch's digest of what is in it
	Licence string `json:"licence,omitempty"` // as its metadata tell
	Author  string `json:"author,omitempty"`  // likewise
	Note    string `json:"note,omitempty"`    // why something is not known
}
