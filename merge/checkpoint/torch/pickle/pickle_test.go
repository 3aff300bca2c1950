package pickle

import (
	"encoding/binary"
	"errors"
	"io"
	"math"
	"reflect"
	"runtime"
	"strings"
	"testing"
)

// readText reads the pickle in text.
func readText(text string) (*Pickle, error) {
	r := strings.NewReader(text)
	return Read(func(p []byte, at int64) error {
		_, err := io.ReadFull(io.NewSectionReader(r, at, int64(len(p))), p)
		return err
	}, 0, int64(len(text)))
}

func tuple(items ...Value) *Tuple { return &Tuple{items} }
func list(items ...Value) *List   { return &List{items} }

// wide is n in size bytes.
func wide(n uint64, size int) string {
	return string(binary.LittleEndian.AppendUint64(nil, n)[:size])
}

func TestValues(t *testing.T) {
	od := &Global{"collections", "OrderedDict"}
	for _, tt := range []struct {
		name, pickle string
		want         Value
	}{
		{"none", "N.", nil},
		{"true", "\x88.", true},
		{"false", "\x80\x02\x89.", false},
		{"one byte", "K\xff.", int64(255)},
		{"two bytes", "M\x01\xff.", int64(0xff01)},
		{"four bytes", "J\xfe\xff\xff\xff.", int64(-2)},
		{"long of nothing", "\x8a\x00.", int64(0)},
		{"long", "\x8a\x05\x00\x00\x00\x00\x01.", int64(1 << 32)},
		{"long below zero", "\x8a\x02\x00\x80.", int64(-1 << 15)},
		{"long of eight bytes", "\x8b\x08\x00\x00\x00" + wide(1<<63, 8) + ".", int64(math.MinInt64)},
		{"magic", "\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.", Big("l\xfc\x9cF\xf9 j\xa8P\x19")},
		{"float", "G?\xf8\x00\x00\x00\x00\x00\x00.", 1.5},
		{"text", "X\x02\x00\x00\x00\xc3\xa9.", "é"},
		{"short text", "\x8c\x01a.", "a"},
		{"wide text", "\x8d\x01\x00\x00\x00\x00\x00\x00\x00a.", "a"},
		{"text of Python 2", "U\x01a.", "a"},
		{"longer text of Python 2", "T\x01\x00\x00\x00a.", "a"},
		{"longest text", "X" + wide(MaxText, 4) + strings.Repeat("x", MaxText) + ".", strings.Repeat("x", MaxText)},
		{"bytes", "C\x02ab.", Bytes(2)},
		{"many bytes", "B" + wide(3*MaxText, 4) + strings.Repeat("x", 3*MaxText) + ".", Bytes(3 * MaxText)},
		{"wide bytes", "\x8e\x01\x00\x00\x00\x00\x00\x00\x00a.", Bytes(1)},
		{"byte array", "\x96\x01\x00\x00\x00\x00\x00\x00\x00a.", Bytes(1)},
		{"empty tuple", ").", &noItems},
		{"tuples", "K\x01\x85K\x02\x86K\x03K\x04\x87.", tuple(tuple(tuple(int64(1)), int64(2)), int64(3), int64(4))},
		{"tuple", "(K\x01K\x02K\x03K\x04t.", tuple(int64(1), int64(2), int64(3), int64(4))},
		{"lists", "](K\x01K\x02e]K\x03aa.", list(int64(1), int64(2), list(int64(3)))},
		{"sets", "\x8f(K\x01\x90(K\x02\x91\x86.", tuple(list(int64(1)), list(int64(2)))},
		{"dictionary", "}U\x01aNsU\x01b\x88s(K\x01K\x02U\x01aK\x03u.", &Dict{[]Pair{{"a", nil}, {"b", true}, {int64(1), int64(2)}, {"a", int64(3)}}}},
		{"taken again", "K\x07q\x05K\x08r\xff\xff\xff\x7fh\x05j\xff\xff\xff\x7f\x86\x87.", tuple(int64(7), int64(8), tuple(int64(7), int64(8)))},
		{"remembered in turn", "K\x07\x94K\x08\x94h\x00\x87.", tuple(int64(7), int64(8), int64(7))},
		{"name", "ccollections\nOrderedDict\n.", od},
		{"name from the stack", "\x8c\x0bcollections\x8c\x0bOrderedDict\x93.", od},
		{"call", "ccollections\nOrderedDict\n)R.", &Call{Func: od, Args: &noItems}},
		{"object", "ccollections\nOrderedDict\n)\x81}b(U\x01aNuK\x02a.", &Call{od, &noItems, []Value{int64(2)}, []Pair{{"a", nil}}, true}},
		{"what is elsewhere", "(U\x07storageK\x01tQ.", &Persistent{tuple("storage", int64(1))}},
		{"frame", "\x80\x04\x95\x02\x00\x00\x00\x00\x00\x00\x00K\x01.", int64(1)},
		{"protocol 0", "(lp1\n(NNdaI15\na.", list(&Dict{[]Pair{{nil, nil}}}, Bytes(2))},
		{"dropped", "K\x01K\x020(K\x03K\x041.", int64(1)},
		{"twice", "K\x012\x86.", tuple(int64(1), int64(1))},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := readText(tt.pickle)
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got.Value, tt.want) {
				t.Errorf("got %#v; want %#v", got.Value, tt.want)
			}
			if got.End != int64(len(tt.pickle)) {
				t.Errorf("ends at %d; want %d", got.End, len(tt.pickle))
			}
		})
	}
}

