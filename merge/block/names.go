package block

import (
	"strconv"
	"strings"
)

// Index returns the block called name, and false where l has none of that name.
//
// Besides SuperMerger's own names it knows those of other tools: MID, MI00 and
// MID00 for M00, and IN4 or in04 for IN04.
func (l *Layout) Index(name string) (ID, bool) {
	name = strings.ToUpper(strings.TrimSpace(name))
	word := strings.TrimRight(name, "0123456789")
	digits := name[len(word):]
	if len(digits) > 2 {
		return 0, false
	}
	n, err := strconv.Atoi(digits)
	switch {
	case word == "BASE" && digits == "":
		return base, true
	case word == "IN" && err == nil && n < l.sides():
		return l.in(n), true
	case word == "OUT" && err == nil && n < l.sides():
		return l.out(n), true
	case word == "M" || word == "MI" || word == "MID":
		return l.mid(), n == 0 && (digits != "" || word == "MID")
	}
	return 0, false
}
