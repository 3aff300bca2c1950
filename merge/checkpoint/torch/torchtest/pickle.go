// Package torchtest writes small model files as torch.save does, for tests: zip
// archives and those of before PyTorch 1.6, sound ones and hostile ones.
package torchtest

import (
	"encoding/binary"
	"fmt"
	"math"
)

type (
	// A List is one of what a pickle may hold, beside nil, bool, int, float64 and
	// string; so are those that follow.
	List []any

	// A Tuple is Python's.
	Tuple []any

	// A Pair is a key and its value.
	Pair [2]any

	// A Dict is Python's, in order.
	Dict []Pair

	// An OrderedDict is that of Python's collections.
	OrderedDict []Pair

	// Global is a name in a module of Python.
	Global struct{ Module, Name string }

	// Call is an object that Python makes by a call, whose state it sets if there
	// is one.
	Call struct {
		Func  Global
		Args  Tuple
		State any
	}

	// Raw is text of a pickle as it is. It must leave one value on the stack.
	Raw string

	// Bits is a whole number of any length, in two's complement, lowest byte first.
	Bits string
)

// A Storage is a run of numbers.
type Storage struct {
	Class Global
	Key   string // "0", "1" and so on if it is empty
	Data  []byte
	Count int // of numbers; if 0 it is what the data make
}

// A Tensor is a view of a storage.
type Tensor struct {
	Storage        *Storage
	Offset         int
	Shape, Strides []int  // without strides it is row-major
	DType          Global // for untyped storages
	Parameter      bool   // whether it is an nn.Parameter
	Mark           any    // what says how to read it, such as that it is negated
}

// widths are the bytes of a number of each class.
var widths = map[string]int{
	"FloatStorage": 4, "HalfStorage": 2, "BFloat16Storage": 2, "DoubleStorage": 8, "LongStorage": 8, "IntStorage": 4,
	"ShortStorage": 2, "CharStorage": 1, "ByteStorage": 1, "BoolStorage": 1, "ComplexFloatStorage": 8, "ComplexDoubleStorage": 16,
	"UntypedStorage": 1, "QInt8Storage": 1,
}

// count returns how many numbers the storage says to have.
func (s *Storage) count() int {
	if s.Count != 0 {
		return s.Count
	}
	return len(s.Data) / widths[s.Class.Name]
}

// A pickler writes values in protocol 2, or those of others that differ.
type pickler struct {
	b        []byte
	protocol int
	legacy   bool // with what storages had a name for before 1.6
	storages []*Storage
	memo     map[Global]int
}

// pickle returns a value as a pickle, and the storages it names, in their order.
func pickle(v any, protocol int, legacy bool) ([]byte, []*Storage) {
	p := &pickler{protocol: protocol, legacy: legacy, memo: map[Global]int{}}
	p.b = append(p.b, 0x80, byte(protocol))
	p.value(v)
	p.b = append(p.b, '.')
	return p.b, p.storages
}

func (p *pickler) value(v any) {
	switch v := v.(type) {
	case nil:
		p.b = append(p.b, 'N')
	case bool:
		p.b = append(p.b, map[bool]byte{true: 0x88, false: 0x89}[v])
	case int:
		p.number(v)
	case float64:
		p.b = binary.BigEndian.AppendUint64(append(p.b, 'G'), math.Float64bits(v))
	case string:
		p.b = append(binary.LittleEndian.AppendUint32(append(p.b, 'X'), uint32(len(v))), v...)
	case Bits:
		p.b = append(append(p.b, 0x8a, byte(len(v))), v...)
	case Raw:
		p.b = append(p.b, v...)
	case List:
		p.items("](", v, 'e')
	case Tuple:
		p.items("(", v, 't')
	case Dict:
		p.pairs("}(", v)
	case OrderedDict:
		p.value(Call{Func: Global{"collections", "OrderedDict"}})
		p.pairs("(", v)
	case Global:
		p.global(v)
	case Call:
		p.global(v.Func)
		p.value(v.Args)
		p.b = append(p.b, 'R')
		if v.State != nil {
			p.value(v.State)
			p.b = append(p.b, 'b')
		}
	case *Tensor:
		p.tensor(v)
	case named:
		p.value(v.id)
		p.b = append(p.b, 'Q')
	default:
		panic(fmt.Sprintf("%T in a pickle", v))
	}
}