// TestGlobals checks that every name comes back, also where the rest is no pickle.
func TestGlobals(t *testing.T) {
	for _, tt := range []struct{ pickle, want string }{
		{"cos\nsystem\nU\x04echo\x85R.", "os.system"},
		{"cos\nsystem\n(S'echo'\ntR.", "os.system"},
		{"(S'echo'\nios\nsystem\n.", "os.system"},
		{"(Vecho\nI1\nL2L\nF3.5\nlp0\n(g0\nN(g0\nNdcos\nsystem\no.", "os.system"},
		{"(cos\nsystem\nVecho\no.", "os.system"},
		{"(ios\nsystem\n.", "os.system"},
		{"U\x02osU\x06system\x93cos\nsystem\ncbuiltins\neval\n\xff", "os.system builtins.eval"},
		{"cbuiltins\ngetattr\ncos\na\nU\x06system\x86RU\x01x\x85R.", "builtins.getattr os.a"},
	} {
		p, err := readText(tt.pickle)
		var names []string
		for _, g := range p.Globals {
			names = append(names, g.String())
		}
		if got := strings.Join(names, " "); got != tt.want {
			t.Errorf("%q: got %s, %v; want %s", tt.pickle, got, err, tt.want)
		}
	}
}

func TestCircles(t *testing.T) {
	for _, text := range []string{"]q\x00h\x00a.", "}q\x00U\x01ah\x00s.", "cos\na\n)Rq\x00h\x00a."} {
		if _, err := readText(text); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	}
}

var malformed = []struct{ name, pickle, say string }{
	{"nothing", "", "the file ends within it, at byte 0"},
	{"no end", "K\x01", "the file ends within it, at byte 2"},
	{"protocol 1", "\x80\x01N.", "pickle protocol 1, where 2 to 5 are known, at byte 0"},
	{"protocol 6", "\x80\x06N.", "pickle protocol 6"},
	{"unknown instruction", "N\xff.", "instruction 0xff, which torch.save does not write, at byte 1"},
	{"id that is no number", "Np-1\n.", "by what is no number"},
	{"id that is too large", "Np4294967296\n.", "by what is no number"},
	{"object of nothing", "(o.", "an object of no class"},
	{"dictionary of three", "(NNNd.", "a key without a value"},
	{"list without mark", "Nl.", "a mark that was not set"},
	{"text without end", "Vabc", "the file ends within it"},
	{"line of more than 1 MiB", "V" + strings.Repeat("x", MaxText+1) + "\n.", "a line of more than 1048576 bytes"},
	{"extension", "\x82\x01.", "instruction 0x82"},
	{"buffer of protocol 5", "\x97.", "instruction 0x97"},
	{"values left", "NN.", "values left over"},
	{"mark left", "(N.", "values left over"},
	{"long text", "X\xff\xff\xff\x7fa.", "the file ends within it"},
	{"longer text", "\x8d\xff\xff\xff\xff\xff\xff\xff\xffa.", "the file ends within it"},
	{"text of more than 1 MiB", "X" + wide(MaxText+1, 4) + strings.Repeat("x", MaxText+1) + ".", "a text of more than 1 MiB"},
	{"text of negative length", "T\xff\xff\xff\xffa.", "the file ends within it"},
	{"long bytes", "\x8e\xff\xff\xff\xff\xff\xff\xff\x7fa.", "the file ends within it"},
	{"longer bytes", "B\xff\xff\xff\xffa.", "the file ends within it"},
	{"long byte array", "\x96\xff\xff\xff\xff\xff\xff\xff\xffa.", "the file ends within it"},
	{"long frame", "\x95\xff\xff\xff\xff\xff\xff\xff\x7fN.", "the file ends within it"},
	{"long number", "\x8b\xff\xff\xff\x7f.", "a number of more than 1 MiB"},
	{"number of negative length", "\x8b\xff\xff\xff\xff.", "a number of more than 1 MiB"},
	{"number cut off", "J\x01\x02", "the file ends within it"},
	{"float cut off", "G\x01\x02", "the file ends within it"},
	{"name cut off", "cos", "the file ends within it"},
	{"name without the second", "cos\nsystem", "the file ends within it"},
	{"long name", "cos\n" + strings.Repeat("x", 2000) + "\n.", "a line of more than 1024 bytes"},
	{"long name from the stack", "X" + wide(2000, 4) + strings.Repeat("x", 2000) + "U\x01a\x93.", "a name of more than 1024 bytes"},
	{"name that is a number", "K\x01U\x01a\x93.", "it looks up what is no name"},
	{"empty stack", "0.", "empty stack"},
	{"nothing to return", ".", "empty stack"},
	{"tuple of too few", "K\x01\x86.", "empty stack"},
	{"beyond the mark", "K\x01(K\x02\x86.", "empty stack"},
	{"pop beyond the mark", "K\x01(0.", "empty stack"},
	{"twice nothing", "2.", "empty stack"},
	{"no mark", "K\x01t.", "a mark that was not set"},
	{"no mark for a set", "K\x01\x91.", "a mark that was not set"},
	{"mark taken", "(tt.", "a mark that was not set"},
	{"nothing remembered", "h\x05.", "it recalls value 5, which it did not remember"},
	{"remembers nothing", "q\x05.", "empty stack"},
	{"append to a number", "K\x01K\x02a.", "it appends to what is no list"},
	{"append to a tuple", ")K\x02a.", "it appends to what is no list"},
	{"append to nothing", "K\x01a.", "empty stack"},
	{"append nothing to nothing", "(e.", "empty stack"},
	{"set in a list", "]K\x01K\x02s.", "no dictionary"},
	{"key without a value", "}(K\x01u.", "a key without a value"},
	{"set in nothing", "(K\x01K\x02u.", "empty stack"},
	{"call without arguments", "cos\na\nR.", "empty stack"},
	{"call with no tuple", "cos\na\n]R.", "without a tuple of arguments"},
	{"state of a number", "K\x01Nb.", "it sets the state of what has none"},
	{"state of nothing", "Nb.", "empty stack"},
	{"nothing elsewhere", "Q.", "empty stack"},
}

