package pickle

import (
	"slices"
	"strconv"
)

// Protocols 0 and 1 write numbers and texts as lines, and make objects in ways of
// their own. torch.save never used them, but malicious pickles do. They are
// followed to find the names in them; their numbers and texts are passed over.

// literal passes over the line of a number or text.
func (m *machine) literal() error {
	text, err := m.tape.line(MaxText)
	if err != nil {
		return err
	}
	return m.push(Bytes(len(text)))
}

// id hands f the number in the next line, by which a value is remembered.
func (m *machine) id(f func(id uint32) error) error {
	text, err := m.tape.line(maxName)
	if err != nil {
		return err
	}
	n, err := strconv.ParseUint(text, 10, 32)
	if err != nil {
		return fault("it remembers a value by what is no number")
	}
	return f(uint32(n))
}

// listOf makes a list of what is above the last mark.
func (m *machine) listOf() error {
	items, err := m.popMark()
	if err != nil {
		return err
	}
	return m.make(&List{slices.Clone(items)})
}

// dictOf makes a dictionary of what is above the last mark.
func (m *machine) dictOf() error {
	items, err := m.popMark()
	if err != nil {
		return err
	}
	items = slices.Clone(items)
	if err := m.make(&Dict{}); err != nil {
		return err
	}
	return m.setItems(items, nil)
}

// instance notes an object of the class that it names, made of what is above the
// last mark.
func (m *machine) instance() error {
	if err := m.global(); err != nil {
		return err
	}
	class, err := m.pop()
	if err != nil {
		return err
	}
	args, err := m.popMark()
	if err != nil {
		return err
	}
	return m.make(&Call{Func: class, Args: &Tuple{slices.Clone(args)}})
}

// object notes an object of the class right above the last mark, made of what is
// above that.
func (m *machine) object() error {
	items, err := m.popMark()
	if err != nil {
		return err
	}
	if len(items) == 0 {
		return fault("it makes an object of no class")
	}
	items = slices.Clone(items)
	return m.make(&Call{Func: items[0], Args: &Tuple{items[1:]}})
}
