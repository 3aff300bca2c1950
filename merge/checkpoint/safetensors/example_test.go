package safetensors

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"

	"mixmatch/merge/checkpoint"
)

func Example() {
	dir, _ := os.MkdirTemp("", "")
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "tiny.safetensors")

	w, err := Create(path, []checkpoint.Tensor{{Name: "bias", DType: checkpoint.F32, Shape: []int{2}}}, map[string]string{"format": "pt"}, false)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer w.Abort()
	for range w.Tensors() {
		if _, err := w.Write(binary.LittleEndian.AppendUint64(nil, 0x40000000_3f800000)); err != nil {
			fmt.Println(err)
			return
		}
	}
	if err := w.Commit(); err != nil {
		fmt.Println(err)
		return
	}

	f, err := Open(path)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer f.Close()
	for _, t := range f.Tensors() {
		x := make([]float32, t.Len())
		err := f.Read(x, nil, t, 0)
		fmt.Println(t.Name, t.DType, t.Shape, x, err)
	}
	// Output: bias F32 [2] [1 2] <nil>
}
