package recipe

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"

	"mixmatch/merge/safetext"
)

// parseNumber reads a ratio: a plain decimal number, finite and at most
// [MaxRatio] up or down, or as many percent.
func parseNumber(s string) (float64, error) {
	if percent, ok := strings.CutSuffix(s, "%"); ok && isDecimal(percent) && !strings.ContainsAny(percent, "eE") {
		s = percent + "e-2"
	}
	v, err := strconv.ParseFloat(s, 64)
	switch {
	case !isDecimal(s) && err == nil && (math.IsNaN(v) || math.IsInf(v, 0)):
		return 0, fmt.Errorf("%s is not a finite number", show(s))
	case !isDecimal(s):
		return 0, fmt.Errorf("%s is not a plain decimal number", show(s))
	case err != nil || math.Abs(v) > MaxRatio:
		return 0, fmt.Errorf("%s is out of range (at most %d up or down)", show(s), int(MaxRatio))
	}
	return v + 0, nil // -0 is 0
}

// isDecimal reports whether s is digits with at most a sign, a point and an
// exponent. [strconv.ParseFloat] takes more: 0x1p-2, infinity, 1_000.
func isDecimal(s string) bool {
	digits := func(s string) (n int, rest string) {
		for n < len(s) && '0' <= s[n] && s[n] <= '9' {
			n++
		}
		return n, s[n:]
	}
	if s != "" && (s[0] == '+' || s[0] == '-') {
		s = s[1:]
	}
	n, s := digits(s)
	if strings.HasPrefix(s, ".") {
		var m int
		m, s = digits(s[1:])
		n += m
	}
	if n == 0 {
		return false
	}
	if s == "" {
		return true
	}
	if s[0] != 'e' && s[0] != 'E' {
		return false
	}
	s = s[1:]
	if s != "" && (s[0] == '+' || s[0] == '-') {
		s = s[1:]
	}
	n, s = digits(s)
	return n > 0 && s == ""
}

// numeric reports whether s is a number or meant as one.
func numeric(s string) bool {
	if isDecimal(strings.TrimSuffix(s, "%")) {
		return true
	}
	if n, mode, _, _ := cutCalc(s); mode != "" {
		return isDecimal(n)
	}
	_, err := strconv.ParseFloat(s, 64) // NaN, Inf, hexadecimal
	return err == nil
}

var oneOver = regexp.MustCompile(`^(\d{1,9})/(\d{1,9})$`)

// fraction returns text, if it is a fraction, as a decimal number, and "" if not.
func fraction(text string) string {
	m := oneOver.FindStringSubmatch(text)
	if m == nil {
		return ""
	}
	a, _ := strconv.ParseFloat(m[1], 64)
	b, _ := strconv.ParseFloat(m[2], 64)
	if b == 0 {
		return ""
	}
	return format(math.Round(a/b*1e4) / 1e4)
}

// format writes a ratio in full, with no exponent.
func format(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }

// show quotes text for an error, and cuts it short.
func show(s string) string { return safetext.Quote(s) }
