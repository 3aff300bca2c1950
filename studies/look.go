package studies

import (
	"context"
	"errors"
	"fmt"
	"os"

	"mixmatch/merge/block"
	"mixmatch/similarity"
)

// A Look is what the products of a study say by themselves: whatever its searches have
// come to, how close a mix could come and who is in the target.
type Look struct {
	Plan   Plan
	Gram   *similarity.Gram // as the searches see it: for a target that is a mix times a number, divided by that
	Blocks *similarity.Blocks
	IDs    []block.ID // the blocks that are searched, ascending
	Base   int        // the place of the base among the models, or -1
	Proof  *similarity.Evidence
	Notes  []string // what was assumed or left out
}

// LookAt looks at the products of the study in dir. It takes no lock and changes
// nothing. The error wraps [ErrPending] if nothing was measured yet.
func LookAt(ctx context.Context, dir string) (*Look, error) {
	s, m, err := lookUp(ctx, dir)
	if err != nil {
		return nil, err
	}
	base := s.Plan.base()
	proof, err := m.blocks.Weigh(ctx, m.ids, base)
	if err != nil {
		return nil, err
	}
	return &Look{Plan: s.Plan, Gram: m.gram, Blocks: m.blocks, IDs: m.ids, Base: base, Proof: proof, Notes: m.notes}, nil
}

// lookUp returns what was measured for the study in dir, but for the evidence. It takes
// no lock. The error wraps [ErrPending] if nothing was.
func lookUp(ctx context.Context, dir string) (*Study, *measured, error) {
	p, err := peek(dir)
	if err != nil {
		return nil, nil, err
	}
	s := &Study{Dir: dir, Plan: *p}
	var m *measured
	g, err := s.kept(ctx)
	if err == nil {
		m, err = s.sumUp(ctx, g)
	}
	if errors.Is(err, os.ErrNotExist) { // the products, or what fingerprints told
		err = fmt.Errorf("%s: %w: go on with \"resume\"", dir, ErrPending)
	}
	return s, m, err
}

// ReadPlan returns the plan of the study in dir.
func ReadPlan(dir string) (*Plan, error) { return peek(dir) }
