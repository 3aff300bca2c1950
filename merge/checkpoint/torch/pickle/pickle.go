// Package pickle reads Python's pickles and executes nothing.
//
// A pickle is a program: its instructions build values on a stack, and some of
// them look up any name of any Python module and call it. Here a name that is
// looked up becomes a [Global], and a call of it a [Call] with its arguments;
// there is nothing in this package that could follow either. What the values
// mean, and which names a file may hold, is for the caller to say.
//
// Read are the instructions that torch.save writes, in protocols 2 to 5, and those
// of protocols 0 and 1 as far as it takes to find the names in them. See
// Lib/pickletools.py of CPython for what each does.
package pickle

import "fmt"

// Limits of a pickle. They are far beyond any model, and bound what a hostile
// one can take in time and memory.
const (
	MaxSize   = 64 << 20  // bytes
	MaxSteps  = 5_000_000 // instructions
	MaxStack  = 1_000_000 // values on the stack, and as many marks
	MaxValues = 1_000_000 // values that take memory, and as many remembered ones
	MaxText   = 1 << 20   // bytes of one text
	maxName   = 1 << 10   // bytes of the name of a module or of what is in it
)

// A Value is what an instruction makes: nil (Python's None), bool, int64,
// float64, string, or one of [Big], [Bytes], *[Tuple], *[List], *[Dict],
// *[Global], *[Call], *[Persistent].
//
// Values may hold each other, in circles too.
type Value any

type (
	// Big is a whole number of more than 64 bits: its bytes in two's complement,
	// the lowest first.
	Big string

	// Bytes stands for so many bytes, which are passed over.
	Bytes int64

	// A Tuple is a tuple.
	Tuple struct{ Items []Value }

	// A List is a list or a set.
	List struct{ Items []Value }

	// A Dict is a dictionary, as it was filled: a key may occur twice.
	Dict struct{ Pairs []Pair }

	// A Pair is a key of a dictionary and its value.
	Pair struct{ Key, Value Value }

	// A Global is a name that was looked up in a module. Each is one value,
	// however often it occurs.
	Global struct{ Module, Name string }

	// A Call is an object that Python would have made by calling Func.
	Call struct {
		Func  Value
		Args  *Tuple
		Items []Value // what was appended to it
		Pairs []Pair  // what was set in it
		Built bool    // whether its state was set, which is passed over
	}

	// A Persistent is what lies outside of the pickle under a name.
	Persistent struct{ ID Value }
)

// String returns the full name.
func (g *Global) String() string { return g.Module + "." + g.Name }

// A Pickle is what was read.
type Pickle struct {
	Value       Value
	End         int64         // where the next byte after it lies
	Globals     []*Global     // each once, as they occur
	Persistents []*Persistent // as they occur
}

// An Error says what is wrong with a pickle.
type Error struct {
	At   int64 // where the instruction begins, from the start of the file
	Text string
	Cut  bool // the file ends within the pickle
}

func (e *Error) Error() string { return fmt.Sprintf("%s, at byte %d", e.Text, e.At) }

// Read reads the pickle that begins at byte from of a file of size bytes; read
// fills p with the bytes from at on. The error is an *[Error] for a malformed
// pickle, otherwise that of read. Even then the Globals found so far are
// returned.
func Read(read func(p []byte, at int64) error, from, size int64) (*Pickle, error) {
	m := &machine{
		tape:    tape{read: read, at: from, end: min(size, from+MaxSize), size: size},
		globals: map[Global]*Global{},
		memo:    map[uint32]Value{},
	}
	err := m.run()
	m.result.End = m.tape.at
	return &m.result, err
}
