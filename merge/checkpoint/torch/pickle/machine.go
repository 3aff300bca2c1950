package pickle

import (
	"errors"
	"fmt"
)

// A machine follows the instructions of a pickle.
type machine struct {
	tape    tape
	stack   []Value
	marks   []int // positions in the stack
	memo    map[uint32]Value
	globals map[Global]*Global
	values  int // made so far that take memory
	result  Pickle
}

// run follows the instructions up to the last.
func (m *machine) run() error {
	for range MaxSteps {
		start := m.tape.at
		stop, err := m.step()
		if text, ok := errors.AsType[fault](err); ok {
			return &Error{start, string(text), text == errShort}
		}
		if stop || err != nil {
			return err
		}
	}
	return &Error{At: m.tape.at, Text: fmt.Sprintf("it has more than %d instructions", MaxSteps)}
}

// step follows one instruction and reports whether it was the last.
func (m *machine) step() (stop bool, err error) {
	op, err := m.tape.number(1)
	if err != nil {
		return false, err
	}
	do := instructions[op]
	switch {
	case op == '.':
		m.result.Value, err = m.pop()
		if err == nil && len(m.stack)+len(m.marks) > 0 {
			err = fault("it ends with values left over")
		}
		return true, err
	case do == nil:
		return false, fault(fmt.Sprintf("instruction 0x%02x, which torch.save does not write", op))
	}
	return false, do(m)
}

// push puts v on the stack.
func (m *machine) push(v Value) error {
	if len(m.stack) >= MaxStack {
		return fault(fmt.Sprintf("more than %d values on the stack", MaxStack))
	}
	m.stack = append(m.stack, v)
	return nil
}

// make puts v, which takes memory, on the stack.
func (m *machine) make(v Value) error {
	if m.values++; m.values > MaxValues {
		return fault(fmt.Sprintf("more than %d values", MaxValues))
	}
	return m.push(v)
}

// floor returns how far the stack may be emptied: to the last mark.
func (m *machine) floor() int {
	if len(m.marks) == 0 {
		return 0
	}
	return m.marks[len(m.marks)-1]
}

// top returns the value on top of the stack, which stays there.
func (m *machine) top() (Value, error) {
	if len(m.stack) <= m.floor() {
		return nil, fault("it takes a value from an empty stack")
	}
	return m.stack[len(m.stack)-1], nil
}

// pop takes the value on top of the stack.
func (m *machine) pop() (Value, error) {
	v, err := m.top()
	if err == nil {
		m.stack[len(m.stack)-1] = nil
		m.stack = m.stack[:len(m.stack)-1]
	}
	return v, err
}

// popN takes n values, in the order in which they were put there. They are valid
// until the next push.
func (m *machine) popN(n int) ([]Value, error) {
	at := len(m.stack) - n
	if at < m.floor() {
		return nil, fault("it takes a value from an empty stack")
	}
	items := m.stack[at:]
	m.stack = m.stack[:at]
	return items, nil
}

// popMark takes the values above the last mark, and the mark. They are valid until
// the next push.
func (m *machine) popMark() ([]Value, error) {
	if len(m.marks) == 0 {
		return nil, fault("it goes back to a mark that was not set")
	}
	items, err := m.popN(len(m.stack) - m.floor())
	m.marks = m.marks[:len(m.marks)-1]
	return items, err
}

// remember lets id stand for the value on top of the stack.
func (m *machine) remember(id uint32) error {
	v, err := m.top()
	if err != nil {
		return err
	}
	// A map, since ids need not be close together: a list would be as long as
	// the largest.
	m.memo[id] = v
	if len(m.memo) > MaxValues {
		return fault(fmt.Sprintf("it remembers more than %d values", MaxValues))
	}
	return nil
}

// recall puts the value that id stands for on the stack.
func (m *machine) recall(id uint32) error {
	v, ok := m.memo[id]
	if !ok {
		return fault(fmt.Sprintf("it recalls value %d, which it did not remember", id))
	}
	return m.push(v)
}
