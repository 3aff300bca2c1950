package dialect

import (
	"strconv"
	"strings"

	"mixmatch/merge/block"
)

// A layout is how the tensors of one part are named by some program.
type layout struct {
	part  block.Part
	names string // whose they are
	usual bool   // those of single files
	of    family // where it tells that

	// Witnesses are keys without what is in front of them; the part is there in
	// this layout if one of them is.
	witnesses []string

	// Needs are keys that must be there too, where witnesses do not tell enough.
	needs []string

	// Words may stand in front, in any order, as parts of names: people nest
	// models in wrappers and save them from there.
	words []string

	// Read looks at all keys behind a root and returns how to spell them.
	read func(keys []string) speller
}

// A speller returns what a key without its prefix becomes. False means that it is
// not of the part.
type speller func(key string) (slot, bool)

// A slot is the place of a tensor.
type slot struct {
	key        string // in single files, without the part's prefix
	piece, of  int    // which piece of how many, along the first dimension; of 0: it is the whole
	transposed bool
	swapped    bool // its halves, along the first dimension, are the other way round
	dropped    bool // single files have nothing like it
	old        bool // the name is of 2022
}

// wrappers are the words that programs put in front of a model they hold.
var wrappers = []string{"module", "state_dict", "_orig_mod", "model"}

// layouts are all that are known.
var layouts = []*layout{
	&singleUNet, &diffusersUNet,
	&flux, &diffusersFlux, &sd3, &diffusersSD3,
	&singleVAE, &diffusersVAE,
	&huggingFaceText, &openCLIPText, &t5Text,
}

// tops returns a reader for keys that keep their names, if they begin with one of
// those given.
func tops(first ...string) func([]string) speller {
	is := map[string]bool{}
	for _, f := range first {
		is[f] = true
	}
	return func([]string) speller {
		return func(key string) (slot, bool) {
			top, _, _ := strings.Cut(key, ".")
			return slot{key: key}, is[top]
		}
	}
}

// split returns the parts of a key between the dots, its module and the rest.
func split(key string) []string { return strings.Split(key, ".") }

// number reads a number as keys have them.
func number(s string) (int, bool) {
	n, err := strconv.Atoi(s)
	return n, err == nil && 0 <= n && n < 1000 && strconv.Itoa(n) == s
}

// count returns one more than the highest number that follows prefix in keys.
func count(keys []string, prefix string) int {
	most := 0
	for _, k := range keys {
		rest, ok := strings.CutPrefix(k, prefix)
		if !ok {
			continue
		}
		digits, _, _ := strings.Cut(rest, ".")
		if n, ok := number(digits); ok {
			most = max(most, n+1)
		}
	}
	return most
}
