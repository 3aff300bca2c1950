package pickle

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
)

// instructions are what each byte does, by CPython's Lib/pickletools.py, where
// they have the names in the comments. Left out are STOP, and what torch.save
// does not write.
var instructions = [256]func(m *machine) error{
	0x80: (*machine).protocol, // PROTO
	0x95: (*machine).frame,    // FRAME

	'(':  (*machine).mark,                                                                                     // MARK
	'0':  (*machine).drop,                                                                                     // POP
	'1':  (*machine).dropAll,                                                                                  // POP_MARK
	'2':  (*machine).dup,                                                                                      // DUP
	'q':  func(m *machine) error { return m.sized(1, func(n uint64) error { return m.remember(uint32(n)) }) }, // BINPUT
	'r':  func(m *machine) error { return m.sized(4, func(n uint64) error { return m.remember(uint32(n)) }) }, // LONG_BINPUT
	0x94: func(m *machine) error { return m.remember(uint32(len(m.memo))) },                                   // MEMOIZE
	'h':  func(m *machine) error { return m.sized(1, func(n uint64) error { return m.recall(uint32(n)) }) },   // BINGET
	'j':  func(m *machine) error { return m.sized(4, func(n uint64) error { return m.recall(uint32(n)) }) },   // LONG_BINGET

	'N':  func(m *machine) error { return m.push(nil) },                                                         // NONE
	0x88: func(m *machine) error { return m.push(true) },                                                        // NEWTRUE
	0x89: func(m *machine) error { return m.push(false) },                                                       // NEWFALSE
	'K':  func(m *machine) error { return m.sized(1, func(n uint64) error { return m.push(int64(n)) }) },        // BININT1
	'M':  func(m *machine) error { return m.sized(2, func(n uint64) error { return m.push(int64(n)) }) },        // BININT2
	'J':  func(m *machine) error { return m.sized(4, func(n uint64) error { return m.push(int64(int32(n))) }) }, // BININT
	0x8a: func(m *machine) error { return m.sized(1, m.long) },                                                  // LONG1
	0x8b: func(m *machine) error { return m.sized(4, m.long) },                                                  // LONG4
	'G':  (*machine).float,                                                                                      // BINFLOAT

	0x8c: func(m *machine) error { return m.sized(1, m.text) },  // SHORT_BINUNICODE
	'X':  func(m *machine) error { return m.sized(4, m.text) },  // BINUNICODE
	0x8d: func(m *machine) error { return m.sized(8, m.text) },  // BINUNICODE8
	'U':  func(m *machine) error { return m.sized(1, m.text) },  // SHORT_BINSTRING: text of Python 2
	'T':  func(m *machine) error { return m.sized(4, m.text) },  // BINSTRING
	'C':  func(m *machine) error { return m.sized(1, m.bytes) }, // SHORT_BINBYTES
	'B':  func(m *machine) error { return m.sized(4, m.bytes) }, // BINBYTES
	0x8e: func(m *machine) error { return m.sized(8, m.bytes) }, // BINBYTES8
	0x96: func(m *machine) error { return m.sized(8, m.bytes) }, // BYTEARRAY8

	')':  func(m *machine) error { return m.push(&noItems) },        // EMPTY_TUPLE
	0x85: func(m *machine) error { return m.tuple(m.popN(1)) },      // TUPLE1
	0x86: func(m *machine) error { return m.tuple(m.popN(2)) },      // TUPLE2
	0x87: func(m *machine) error { return m.tuple(m.popN(3)) },      // TUPLE3
	't':  func(m *machine) error { return m.tuple(m.popMark()) },    // TUPLE
	']':  func(m *machine) error { return m.make(&List{}) },         // EMPTY_LIST
	'a':  func(m *machine) error { return m.append(m.popN(1)) },     // APPEND
	'e':  func(m *machine) error { return m.append(m.popMark()) },   // APPENDS
	0x8f: func(m *machine) error { return m.make(&List{}) },         // EMPTY_SET
	0x90: func(m *machine) error { return m.append(m.popMark()) },   // ADDITEMS
	0x91: (*machine).listOf,                                         // FROZENSET
	'}':  func(m *machine) error { return m.make(&Dict{}) },         // EMPTY_DICT
	's':  func(m *machine) error { return m.setItems(m.popN(2)) },   // SETITEM
	'u':  func(m *machine) error { return m.setItems(m.popMark()) }, // SETITEMS

	'c':  (*machine).global,      // GLOBAL
	0x93: (*machine).stackGlobal, // STACK_GLOBAL
	'R':  (*machine).call,        // REDUCE
	0x81: (*machine).call,        // NEWOBJ
	'b':  (*machine).build,       // BUILD
	'Q':  (*machine).persistent,  // BINPERSID

	// Of protocols 0 and 1.
	'I': (*machine).literal,                                 // INT
	'L': (*machine).literal,                                 // LONG
	'F': (*machine).literal,                                 // FLOAT
	'S': (*machine).literal,                                 // STRING
	'V': (*machine).literal,                                 // UNICODE
	'p': func(m *machine) error { return m.id(m.remember) }, // PUT
	'g': func(m *machine) error { return m.id(m.recall) },   // GET
	'l': (*machine).listOf,                                  // LIST
	'd': (*machine).dictOf,                                  // DICT
	'i': (*machine).instance,                                // INST
	'o': (*machine).object,                                  // OBJ
}

