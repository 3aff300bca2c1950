package main

import (
	"bytes"
	"os"

	"github.com/rogpeppe/go-internal/testscript"

	"mixmatch/merge/checkpoint/safetensors"
	"mixmatch/merge/checkpoint/torch/torchtest"
)

// cmdCkpt writes a model as torch.save does, with what a training leaves beside
// it. In the damaged kind a bit of the largest tensor is another; the hostile one
// has a call that makes a file called was-here.
func cmdCkpt(ts *testscript.TestScript, _ bool, args []string) {
	f, err := safetensors.Open(ts.MkAbs(args[1]))
	ts.Check(err)
	defer f.Close()
	sd, err := torchtest.StateDict(f)
	ts.Check(err)
	all := torchtest.Dict{{"epoch", 3}, {"state_dict", sd}}
	var b []byte
	switch args[0] {
	case "zip":
		b = torchtest.Zip("archive", all)
	case "legacy":
		b = torchtest.Legacy(all, 2)
	case "damaged":
		b = torchtest.Zip("archive", all)
		var longest []byte
		for _, pair := range sd {
			if data := pair[1].(*torchtest.Tensor).Storage.Data; len(data) > len(longest) {
				longest = data
			}
		}
		b[bytes.Index(b, longest)+len(longest)/2] ^= 1
	case "hostile":
		all[0][1] = torchtest.Call{Func: torchtest.Global{Module: "os", Name: "system"}, Args: torchtest.Tuple{"touch was-here"}}
		b = torchtest.Zip("archive", all)
	default:
		ts.Fatalf("no kind %s", args[0])
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[2]), b, 0o666))
}
