package block

import (
	"strconv"
	"strings"
)

// Index returns the block called name, and false where l has none of that name.
//
// Besides SuperMerger's own names it knows those of other tools, such as MID,
// MI00 and MID00 for M00, and takes IN4 or in04 for IN04.
func (l *Layout) Index(name string) (ID, bool) {
	name = strings.ToUpper(strings.TrimSpace(name))
	if l.spell != nil {
		name = l.spell(name)
	}
	for i, b := range l.blocks {
		if b.name == name {
			return ID(i), true
		}
	}
	word, digits := cutNumber(name)
	n, err := strconv.Atoi(digits)
	for i, b := range l.blocks {
		if w, d := cutNumber(b.name); err == nil && w == word && len(digits) <= len(d) {
			if m, _ := strconv.Atoi(d); m == n {
				return ID(i), true
			}
		}
	}
	return 0, false
}

// Series returns the name of block id without the number at its end, which it
// shares with the blocks that are alike: "IN" of IN04.
func (l *Layout) Series(id ID) string {
	word, _ := cutNumber(l.Name(id))
	return word
}

// cutNumber cuts the digits off the end of a name.
func cutNumber(name string) (word, digits string) {
	word = strings.TrimRight(name, "0123456789")
	return word, name[len(word):]
}
