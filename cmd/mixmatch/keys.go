package main

import (
	"mixmatch/merge"
	"mixmatch/merge/block"
)

// strangeKeys returns the keys of the first of the files if they can be had from
// it alone: those of a model of an architecture that has no list of them.
func strangeKeys(files []modelFile) []string {
	if len(files) == 0 {
		return nil
	}
	m, err := merge.OpenModel(files[0].name, files[0].path)
	if err != nil {
		return nil // documents that need them are refused
	}
	defer m.Close()
	if block.Keys(m.Kind.Arch) != nil {
		return nil
	}
	return m.Keys()
}
