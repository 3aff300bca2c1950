package recipe

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"mixmatch/merge/block"
)

// calcModes are SuperMerger's ways to calculate that are not "normal"
// (supermerger.py:42), each before those it begins with.
func calcModes() []string {
	return []string{
		"cosineA", "cosineB", "trainDifference", "smoothAdd MT", "smoothAdd",
		"extract", "tensor2", "tensor", "self", plusRandom,
	}
}

// plusRandom adds numbers that nobody can draw again.
const plusRandom = "plus random"

// calcHasBeta reports whether a calculation mode takes a second ratio, whatever
// the merge.
func calcHasBeta(mode string) bool {
	return mode == "tensor" || mode == "tensor2" || mode == "extract"
}

// cutCalc cuts a calculation mode off the end of what stands before it, as in
// 0.08_tensor_beta_0.25, up to its end in the line. The ratio is NaN if there is
// none. It returns "" for the mode if there is none.
func cutCalc(s string) (before, mode string, ratio float64, to int) {
	before, after, ok := strings.Cut(s, "_")
	if !ok || before != "" && !isDecimal(before) {
		return s, "", 0, 0
	}
	for _, m := range calcModes() {
		rest, ok := strings.CutPrefix(after, m)
		if !ok {
			continue
		}
		ratio := math.NaN()
		if number, ok := strings.CutPrefix(rest, "_beta_"); ok && calcHasBeta(m) {
			n := strings.IndexFunc(number, func(r rune) bool { return strings.ContainsRune(" \t\r,()=", r) })
			if n < 0 {
				n = len(number)
			}
			v, err := parseNumber(number[:n])
			if err != nil {
				continue
			}
			ratio, rest = v, number[n:]
		}
		if !blankAfter(rest, 0) && !strings.ContainsRune(",()=", rune(rest[0])) {
			continue
		}
		return before, m, ratio, len(s) - len(rest)
	}
	return s, "", 0, 0
}

// A calcError is the refusal of a calculation mode.
type calcError string

func (e calcError) Error() string {
	return fmt.Sprintf("calculation mode %q cannot be repeated: it adds numbers drawn without a seed", string(e))
}

// setCalc gives the draft the calculation mode of a token.
func (d *draft) setCalc(c *cursor, t token, l *block.Layout) error {
	switch {
	case t.text == plusRandom:
		return c.errorf(t, "%w", calcError(t.text))
	case d.Calc != "":
		return c.errorf(t, "a second calculation mode")
	}
	d.Calc = t.text
	if d.Calc == "extract" {
		d.Gamma = 1 // SuperMerger's default
	}
	given := t.coef.value
	switch {
	case d.Mode.HasBeta():
		// SuperMerger repeats it, but rounds the other one.
		if !math.IsNaN(given) && d.Beta != nil && d.Beta[0].Hole == Fixed && math.Abs(d.Beta[0].Value-given) > 0.0006 {
			return c.errorf(t, "beta is %s here, and %s before", format(given), format(d.Beta[0].Value))
		}
	case !calcHasBeta(d.Calc):
	case math.IsNaN(given):
		d.lacks = append(d.lacks, "beta")
	default:
		d.Beta = Uniform(l, given)
	}
	return nil
}

// checkCalc reports what is wrong with how a step calculates.
func checkCalc(l *block.Layout, s *Step) error {
	switch {
	case s.Calc == plusRandom:
		return calcError(s.Calc)
	case s.Calc != "" && !slices.Contains(calcModes(), s.Calc):
		return fmt.Errorf("there is no calculation mode %q", s.Calc)
	case !(s.Gamma >= 0 && s.Gamma <= MaxRatio):
		return fmt.Errorf("gamma is %v; it must be 0 or more", s.Gamma)
	case s.Gamma != 0 && s.Calc != "extract":
		return fmt.Errorf("gamma is for the calculation mode extract alone")
	case len(s.Include) > 0 && len(s.Exclude) > 0:
		return fmt.Errorf("a step either includes or excludes keys, not both")
	}
	for _, item := range slices.Concat(s.Include, s.Exclude) {
		if id, ok := l.Index(item); !isItem(item) || ok && l.Name(id) != item {
			return fmt.Errorf("%q is no block and no part of a key", item)
		}
	}
	for _, e := range s.Elements {
		if err := e.check(l); err != nil {
			return err
		}
	}
	return nil
}

// Linear reports whether the recipe comes down to one weight a source in each
// block: whether all its steps calculate the normal way, and treat all keys of
// a block alike.
func (r *Recipe) Linear() bool {
	return !slices.ContainsFunc(r.Steps, func(s Step) bool {
		return s.Calc != "" || len(s.Elements) > 0 || len(s.Include) > 0 || len(s.Exclude) > 0
	})
}
