package torch

import (
	"fmt"
	"strings"

	"mixmatch/merge/checkpoint"
	"mixmatch/merge/checkpoint/torch/pickle"
)

// What a pickle may ask for. The names of what holds numbers are in numbers.go.
var (
	// orderedDict is the dictionary that most files hold.
	orderedDict = pickle.Global{Module: "collections", Name: "OrderedDict"}

	// size is a shape, where it is not a tuple.
	size = pickle.Global{Module: "torch", Name: "Size"}

	// builders make tensors: the number of arguments that each takes, at least and
	// at most. See torch/_utils.py.
	builders = map[pickle.Global][2]int{
		{Module: utils, Name: "_rebuild_tensor"}:    {4, 4},
		{Module: utils, Name: "_rebuild_tensor_v2"}: {6, 7},
		{Module: utils, Name: "_rebuild_tensor_v3"}: {7, 8},
	}

	// parameters are made of a tensor, their first argument.
	parameters = map[pickle.Global][2]int{
		{Module: utils, Name: "_rebuild_parameter"}:            {3, 3},
		{Module: utils, Name: "_rebuild_parameter_with_state"}: {4, 4},
	}

	// inert is what checkpoints of trainings hold beside tensors: numbers of numpy,
	// the state of a callback, sets. All of it is passed over.
	inert = map[pickle.Global]bool{
		{Module: "_codecs", Name: "encode"}:                                             true,
		{Module: "__builtin__", Name: "set"}:                                            true,
		{Module: "builtins", Name: "set"}:                                               true,
		{Module: "numpy", Name: "dtype"}:                                                true,
		{Module: "numpy", Name: "ndarray"}:                                              true,
		{Module: "numpy.core.multiarray", Name: "scalar"}:                               true,
		{Module: "numpy._core.multiarray", Name: "scalar"}:                              true,
		{Module: "numpy.core.multiarray", Name: "_reconstruct"}:                         true,
		{Module: "numpy._core.multiarray", Name: "_reconstruct"}:                        true,
		{Module: "torch", Name: "device"}:                                               true,
		{Module: "pytorch_lightning.callbacks", Name: modelCheckpoint}:                  true,
		{Module: "pytorch_lightning.callbacks.model_checkpoint", Name: modelCheckpoint}: true,
	}
)

const (
	utils           = "torch._utils"
	modelCheckpoint = "ModelCheckpoint"
)

// known reports whether a pickle may ask for g.
func known(g pickle.Global) bool {
	if g == orderedDict || g == size || inert[g] {
		return true
	}
	_, builds := builders[g]
	_, parameter := parameters[g]
	_, stores := storageClasses[g]
	_, dtype := dtypes[g]
	return builds || parameter || stores || dtype
}

// others are what makes tensors that are not read, and what they are.
var others = map[pickle.Global]string{
	{Module: utils, Name: "_rebuild_sparse_tensor"}:          "sparse tensors",
	{Module: "torch.serialization", Name: "_get_layout"}:     "sparse tensors",
	{Module: utils, Name: "_rebuild_qtensor"}:                "quantized tensors",
	{Module: "torch", Name: "per_tensor_affine"}:             "quantized tensors",
	{Module: "torch", Name: "per_channel_affine"}:            "quantized tensors",
	{Module: utils, Name: "_rebuild_nested_tensor"}:          "nested tensors",
	{Module: utils, Name: "_rebuild_meta_tensor_no_storage"}: "tensors without numbers",
	{Module: utils, Name: "_rebuild_wrapper_subclass"}:       "tensors of a class of their own",
	{Module: "torch._tensor", Name: "_rebuild_from_type_v2"}: "tensors of a class of their own",
}

// refuse returns an error if a pickle asks for anything that is not known.
func refuse(globals []*pickle.Global) error {
	var unknown []*pickle.Global
	modules, tensors := 0, 0
	for _, g := range globals {
		if known(*g) {
			continue
		}
		unknown = append(unknown, g)
		if strings.HasPrefix(g.Module, "torch.nn.modules.") {
			modules++
		}
		if others[*g] != "" {
			tensors++
		}
	}
	names := list(unknown)
	switch len(unknown) {
	case 0:
		return nil
	case modules:
		return checkpoint.Malformed("a whole module of PyTorch (%s), not a state dict: save its state_dict() instead", names)
	case tensors:
		return checkpoint.Malformed("holds %s (%s), which are not read: save them as plain ones", others[*unknown[0]], names)
	}
	do := "do not load it, get the model as safetensors"
	if modules > 0 {
		do = "if it is a whole module of a training that you trust, save its state_dict() instead"
	}
	return checkpoint.Malformed("unsafe: it asks Python for %s, which no tensor needs; nothing of it was executed: %s", names, do)
}

// list names at most ten names.
func list(globals []*pickle.Global) string {
	const most = 10
	var b strings.Builder
	for i, g := range globals[:min(len(globals), most)] {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(checkpoint.Short(g.String()))
	}
	if n := len(globals) - most; n > 0 {
		fmt.Fprintf(&b, " and %d more", n)
	}
	return b.String()
}
