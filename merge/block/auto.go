package block

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// auto is every other model whose keys number its blocks, such as AuraFlow,
// PixArt, Lumina or a language model. Its layout is read off the keys:
//
//   - Keys that go on after a number, at the first number in them, are a series if
//     the numbers run from 0 to some number above: "layers.0.attention.qkv.weight"
//     up to "layers.25..." is the series layers*26. Each number is a block, LAYERS00
//     and on. A number is a block only if it holds modules: "mlp.0.weight" is a
//     layer and no block.
//   - What else is in the network is one block for each beginning of keys, without
//     what all series have before them: "cap_embedder.0.weight" is in CAP_EMBEDDER.
//     There are 32 such blocks at most, else all is in BASE.
//   - BASE is the text encoders. The VAE is not merged.
//
// All of that is in the architecture's name, auto:SERIES*NUMBER,...+BEGINNING,...
// so that a layout can be had without the model. The three longest series are
// groups, and what is left is one.
var auto = &architecture{
	name: "auto",
	is: func(h Header) bool {
		s := survey(h)
		return len(s.series) > 0 && guessed(h) == ""
	},
	measure: func(h Header) (Arch, error) {
		s := survey(h)
		if n := s.len(); n > MaxLen {
			return "", fmt.Errorf("%d blocks, %s; there is room for %d", n, s.arch(), MaxLen)
		}
		return s.arch(), nil
	},
	sized: func(name Arch) *architecture {
		s, ok := readAuto(name)
		if !ok {
			return nil
		}
		return s.architecture()
	},
}

// An autoLayout is what tells the blocks of a model apart.
type autoLayout struct {
	series []autoSeries // sorted
	starts []string     // beginnings of other keys, sorted; "*" alone for all others
}

// An autoSeries is the blocks whose keys begin with a path and a number from 0
// to below n.
type autoSeries struct {
	path string
	n    int
}

// How many beginnings of keys have blocks of their own, and how many series are
// groups.
const (
	autoStarts = 32
	autoGroups = 3
)

// survey reads the layout off the keys of a network.
func survey(h Header) autoLayout {
	keys := networkKeys(h)
	numbers := map[string]map[int]bool{} // path -> numbers that hold modules
	for _, key := range keys {
		if path, rest, ok := cutSeries(key); ok && strings.Contains(rest.after, ".") {
			if numbers[path] == nil {
				numbers[path] = map[int]bool{}
			}
			numbers[path][rest.number] = true
		}
	}
	var s autoLayout
	for path, found := range numbers {
		n := 0
		for found[n] {
			n++
		}
		if n > 1 && n == len(found) && autoWord(path) {
			s.series = append(s.series, autoSeries{path, n})
		}
	}
	slices.SortFunc(s.series, func(a, b autoSeries) int { return strings.Compare(a.path, b.path) })
	if len(s.series) == 0 {
		return s
	}
	wrapper := s.wrapper()
	starts := map[string]bool{}
	for _, key := range keys {
		if _, ok := s.seriesOf(key); !ok {
			starts[start(wrapper, key)] = true
		}
	}
	for x := range starts {
		s.starts = append(s.starts, x)
	}
	slices.Sort(s.starts)
	if len(s.starts) > autoStarts || !allOf(s.starts, autoWord) || s.len() > MaxLen {
		s.starts = []string{"*"}
	}
	return s
}

// networkKeys returns the keys of the network, without the prefix that most have.
func networkKeys(h Header) []string {
	var with, without []string
	for key := range h {
		if rest, ok := strings.CutPrefix(key, unetPrefix); ok {
			with = append(with, rest)
		} else if PartOf(key) == Other {
			without = append(without, key)
		}
	}
	if len(with) > 0 {
		return with
	}
	return without
}

// A numbered key goes on after a number.
type numbered struct {
	number int
	after  string
}

// cutSeries cuts a key at the first number in it.
func cutSeries(key string) (path string, n numbered, ok bool) {
	for at := 0; ; {
		dot := strings.IndexByte(key[at:], '.')
		if dot < 0 {
			return "", n, false
		}
		at += dot + 1
		digits, after, more := strings.Cut(key[at:], ".")
		if i, err := strconv.Atoi(digits); more && err == nil && strconv.Itoa(i) == digits && i >= 0 {
			return key[:at-1], numbered{i, after}, true
		}
	}
}

// wrapper returns what all series have before them, with the dot behind it.
func (s *autoLayout) wrapper() string {
	w := parent(s.series[0].path)
	for _, x := range s.series {
		for !strings.HasPrefix(x.path, w) {
			w = parent(strings.TrimSuffix(w, "."))
		}
	}
	return w
}

// parent returns a path without its last part, "" or with a dot at its end.
func parent(path string) string { return path[:strings.LastIndexByte(path, '.')+1] }

// start returns the first part of a key after the wrapper.
func start(wrapper, key string) string {
	key = strings.TrimPrefix(key, wrapper)
	first, _, _ := strings.Cut(key, ".")
	return first
}

// seriesOf returns the block of a key that is in a series.
func (s *autoLayout) seriesOf(key string) (ID, bool) {
	path, n, ok := cutSeries(key)
	if !ok {
		return 0, false
	}
	at := s.firstSeries()
	for _, x := range s.series {
		if x.path == path {
			return at + ID(min(n.number, x.n-1)), n.number < x.n
		}
		at += ID(x.n)
	}
	return 0, false
}

// firstSeries returns the place of the first block of the first series.
func (s *autoLayout) firstSeries() ID {
	if s.all() {
		return 1
	}
	return ID(1 + len(s.starts))
}

// all reports whether all that is in no series is in BASE.
func (s *autoLayout) all() bool { return len(s.starts) == 1 && s.starts[0] == "*" }

func (s *autoLayout) len() int {
	n := 1
	if !s.all() {
		n += len(s.starts)
	}
	for _, x := range s.series {
		n += x.n
	}
	return n
}

func allOf(list []string, ok func(string) bool) bool {
	return !slices.ContainsFunc(list, func(s string) bool { return !ok(s) })
}
