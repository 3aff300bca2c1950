package recipe

import (
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"unicode"

	"mixmatch/merge/block"
)

// String returns the recipe in the notation that [Parse] reads back to an equal
// recipe, but for the lines its steps stand on. A row that is one number or one
// shared hole stands in the step's line, any other in a line below it.
func (r *Recipe) String() string {
	var b strings.Builder
	for i := range r.Steps {
		r.Steps[i].write(&b, r.Layout)
	}
	return b.String()
}

func (s *Step) write(b *strings.Builder, l *block.Layout) {
	a, m := quote(s.A), quote(s.B)
	var below []string
	// symbol returns name for the step's line, and keeps its row for below.
	symbol := func(name string, row Row) string {
		v, ok := row.scalar()
		if !ok {
			v = "(" + Vector(row) + ")"
		}
		below = append(below, name+" = "+v)
		return name
	}
	// pair returns the two shares of a sum of two.
	pair := func(name string, row Row) (rest, share string) {
		if v, ok := row.number(); ok {
			return complement(v), format(v)
		}
		return "(1-" + name + ")", symbol(name, row)
	}
	switch s.Mode {
	case WeightSum:
		rest, share := pair("alpha", s.Alpha)
		fmt.Fprintf(b, "%s x %s + %s x %s", a, rest, m, share)
	case AddDifference:
		v, ok := s.Alpha.scalar()
		if !ok {
			v = symbol("alpha", s.Alpha)
		}
		fmt.Fprintf(b, "%s + (%s - %s) x %s", a, m, quote(s.C), v)
	case AddLoRA:
		v, ok := s.Alpha.scalar()
		if !ok {
			v = symbol("alpha", s.Alpha)
		}
		fmt.Fprintf(b, "%s + %s x %s", a, quoteLoRA(s.B), v)
	case TripleSum:
		x, ok1 := s.Alpha.number()
		y, ok2 := s.Beta.number()
		rest, share, third := complement(x, y), format(x), format(y)
		if !ok1 || !ok2 {
			rest, share, third = "(1-alpha-beta)", symbol("alpha", s.Alpha), symbol("beta", s.Beta)
		}
		fmt.Fprintf(b, "%s x %s + %s x %s + %s x %s", a, rest, m, share, quote(s.C), third)
	case SumTwice:
		rest, share := pair("alpha", s.Alpha)
		outer, third := pair("beta", s.Beta)
		fmt.Fprintf(b, "(%s x %s + %s x %s) x %s + %s x %s", a, rest, m, share, outer, quote(s.C), third)
	}
	if s.Calc != "" {
		b.WriteString(" _" + s.Calc)
		if v, ok := s.Beta.number(); ok && calcHasBeta(s.Calc) && !s.Mode.HasBeta() {
			b.WriteString("_beta_" + format(v))
		} else if calcHasBeta(s.Calc) && !s.Mode.HasBeta() {
			symbol("beta", s.Beta)
		}
	}
	if s.Calc == "extract" {
		below = append(below, "gamma = "+format(s.Gamma))
	}
	for _, e := range s.Elements {
		below = append(below, "elemental = "+e.notation(l))
	}
	if len(s.Include) > 0 {
		below = append(below, "include = "+strings.Join(s.Include, " "))
	}
	if len(s.Exclude) > 0 {
		below = append(below, "exclude = "+strings.Join(s.Exclude, " "))
	}
	fmt.Fprintf(b, " = %s\n", quote(s.Out))
	for _, line := range below {
		b.WriteString(line + "\n")
	}
}

// Vector returns the row as SuperMerger's box for weights takes it: numbers in
// full with commas between them, no parentheses, and no exponents, since the
// box reads a capital E as a random element. A hole is written as ?.
func Vector(row Row) string {
	f := make([]string, len(row))
	for i, x := range row {
		f[i] = x.notation(true)
	}
	return strings.Join(f, ",")
}

// number returns the row's number if it is the same in all blocks.
func (row Row) number() (float64, bool) {
	if v, ok := row.scalar(); !ok || strings.HasPrefix(v, "?") {
		return 0, false
	}
	return row[0].Value, true
}

// scalar returns the notation of a row that is one number or one shared hole.
func (row Row) scalar() (string, bool) {
	if len(row) == 0 || row[0].Hole == Own {
		return "", false
	}
	for _, x := range row {
		if x.Hole != row[0].Hole || x.Hole == Fixed && x.Value != row[0].Value || x.Lo != row[0].Lo || x.Hi != row[0].Hi {
			return "", false
		}
	}
	return row[0].notation(false), true
}

// notation returns the ratio as it stands in a vector, or alone for all blocks.
func (x Ratio) notation(inVector bool) string {
	if x.Hole == Fixed {
		return format(x.Value)
	}
	s := "?"
	if x.Hole == Shared && inVector {
		s = "?all"
	}
	if x.Lo != DefaultLo || x.Hi != DefaultHi {
		s += "[" + format(x.Lo) + "," + format(x.Hi) + "]"
	}
	return s
}

// complement returns 1 minus the ratios, in decimals: 0.9 for 0.1, where
// floating point has 0.09999999999999998 for 0.9.
func complement(ratios ...float64) string {
	exact, near, prec := big.NewRat(1, 1), 1.0, 0
	for _, v := range ratios {
		near -= v
		s := format(v)
		x, ok := new(big.Rat).SetString(s)
		if !ok {
			return format(near)
		}
		exact.Sub(exact, x)
		if _, decimals, ok := strings.Cut(s, "."); ok {
			prec = max(prec, len(decimals))
		}
	}
	const most = 17 // decimals; more are noise, and the reader takes the others
	if prec == 0 || prec > most {
		return format(near)
	}
	return strings.TrimRight(strings.TrimRight(exact.FloatString(prec), "0"), ".")
}

// quote returns a model's name as notation: as it is if nothing in it could be
// read otherwise, in quotes if not.
func quote(name string) string {
	if plain(name) {
		return name
	}
	return strconv.Quote(name)
}

func plain(name string) bool {
	switch name {
	case "", "x", "alpha", "beta":
		return false
	}
	for i, r := range name {
		ok := unicode.IsLetter(r) || unicode.IsDigit(r) || r == '_' || i > 0 && (r == '-' || r == '.')
		if !ok {
			return false
		}
	}
	_, file := bare(name)
	return name[0] != '_' && !numeric(halfWidth(name)) && file == (spelling{})
}
