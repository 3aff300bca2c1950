package main

import (
	"encoding/json"
	"os"
	"path/filepath"

	"github.com/rogpeppe/go-internal/testscript"

	"mixmatch/merge/checkpoint/safetensors"
)

// cmdIndex writes the index of shards: INDEX SHARD...
func cmdIndex(ts *testscript.TestScript, _ bool, args []string) {
	shards := map[string]string{}
	for _, name := range args[1:] {
		f, err := safetensors.Open(ts.MkAbs(name))
		ts.Check(err)
		for _, t := range f.Tensors() {
			shards[t.Name] = filepath.Base(name)
		}
		f.Close()
	}
	text, err := json.Marshal(map[string]any{"metadata": map[string]any{"total_size": 1}, "weight_map": shards})
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), text, 0o666))
}
