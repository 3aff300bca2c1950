package recipe

import (
	"errors"
	"fmt"
	"math"
	"strings"
)

// shapes is what errors say of the four modes.
const shapes = "a merge is A x (1-alpha) + B x alpha, A + (B - C) x alpha, " +
	"A x (1-alpha-beta) + B x alpha + C x beta, or (A x (1-alpha) + B x alpha) x (1-beta) + C x beta"

// classify tells which of the four modes the terms are. The coefs are those of
// alpha and, for modes that have it, beta.
func classify(terms []term) (s Step, coefs []coef, err error) {
	switch {
	case len(terms) == 2 && isDifference(terms[1].sub):
		a, d := terms[0], terms[1]
		if a.sub != nil || a.coef != nil || d.neg {
			break
		}
		if d.coef == nil {
			return s, nil, errors.New("the difference has no ratio: A + (B - C) x alpha")
		}
		if d.coef.kind == rest || d.coef.kind == beta {
			return s, nil, errors.New("a difference is multiplied by a number or by alpha")
		}
		return Step{Mode: AddDifference, A: a.name, B: d.sub[0].name, C: d.sub[1].name}, []coef{*d.coef}, nil
	case len(terms) == 2 && isSum(terms[0].sub, 2) && terms[1].sub == nil && !terms[1].neg:
		in, c := terms[0].sub, terms[1]
		inner, err := shares(in, alpha)
		if err != nil {
			return s, nil, err
		}
		outer, err := shares([]term{{name: "the sum", coef: terms[0].coef}, c}, beta)
		if err != nil {
			return s, nil, err
		}
		return Step{Mode: SumTwice, A: in[0].name, B: in[1].name, C: c.name}, append(inner, outer...), nil
	case isSum(terms, 2):
		coefs, err := shares(terms, alpha)
		return Step{Mode: WeightSum, A: terms[0].name, B: terms[1].name}, coefs, err
	case isSum(terms, 3):
		coefs, err := shares(terms, alpha)
		return Step{Mode: TripleSum, A: terms[0].name, B: terms[1].name, C: terms[2].name}, coefs, err
	}
	return s, nil, errors.New("not one of the four merges: " + shapes)
}

// isDifference reports whether terms are B - C.
func isDifference(terms []term) bool {
	return len(terms) == 2 && terms[1].neg && terms[0].sub == nil && terms[1].sub == nil &&
		terms[0].coef == nil && terms[1].coef == nil
}

// isSum reports whether terms are n models, added.
func isSum(terms []term, n int) bool {
	if len(terms) != n {
		return false
	}
	for _, t := range terms {
		if t.neg || t.sub != nil {
			return false
		}
	}
	return true
}

// shares checks that the terms' coefs sum to 1, and returns those of the second
// term and the third. The first letter is what the second term's may be called.
func shares(terms []term, letter coefKind) ([]coef, error) {
	coefs := make([]coef, len(terms))
	for i, t := range terms {
		if t.coef == nil {
			return nil, fmt.Errorf("%s has no ratio: %s", quote(t.name), shapes)
		}
		coefs[i] = *t.coef
	}
	first, others := coefs[0], coefs[1:]
	for i, k := range others {
		if k.kind == rest {
			return nil, errors.New("alpha and beta are shares of the later models, and the first takes the rest: A x (1-alpha) + B x alpha")
		}
		if (k.kind == alpha || k.kind == beta) && k.kind != letter+coefKind(i) {
			return nil, errors.New("alpha and beta stand in the wrong places: " + shapes)
		}
	}
	switch first.kind {
	case rest:
		if len(first.rest) != len(others) {
			return nil, fmt.Errorf("%s takes 1 minus %d ratios, but %d follow", quote(terms[0].name), len(first.rest), len(others))
		}
		for i, k := range first.rest {
			merged, ok := k.same(others[i])
			if !ok {
				return nil, errors.New("the first model's ratio is not 1 minus those of the others")
			}
			others[i] = merged
		}
		return others, nil
	case number:
		sum, written := first.value, []string{format(first.value)}
		for _, k := range others {
			if k.kind != number {
				return nil, errors.New("the first model's ratio is a number, but not all the others are: write A x (1-alpha)")
			}
			sum += k.value
			written = append(written, format(k.value))
		}
		// SuperMerger rounds each to three decimals (mergers.py:1009).
		if tolerance := float64(0.0005*float64(len(coefs))) + 1e-9; math.Abs(sum-1) > tolerance {
			return nil, fmt.Errorf("the ratios %s sum to %.6g; they must sum to 1", strings.Join(written, " and "), sum)
		}
		return others, nil
	}
	return nil, errors.New("the first model takes the rest, as in A x (1-alpha) + B x alpha")
}

// same reports whether k, taken from 1, is the ratio other, and returns it with
// the bounds that either states.
func (k coef) same(other coef) (coef, bool) {
	isOpen := func(c coef) bool { return c.kind == openOwn || c.kind == openShared }
	switch {
	case isOpen(k) && isOpen(other):
		if !k.bounds {
			return other, true
		}
		return k, !other.bounds || k.lo == other.lo && k.hi == other.hi
	case k.kind == number && other.kind == number:
		return other, k.value == other.value
	}
	return other, k.kind == other.kind
}
