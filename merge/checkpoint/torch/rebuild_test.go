package torch

import (
	"bytes"
	"strings"
	"testing"

	"mixmatch/merge/checkpoint/torch/pickle"
	"mixmatch/merge/checkpoint/torch/torchtest"
)

// TestDTypes reads a tensor of each kind of numbers that torch has.
func TestDTypes(t *testing.T) {
	torch := func(name string) torchtest.Global { return torchtest.Global{Module: "torch", Name: name} }
	check := func(g torchtest.Global, n number, x *torchtest.Tensor) {
		for _, b := range [][]byte{torchtest.Zip("m", dict{{"x", x}}), torchtest.Legacy(dict{{"x", x}}, 2)} {
			f, err := openBytes(b)
			if n.dtype == "" {
				if err == nil || !strings.Contains(err.Error(), n.is+" numbers, which are not read") {
					t.Errorf("%s: got %v", g.Name, err)
				}
				continue
			}
			if err != nil {
				t.Errorf("%s: %v", g.Name, err)
				continue
			}
			got := make([]byte, len(x.Storage.Data))
			if y := f.Tensors()[0]; y.DType != n.dtype || y.Bytes() != int64(len(got)) || f.ReadBytes(got, y, 0) != nil || !bytes.Equal(got, x.Storage.Data) {
				t.Errorf("%s: got %+v, %q", g.Name, y, got)
			}
		}
	}
	data := []byte("0123456789abcdef")
	for class, n := range storageClasses {
		g := torchtest.Global{Module: class.Module, Name: class.Name}
		check(g, n, &torchtest.Tensor{Storage: &torchtest.Storage{Class: g, Data: data, Count: 16 / int(n.bytes)}, Shape: []int{16 / int(n.bytes)}})
	}
	for dtype, n := range dtypes {
		x := &torchtest.Tensor{Storage: &torchtest.Storage{Class: torchtest.Global{Module: "torch.storage", Name: "UntypedStorage"}, Data: data}, Shape: []int{16 / int(n.bytes)}, DType: torch(dtype.Name)}
		check(x.DType, n, x)
	}
	for _, table := range []map[pickle.Global]number{storageClasses, dtypes} {
		for g, n := range table {
			if n.dtype != "" && int64(n.dtype.Bits()) != 8*n.bytes {
				t.Errorf("%s takes %d bits and %d bytes", g.Name, n.dtype.Bits(), n.bytes)
			}
		}
	}
}