func TestMalformed(t *testing.T) {
	for _, tt := range malformed {
		t.Run(tt.name, func(t *testing.T) {
			_, err := readText(tt.pickle)
			if _, ok := errors.AsType[*Error](err); !ok || !strings.Contains(err.Error(), tt.say) {
				t.Errorf("got %v; want %s", err, tt.say)
			}
		})
	}
}

// TestReadFails checks that an error of the file is no error of the pickle.
func TestReadFails(t *testing.T) {
	eio := errors.New("input/output error")
	_, err := Read(func([]byte, int64) error { return eio }, 0, 10)
	if !errors.Is(err, eio) {
		t.Errorf("got %v", err)
	}
}

// TestLimits holds pickles that are nothing but one thing to the limits, and to
// the memory that the limits allow.
func TestLimits(t *testing.T) {
	if testing.Short() {
		t.Skip("pickles of 64 MiB")
	}
	for _, tt := range []struct{ name, unit, say string }{
		{"values", "N", "values on the stack"},
		{"marks", "(", "marks on the stack"},
		{"lists", "]", "values"},
		{"lists dropped", "]0", "more than 1000000 values"},
		{"dictionaries dropped", "}0", "more than 1000000 values"},
		{"texts remembered", "U\x01a\x940", "more than 1000000 values"},
		{"calls", "cos\na\n)R0", "more than 1000000 values"},
		{"names", "\x8c\x01a\x8c\x01b\x930", "more than 1000000 values"},
		{"numbers dropped", "K\x010", "more than 5000000 instructions"},
		{"ids remembered", "K\x01\x940", "remembers more than 1000000 values"},
		{"bytes", "B\x00\x00\x10\x00" + strings.Repeat("x", 1<<20) + "0", "longer than 64 MiB"},
		{"one list in two places of the next", "](h\x00h\x00eq\x00", "more than 5000000 instructions"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			text := "]q\x00" + strings.Repeat(tt.unit, min(MaxSteps+1, (MaxSize+4096)/len(tt.unit)))
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			_, err := readText(text)
			runtime.ReadMemStats(&after)
			if err == nil || !strings.Contains(err.Error(), tt.say) {
				t.Errorf("got %v; want %s", err, tt.say)
			}
			if got := after.TotalAlloc - before.TotalAlloc; got > 256<<20 {
				t.Errorf("%d MiB of memory", got>>20)
			}
		})
	}
}
