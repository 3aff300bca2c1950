package torchtest

import (
	"fmt"

	"mixmatch/merge/checkpoint"
)

// classes are those of storages, and for untyped ones the kinds of numbers, by
// what files of other formats call them.
var classes = map[checkpoint.DType]string{
	checkpoint.F32: "FloatStorage", checkpoint.F16: "HalfStorage", checkpoint.BF16: "BFloat16Storage", checkpoint.F64: "DoubleStorage",
	"I64": "LongStorage", "I32": "IntStorage", "I16": "ShortStorage", "I8": "CharStorage", "U8": "ByteStorage", "BOOL": "BoolStorage",
	checkpoint.E4M3: "float8_e4m3fn", checkpoint.E5M2: "float8_e5m2",
}

// StateDict returns the tensors of f, under their names, for small files.
func StateDict(f *checkpoint.File) (OrderedDict, error) {
	var sd OrderedDict
	for _, t := range f.Tensors() {
		data := make([]byte, t.Bytes())
		if err := f.ReadBytes(data, t, 0); err != nil {
			return nil, err
		}
		name, ok := classes[t.DType]
		if !ok {
			return nil, fmt.Errorf("tensor %s: %s numbers are not written", checkpoint.Short(t.Name), t.DType)
		}
		x := &Tensor{Storage: &Storage{Class: Global{"torch", name}, Data: data}, Shape: t.Shape}
		if _, typed := widths[name]; !typed {
			x.Storage.Class, x.DType = Global{"torch.storage", "UntypedStorage"}, x.Storage.Class
		}
		sd = append(sd, Pair{t.Name, x})
	}
	return sd, nil
}
