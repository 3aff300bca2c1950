package studies

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"

	"mixmatch/merge"
	"mixmatch/merge/block"
	"mixmatch/merge/durable"
	"mixmatch/optimize"
	"mixmatch/studies/compose"
)

// A Plan says what a study searches. It never changes once the study is
// there: everything else in the study follows from it and the files it names.
type Plan struct {
	Format   int           `json:"format"`
	Target   Input         `json:"target"`
	Sources  []Input       `json:"sources"`          // in the order of weights; the others are measured from the first
	Base     string        `json:"base"`             // the source that add-difference subtracts; "" for none
	Template string        `json:"template"`         // a recipe with holes; "" to compose one
	Style    compose.Style `json:"style,omitempty"`  // of the steps composed
	Era      block.Era     `json:"era"`              // the block map; "" to recognise it
	Groups   []block.Group `json:"groups"`           // what is searched; nil in a [Config] for all
	Metric   string        `json:"metric,omitempty"` // [Attention], or "" for the weights' cosine
	Sampler  string        `json:"sampler"`
	Trials   int           `json:"trials"`             // for each search
	Polish   int           `json:"polish"`             // evaluations of each search's local polish
	Searches int           `json:"searches,omitempty"` // see searchVersion
	Seed     int64         `json:"seed"`
}

const planFormat = 1

// searchVersion is that of the samplers and local searches. Trials of one cannot be
// gone on with by another. Plans of the first do not say theirs.
const searchVersion = 2

// Check returns an error that says which setting is out of range, if any.
func (p *Plan) Check() error {
	switch {
	case p.Format != planFormat:
		return fmt.Errorf("plan of format %d; this program knows format %d", p.Format, planFormat)
	case len(p.Sources) == 0 || p.Sources[0].Difference:
		return errors.New("no models among the sources")
	case p.Target.Difference:
		return errors.New("the target is a LoRA")
	case !slices.IsSortedFunc(p.Sources, differencesLast):
		return errors.New("LoRAs among the sources must come last")
	case p.Trials < 0 || p.Trials > 1_000_000:
		return fmt.Errorf("%d trials: give 0 to 1000000", p.Trials)
	case p.Polish < 0 || p.Polish > 1_000_000:
		return fmt.Errorf("polish of %d evaluations: give 0 to 1000000", p.Polish)
	case !slices.Contains(optimize.Samplers(), p.Sampler):
		return fmt.Errorf("unknown sampler %q: give one of %v", p.Sampler, optimize.Samplers())
	case p.Metric == Attention && len(p.Fingerprints()) > 0:
		return fmt.Errorf("the attention similarity needs files, and of %s there are fingerprints: give the files, or leave out the metric", some(p.Fingerprints()))
	case p.Metric != "" && p.Metric != Attention:
		return fmt.Errorf("unknown metric %q: give %q or none for the cosine of the weights", p.Metric, Attention)
	case p.Era != "" && !slices.Contains(block.Eras(), p.Era):
		return fmt.Errorf("unknown era %q: give one of %v", p.Era, block.Eras())
	case !slices.Contains(compose.Styles(), p.Style):
		return fmt.Errorf("unknown style %q: give one of %q", p.Style, compose.Styles()[1:])
	case p.Style != compose.Default && p.Template != "":
		return fmt.Errorf("the style %s is for steps that are composed, but a recipe is given", p.Style)
	case p.Style == compose.Author && p.Metric == Attention:
		return errors.New("the author's steps are found by the weights: leave out the style or the metric")
	case len(p.Groups) == 0:
		return errors.New("no group of blocks to search")
	}
	if p.Base != "" && p.base() < 0 {
		return fmt.Errorf("the base %q is none of the sources", p.Base)
	}
	return nil
}

// differencesLast sorts inputs: LoRAs come last, as in products.
func differencesLast(a, b Input) int { return merge.DifferencesLast(a.Difference, b.Difference) }

// base returns the place of the base among the sources, or -1.
func (p *Plan) base() int {
	if p.Base == "" {
		return -1
	}
	return slices.IndexFunc(p.Sources, func(in Input) bool { return in.Name == p.Base })
}

// names returns the names of the sources, in the order of weights.
func (p *Plan) names() []string {
	var names []string
	for _, in := range p.Sources {
		names = append(names, in.Name)
	}
	return names
}

// A sealed plan is a plan as it is stored, with a checksum: a plan that was
// changed would lead the journals astray.
type sealed struct {
	Plan
	CRC string `json:"crc32"`
}

func readPlan(path string) (*Plan, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	var s sealed
	if err := dec.Decode(&s); err != nil {
		return nil, fmt.Errorf("%s: %w: %w: without its plan a study cannot go on; begin a new one", path, ErrDamaged, err)
	}
	if sum, err := checksum(&s.Plan); err != nil || sum != s.CRC {
		return nil, fmt.Errorf("%s: %w: it is not as it was written; a plan cannot be edited, start a new study", path, ErrDamaged)
	}
	if err := s.Check(); err != nil {
		return nil, fmt.Errorf("%s: %w: %w", path, ErrDamaged, err)
	}
	return &s.Plan, nil
}

func writePlan(path string, p *Plan) error {
	sum, err := checksum(p)
	if err != nil {
		return err
	}
	text, err := json.MarshalIndent(sealed{*p, sum}, "", "  ")
	if err != nil {
		return err
	}
	return durable.WriteFile(path, append(text, '\n'))
}
