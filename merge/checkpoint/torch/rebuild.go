package torch

import (
	"math/bits"
	"slices"

	"mixmatch/merge/checkpoint"
	"mixmatch/merge/checkpoint/torch/pickle"
)

// A reference is what a pickle says of a storage.
type reference struct {
	key  string
	of   number
	size int64 // in bytes
}

// refer reads the name of a storage: ("storage", class, key, device, how many
// numbers), and in legacy files None, or of which other storage it is a part.
func refer(p *pickle.Persistent) (reference, error) {
	id, ok := p.ID.(*pickle.Tuple)
	if !ok || len(id.Items) < 5 || len(id.Items) > 6 || id.Items[0] != "storage" {
		return reference{}, checkpoint.Malformed("malformed: names something outside of the pickle that is no storage")
	}
	if len(id.Items) == 6 && id.Items[5] != nil {
		return reference{}, checkpoint.Malformed("a storage that is part of another, as PyTorch before 0.4 wrote them: load and save it with a newer one")
	}
	class, ok1 := id.Items[1].(*pickle.Global)
	key, ok2 := id.Items[2].(string)
	_, ok3 := id.Items[3].(string)
	n, ok4 := id.Items[4].(int64)
	if !ok1 || !ok2 || !ok3 || !ok4 {
		return reference{}, checkpoint.Malformed("malformed: the name of a storage is not of the form it should have")
	}
	of, ok := storageClasses[*class]
	if !ok {
		return reference{}, checkpoint.Malformed("malformed: storage %s is of class %s, which is none", checkpoint.Short(key), checkpoint.Short(class.String()))
	}
	hi, size := bits.Mul64(uint64(n), uint64(of.bytes))
	if n < 0 || hi != 0 || size > 1<<62 {
		return reference{}, checkpoint.Malformed("malformed: storage %s has %d numbers", checkpoint.Short(key), n)
	}
	return reference{key, of, int64(size)}, nil
}

// A namedTensor is a tensor of the model, not looked at yet.
type namedTensor struct {
	name string
	call *pickle.Call
}

// isTensor reports whether v makes a tensor.
func isTensor(v pickle.Value) (*pickle.Call, bool) {
	call, ok := v.(*pickle.Call)
	if !ok {
		return nil, false
	}
	g, ok := call.Func.(*pickle.Global)
	if !ok {
		return nil, false
	}
	_, builds := builders[*g]
	_, parameter := parameters[*g]
	return call, builds || parameter
}

// maxAllDims is how many dimensions the tensors of a file may have together. It
// keeps one shape that many tensors have from taking more memory than the file.
const maxAllDims = 1_000_000

// A rebuilder makes tensors of calls.
type rebuilder struct {
	storages map[string]*storage
	dims     int // of the tensors so far
}

// tensor returns the tensor, and where its numbers lie.
func (r *rebuilder) tensor(n namedTensor) (checkpoint.Tensor, view, error) {
	t, v, err := r.rebuild(n.call)
	if r.dims += len(t.Shape); err == nil && r.dims > maxAllDims {
		err = checkpoint.Malformed("malformed: the tensors have more than %d dimensions together", maxAllDims)
	}
	if err != nil {
		return t, v, checkpoint.Malformed("tensor %s: %v", checkpoint.Short(n.name), err)
	}
	t.Name = n.name
	return t, v, nil
}

func (r *rebuilder) rebuild(call *pickle.Call) (t checkpoint.Tensor, v view, err error) {
	takes, builds := builders[*call.Func.(*pickle.Global)]
	for range 2 { // a parameter is made of a tensor
		if builds {
			break
		}
		inner, ok := arguments(call, parameters[*call.Func.(*pickle.Global)])
		if !ok {
			return t, v, checkpoint.Malformed("malformed parameter")
		}
		if call, ok = isTensor(inner[0]); !ok {
			return t, v, checkpoint.Malformed("malformed parameter")
		}
		takes, builds = builders[*call.Func.(*pickle.Global)]
	}
	args, ok := arguments(call, takes)
	if !builds || !ok {
		return t, v, checkpoint.Malformed("malformed: it is not made as torch.save writes it")
	}
	where, ok1 := args[0].(*pickle.Persistent)
	begin, ok2 := args[1].(int64)
	shape, ok3 := dims(args[2])
	strides, ok4 := dims(args[3])
	if !ok1 || !ok2 || !ok3 || !ok4 || len(shape) != len(strides) {
		return t, v, checkpoint.Malformed("malformed: its storage, offset, shape or strides are not of the form they should have")
	}
	ref, err := refer(where)
	if err != nil {
		return t, v, err
	}
	s := r.storages[ref.key]
	if s == nil {
		return t, v, checkpoint.Malformed("malformed: storage %s is missing", checkpoint.Short(ref.key))
	}
	rest := args[min(len(args), 6):]
	if call.Func.(*pickle.Global).Name == "_rebuild_tensor_v3" {
		g, ok := args[6].(*pickle.Global)
		if !ok {
			return t, v, checkpoint.Malformed("malformed: its dtype is no name")
		}
		if ref.of, ok = dtypes[*g]; !ok {
			return t, v, checkpoint.Malformed("malformed: %s is no dtype", checkpoint.Short(g.String()))
		}
		rest = args[7:]
	}
	if len(rest) > 0 && !unmarked(rest[0]) {
		return t, v, checkpoint.Malformed("its numbers are to be negated or conjugated when they are read, which is not done: save what .resolve_neg() and .resolve_conj() return")
	}
	if ref.of.dtype == "" {
		return t, v, checkpoint.Malformed("%s numbers, which are not read: save it in another dtype", ref.of.is)
	}
	v, err = layOut(s, ref.of.bytes, begin, shape, strides)
	t.DType, t.Shape = ref.of.dtype, make([]int, len(shape))
	for i, n := range shape {
		t.Shape[i] = int(n)
	}
	return t, v, err
}

// arguments returns the arguments of a call, if there are as many as it takes and
// nothing was done to its result.
func arguments(call *pickle.Call, takes [2]int) ([]pickle.Value, bool) {
	args := call.Args.Items
	plain := !call.Built && len(call.Items) == 0 && len(call.Pairs) == 0
	return args, plain && len(args) >= takes[0] && len(args) <= takes[1]
}

// dims reads a shape or strides.
func dims(v pickle.Value) ([]int64, bool) {
	if call, ok := v.(*pickle.Call); ok {
		g, ok := call.Func.(*pickle.Global)
		args, plain := arguments(call, [2]int{1, 1})
		if !ok || *g != size || !plain {
			return nil, false
		}
		v = args[0]
	}
	tuple, ok := v.(*pickle.Tuple)
	if !ok || len(tuple.Items) > maxDims {
		return nil, false
	}
	list := make([]int64, len(tuple.Items))
	for i, item := range tuple.Items {
		if list[i], ok = item.(int64); !ok {
			return nil, false
		}
	}
	return list, true
}

// unmarked reports whether v, what a tensor says of how to read its numbers, says
// nothing: None, or a dictionary of what is false.
func unmarked(v pickle.Value) bool {
	if v == nil {
		return true
	}
	d, ok := v.(*pickle.Dict)
	return ok && !slices.ContainsFunc(d.Pairs, func(p pickle.Pair) bool { return p.Value != false })
}
