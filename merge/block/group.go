package block

// A Group is a set of blocks that are searched together.
type Group string

// The groups. People match the outputs first, the inputs next and the text
// encoder last, each apart, and then join the three.
const (
	Outputs Group = "outputs" // OUT00 and on
	Inputs  Group = "inputs"  // IN00 and on, and M00
	Base    Group = "base"    // BASE
)

// Groups returns the groups in the order in which they are searched. Together
// they hold each block of a layout once.
func Groups() []Group { return []Group{Outputs, Inputs, Base} }

// Blocks returns all blocks of l.
func (l *Layout) Blocks() Set {
	var s Set
	for i := range l.names {
		s = s.With(ID(i))
	}
	return s
}

// Group returns the blocks of g, none for an unknown g.
func (l *Layout) Group(g Group) Set {
	var s Set
	for id := range l.Blocks().All() {
		if l.GroupOf(id) == g {
			s = s.With(id)
		}
	}
	return s
}

// GroupOf returns the group that block id is in.
func (l *Layout) GroupOf(id ID) Group {
	switch {
	case id == base:
		return Base
	case id <= l.mid():
		return Inputs
	}
	return Outputs
}