// noItems is the empty tuple. Nothing can be added to it.
var noItems Tuple

// sized hands f the number in the next width bytes.
func (m *machine) sized(width int, f func(n uint64) error) error {
	n, err := m.tape.number(width)
	if err != nil {
		return err
	}
	return f(n)
}

func (m *machine) protocol() error {
	return m.sized(1, func(n uint64) error {
		if n < 2 || n > 5 {
			return fault(fmt.Sprintf("pickle protocol %d, where 2 to 5 are known", n))
		}
		return nil
	})
}

// frame reads the length of what may be read ahead, for which there is no need.
func (m *machine) frame() error { return m.sized(8, m.tape.has) }

func (m *machine) mark() error {
	if len(m.marks) >= MaxStack {
		return fault(fmt.Sprintf("more than %d marks on the stack", MaxStack))
	}
	m.marks = append(m.marks, len(m.stack))
	return nil
}

func (m *machine) drop() error {
	_, err := m.popN(1)
	return err
}

func (m *machine) dropAll() error {
	_, err := m.popMark()
	return err
}

func (m *machine) dup() error {
	v, err := m.top()
	if err != nil {
		return err
	}
	return m.push(v)
}

// long reads a whole number of n bytes.
func (m *machine) long(n uint64) error {
	if n > MaxText {
		return fault("a number of more than 1 MiB")
	}
	b, err := m.tape.take(int(n))
	if err != nil {
		return err
	}
	if n > 8 {
		return m.make(Big(b))
	}
	var wide [8]byte
	if n > 0 && b[n-1]&0x80 != 0 { // negative
		for i := range wide {
			wide[i] = 0xff
		}
	}
	copy(wide[:], b)
	return m.push(int64(binary.LittleEndian.Uint64(wide[:])))
}

func (m *machine) float() error {
	b, err := m.tape.take(8)
	if err != nil {
		return err
	}
	return m.push(math.Float64frombits(binary.BigEndian.Uint64(b)))
}

func (m *machine) text(n uint64) error {
	if err := m.tape.has(n); err != nil {
		return err
	}
	if n > MaxText {
		return fault("a text of more than 1 MiB")
	}
	b, err := m.tape.take(int(n))
	if err != nil {
		return err
	}
	return m.make(string(b))
}

func (m *machine) bytes(n uint64) error {
	if err := m.tape.skip(n); err != nil {
		return err
	}
	return m.push(Bytes(n))
}

func (m *machine) tuple(items []Value, err error) error {
	if err != nil {
		return err
	}
	return m.make(&Tuple{slices.Clone(items)})
}

// append adds items to what is below them on the stack.
func (m *machine) append(items []Value, err error) error {
	if err != nil {
		return err
	}
	to, err := m.top()
	if err != nil {
		return err
	}
	switch to := to.(type) {
	case *List:
		to.Items = append(to.Items, items...)
	case *Call:
		to.Items = append(to.Items, items...)
	default:
		return fault("it appends to what is no list")
	}
	return nil
}

// setItems adds keys and values in turns to what is below them on the stack.
func (m *machine) setItems(items []Value, err error) error {
	if err != nil {
		return err
	}
	to, err := m.top()
	if err != nil {
		return err
	}
	if len(items)%2 != 0 {
		return fault("a key without a value")
	}
	var pairs *[]Pair
	switch to := to.(type) {
	case *Dict:
		pairs = &to.Pairs
	case *Call:
		pairs = &to.Pairs
	default:
		return fault("it sets a key of what is no dictionary")
	}
	for i := 0; i < len(items); i += 2 {
		*pairs = append(*pairs, Pair{items[i], items[i+1]})
	}
	return nil
}