func TestMarked(t *testing.T) {
	for name, tt := range map[string]struct {
		mark any
		ok   bool
	}{
		"nothing": {dict{}, true}, "false": {dict{{"neg", false}, {"conj", false}}, true},
		"negated": {dict{{"neg", true}}, false}, "number": {1, false}, "ordered": {torchtest.OrderedDict{}, false},
	} {
		x := vector(2)
		x.Mark = tt.mark
		_, err := openBytes(torchtest.Zip("m", dict{{"x", x}}))
		if (err == nil) != tt.ok || err != nil && !strings.Contains(err.Error(), "negated or conjugated") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestRebuild refuses calls that are not as torch.save writes them.
func TestRebuild(t *testing.T) {
	utils := func(name string) torchtest.Global { return torchtest.Global{Module: "torch._utils", Name: name} }
	size := func(args ...any) any {
		return torchtest.Call{Func: torchtest.Global{Module: "torch", Name: "Size"}, Args: args}
	}
	id := func(items ...any) any { return torchtest.Named(items...) }
	float := torchtest.Global{Module: "torch", Name: "FloatStorage"}
	s := id("storage", float, "0", "cpu", 2)
	v2 := func(args ...any) any { return torchtest.Call{Func: utils("_rebuild_tensor_v2"), Args: args} }
	ok := v2(s, 0, tuple{2}, tuple{1}, false, dict{})
	for name, tt := range map[string]struct {
		x   any
		say string
	}{
		"as it is":              {ok, ""},
		"the first of its kind": {torchtest.Call{Func: utils("_rebuild_tensor"), Args: tuple{s, 0, tuple{2}, tuple{1}}}, ""},
		"with a size":           {v2(s, 0, size(tuple{2}), size(tuple{1}), false, dict{}), ""},
		"with two sizes":        {v2(s, 0, size(tuple{2}, 1), tuple{1}, false, dict{}), "not of the form"},
		"parameter":             {torchtest.Call{Func: utils("_rebuild_parameter"), Args: tuple{ok, true, dict{}}}, ""},
		"parameter with state":  {torchtest.Call{Func: utils("_rebuild_parameter_with_state"), Args: tuple{ok, true, dict{}, dict{{"a", 1}}}}, ""},
		"parameter of nothing":  {torchtest.Call{Func: utils("_rebuild_parameter"), Args: tuple{1, true, dict{}}}, "malformed parameter"},
		"parameter of three":    {torchtest.Call{Func: utils("_rebuild_parameter"), Args: tuple{torchtest.Call{Func: utils("_rebuild_parameter"), Args: tuple{torchtest.Call{Func: utils("_rebuild_parameter"), Args: tuple{ok, true, dict{}}}, true, dict{}}}, true, dict{}}}, "malformed"},
		"parameter alone":       {torchtest.Call{Func: utils("_rebuild_parameter"), Args: tuple{ok}}, "malformed parameter"},
		"changed afterwards":    {torchtest.Call{Func: utils("_rebuild_tensor_v2"), Args: tuple{s, 0, tuple{2}, tuple{1}, false, dict{}}, State: tuple{s, 1, tuple{1}, tuple{1}}}, "not made as torch.save writes it"},
		"too few arguments":     {v2(s, 0, tuple{2}), "not made as torch.save writes it"},
		"no storage":            {v2(1, 0, tuple{2}, tuple{1}, false, dict{}), "not of the form"},
		"shape of texts":        {v2(s, 0, tuple{"2"}, tuple{1}, false, dict{}), "not of the form"},
		"shape as a list":       {v2(s, 0, torchtest.List{2}, tuple{1}, false, dict{}), "not of the form"},
		"stride too few":        {v2(s, 0, tuple{1, 2}, tuple{1}, false, dict{}), "not of the form"},
		"offset of a text":      {v2(s, "0", tuple{2}, tuple{1}, false, dict{}), "not of the form"},
		"65 dimensions":         {v2(s, 0, append(make(tuple, 0), repeat(1, 65)...), append(make(tuple, 0), repeat(1, 65)...), false, dict{}), "not of the form"},
		"dtype of a text":       {torchtest.Call{Func: utils("_rebuild_tensor_v3"), Args: tuple{s, 0, tuple{2}, tuple{1}, false, dict{}, "float32"}}, "its dtype is no name"},
		"dtype of a storage":    {torchtest.Call{Func: utils("_rebuild_tensor_v3"), Args: tuple{s, 0, tuple{2}, tuple{1}, false, dict{}, float}}, `"torch.FloatStorage" is no dtype`},
		"storage of a dtype":    {v2(id("storage", torchtest.Global{Module: "torch", Name: "float32"}, "0", "cpu", 2), 0, tuple{2}, tuple{1}, false, dict{}), "is of class"},
		"module":                {v2(id("module", float, "0", "cpu", 2), 0, tuple{2}, tuple{1}, false, dict{}), "no storage"},
		"part of a storage":     {v2(id("storage", float, "0", "cpu", 2, tuple{"1", 0, 2}), 0, tuple{2}, tuple{1}, false, dict{}), "part of another"},
		"key of a number":       {v2(id("storage", float, 0, "cpu", 2), 0, tuple{2}, tuple{1}, false, dict{}), "the name of a storage"},
		"key like a path":       {v2(id("storage", float, "../0", "cpu", 2), 0, tuple{2}, tuple{1}, false, dict{}), `storage "../0" is missing`},
	} {
		b := torchtest.Archive(append(torchtest.Members("m", dict{{"x", tt.x}}), torchtest.Member{Name: "m/data/0", Data: make([]byte, 8)})...)
		_, err := openBytes(b)
		if (tt.say == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), tt.say) {
			t.Errorf("%s: got %v; want %s", name, err, tt.say)
		}
	}
}

func repeat(v any, n int) []any {
	var list []any
	for range n {
		list = append(list, v)
	}
	return list
}