func (p *pickler) number(n int) {
	switch {
	case 0 <= n && n < 1<<8:
		p.b = append(p.b, 'K', byte(n))
	case 0 <= n && n < 1<<16:
		p.b = binary.LittleEndian.AppendUint16(append(p.b, 'M'), uint16(n))
	case math.MinInt32 <= n && n <= math.MaxInt32:
		p.b = binary.LittleEndian.AppendUint32(append(p.b, 'J'), uint32(n))
	default:
		p.b = binary.LittleEndian.AppendUint64(append(p.b, 0x8a, 8), uint64(n))
	}
}

func (p *pickler) items(begin string, items []any, end byte) {
	p.b = append(p.b, begin...)
	for _, v := range items {
		p.value(v)
	}
	p.b = append(p.b, end)
}

func (p *pickler) pairs(begin string, pairs []Pair) {
	p.b = append(p.b, begin...)
	for _, kv := range pairs {
		p.value(kv[0])
		p.value(kv[1])
	}
	p.b = append(p.b, 'u')
}

// global looks a name up the first time, and recalls it later, as pickle does.
func (p *pickler) global(g Global) {
	id, ok := p.memo[g]
	if ok {
		p.b = binary.LittleEndian.AppendUint32(append(p.b, 'j'), uint32(id))
		return
	}
	id = len(p.memo)
	p.memo[g] = id
	if p.protocol >= 4 {
		p.b = append(append(append(p.b, 0x8c, byte(len(g.Module))), g.Module...), 0x8c, byte(len(g.Name)))
		p.b = append(append(p.b, g.Name...), 0x93)
	} else {
		p.b = append(p.b, "c"+g.Module+"\n"+g.Name+"\n"...)
	}
	p.b = binary.LittleEndian.AppendUint32(append(p.b, 'r'), uint32(id))
}

func (p *pickler) tensor(t *Tensor) {
	strides := t.Strides
	if strides == nil {
		strides = make([]int, len(t.Shape))
		for i, n := len(t.Shape)-1, 1; i >= 0; i-- {
			strides[i], n = n, n*t.Shape[i]
		}
	}
	utils, hooks := "torch._utils", OrderedDict{}
	rebuild := Call{Global{utils, "_rebuild_tensor_v2"}, Tuple{p.storage(t.Storage), t.Offset, ints(t.Shape), ints(strides), false, hooks}, nil}
	if t.DType.Name != "" {
		rebuild.Func.Name = "_rebuild_tensor_v3"
		rebuild.Args = append(rebuild.Args, t.DType)
	}
	if t.Mark != nil {
		rebuild.Args = append(rebuild.Args, t.Mark)
	}
	if t.Parameter {
		rebuild = Call{Global{utils, "_rebuild_parameter"}, Tuple{rebuild, true, hooks}, nil}
	}
	p.value(rebuild)
}

// storage returns what names a storage, and notes that it is needed.
func (p *pickler) storage(s *Storage) any {
	known := false
	for _, other := range p.storages {
		known = known || other == s
	}
	if !known {
		if s.Key == "" {
			s.Key = fmt.Sprint(len(p.storages))
		}
		p.storages = append(p.storages, s)
	}
	id := Tuple{"storage", s.Class, s.Key, "cpu", s.count()}
	if p.legacy {
		id = append(id, nil)
	}
	return named{id}
}

// named is what lies outside of the pickle.
type named struct{ id Tuple }

// Named is what lies outside of the pickle under a name of those items.
func Named(items ...any) any { return named{items} }

func ints(list []int) Tuple {
	t := Tuple{}
	for _, n := range list {
		t = append(t, n)
	}
	return t
}
