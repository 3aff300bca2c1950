package recipe

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"mixmatch/merge/block"
)

// MaxSteps is how many steps a recipe may have.
const MaxSteps = 10_000

// New makes a recipe of steps, in any order: each is moved up before the first
// step that takes its result, and stays where it was otherwise. It takes over
// the steps' rows.
//
// It is an error if a row has not one ratio for each block of l, or one that is
// not finite, if a name is empty, made twice, or both a model's and a LoRA's, or
// if steps need each other.
func New(l *block.Layout, steps []Step) (*Recipe, error) {
	return build(l, steps, "")
}

// build is New that keeps only the steps that result needs, unless it is "".
func build(l *block.Layout, steps []Step, result string) (*Recipe, error) {
	if len(steps) == 0 {
		return nil, errors.New("no merge step")
	}
	if len(steps) > MaxSteps {
		return nil, fmt.Errorf("%d steps; at most %d can be handled", len(steps), MaxSteps)
	}
	maker := make(map[string]int, len(steps))
	for i := range steps {
		s := &steps[i]
		if err := check(l, s); err != nil {
			return nil, s.errorf("%w", err)
		}
		if first, ok := maker[s.Out]; ok {
			if at := steps[first].Line; at > 0 {
				return nil, s.errorf("%s is made twice: first on line %d", quote(s.Out), at)
			}
			return nil, s.errorf("%s is made twice", quote(s.Out))
		}
		maker[s.Out] = i
	}
	if err := checkKinds(steps); err != nil {
		return nil, err
	}
	o := &order{steps: steps, maker: maker, state: make([]uint8, len(steps))}
	if result != "" {
		last, ok := maker[result]
		if !ok {
			return nil, fmt.Errorf("no step makes %s%s", quote(result), didYouMean(result, outs(steps)))
		}
		if err := o.visit(last); err != nil {
			return nil, err
		}
		return &Recipe{Layout: l, Steps: o.sorted}, nil
	}
	for i := range steps {
		if err := o.visit(i); err != nil {
			return nil, err
		}
	}
	return &Recipe{Layout: l, Steps: o.sorted}, nil
}

// errorf returns an error that begins with the step's line, if it has one.
func (s *Step) errorf(format string, args ...any) error {
	if s.Line > 0 {
		return fmt.Errorf("line "+strconv.Itoa(s.Line)+": "+format, args...)
	}
	return fmt.Errorf(format, args...)
}

// check reports what is wrong with a step on its own.
func check(l *block.Layout, s *Step) error {
	if s.Mode > AddLoRA {
		return fmt.Errorf("%s: %v", quote(s.Out), s.Mode)
	}
	if s.Out == "" {
		return errors.New("the step's result has no name")
	}
	if s.Mode == AddLoRA {
		if err := checkLoRA(s); err != nil {
			return fmt.Errorf("%s: %w", quote(s.Out), err)
		}
	}
	for _, n := range s.Operands() {
		if n == "" {
			return fmt.Errorf("%s: one of the models merged has no name", quote(s.Out))
		}
		if n == s.Out {
			return fmt.Errorf("%s is made from itself", quote(s.Out))
		}
	}
	if err := checkRow(l, s.Alpha); err != nil {
		return fmt.Errorf("%s: alpha %w", quote(s.Out), err)
	}
	if err := checkCalc(l, s); err != nil {
		return fmt.Errorf("%s: %w", quote(s.Out), err)
	}
	if !s.HasBeta() {
		return nil
	}
	if err := checkRow(l, s.Beta); err != nil {
		return fmt.Errorf("%s: beta %w", quote(s.Out), err)
	}
	return nil
}

func checkRow(l *block.Layout, row Row) error {
	if len(row) != l.Len() {
		return fmt.Errorf("has %d ratios for %d blocks", len(row), l.Len())
	}
	for i, x := range row {
		switch {
		case !(math.Abs(x.Value) <= MaxRatio): // NaN fails too
			return fmt.Errorf("of %s is %v, which is no ratio", l.Name(block.ID(i)), x.Value)
		case x.Hole > Shared:
			return fmt.Errorf("of %s is an unknown kind of hole", l.Name(block.ID(i)))
		case x.Hole != Fixed && !(-MaxRatio <= x.Lo && x.Lo < x.Hi && x.Hi <= MaxRatio):
			return fmt.Errorf("of %s has the bounds [%v,%v]", l.Name(block.ID(i)), x.Lo, x.Hi)
		}
	}
	return nil
}

// An order sorts steps so that each comes after those that it needs.
type order struct {
	steps  []Step
	maker  map[string]int // name made -> index of its step
	state  []uint8        // 0 not seen, 1 being visited, 2 done
	sorted []Step
}

// visit appends step i to the sorted ones, and before it all that it needs. It
// keeps its own stack, since a chain of steps can be as long as the recipe.
func (o *order) visit(i int) error {
	if o.state[i] != 0 {
		return nil
	}
	type frame struct {
		step, next int // next is the operand to look at
	}
	stack := []frame{{step: i}}
	o.state[i] = 1
	for len(stack) > 0 {
		top := &stack[len(stack)-1]
		names := o.steps[top.step].Operands()
		if top.next == len(names) {
			o.state[top.step] = 2
			o.sorted = append(o.sorted, o.steps[top.step])
			stack = stack[:len(stack)-1]
			continue
		}
		need, ok := o.maker[names[top.next]]
		top.next++
		if !ok || o.state[need] == 2 {
			continue
		}
		if o.state[need] == 1 {
			var path []string
			for k := len(stack) - 1; ; k-- {
				path = append(path, quote(o.steps[stack[k].step].Out))
				if stack[k].step == need {
					break
				}
			}
			path = append(path, path[0])
			const most = 12 // names to show of a long circle
			if len(path) > most {
				path = append(append(path[:most-1:most-1], "..."), path[0])
			}
			s := &o.steps[need]
			return s.errorf("the steps go in a circle, each made from the one before: %s", strings.Join(path, " -> "))
		}
		o.state[need] = 1
		stack = append(stack, frame{step: need})
	}
	return nil
}

func outs(steps []Step) []string {
	names := make([]string, len(steps))
	for i := range steps {
		names[i] = steps[i].Out
	}
	return names
}
