package block

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// arch returns the name that holds the layout.
func (s *autoLayout) arch() Arch {
	var series []string
	for _, x := range s.series {
		series = append(series, x.path+"*"+strconv.Itoa(x.n))
	}
	name := "auto:" + strings.Join(series, ",")
	if len(s.starts) > 0 {
		name += "+" + strings.Join(s.starts, ",")
	}
	return Arch(name)
}

// maxAuto is how long the name of an automatic layout may be.
const maxAuto = 4096

// readAuto returns the layout that a name holds, false if it is none.
func readAuto(name Arch) (s autoLayout, ok bool) {
	text, ok := strings.CutPrefix(string(name), "auto:")
	if !ok || len(text) > maxAuto {
		return s, false
	}
	series, starts, some := strings.Cut(text, "+")
	for x := range strings.SplitSeq(series, ",") {
		path, digits, _ := strings.Cut(x, "*")
		n, err := strconv.Atoi(digits)
		if err != nil || n < 2 || n > MaxLen || !autoWord(path) {
			return s, false
		}
		s.series = append(s.series, autoSeries{path, n})
	}
	if some {
		s.starts = strings.Split(starts, ",")
	}
	if s.len() > MaxLen || len(s.starts) > autoStarts || !s.all() && !allOf(s.starts, autoWord) {
		return s, false
	}
	return s, s.arch() == name
}

// autoWord reports whether a beginning of keys can be a part of a name.
func autoWord(s string) bool {
	return s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.") == ""
}

// architecture returns what the layout stands for.
func (s autoLayout) architecture() *architecture {
	taken := map[string]bool{"BASE": true, "NOT": true, "VAE": true, "ADJUST": true} // mean something in notation
	unique := func(name string) string {
		for taken[name] || device(name) {
			name += "_"
		}
		taken[name] = true
		return name
	}
	blocks := []named{{"BASE", Base}}
	texts := 0
	if !s.all() {
		texts = 1
		for _, x := range s.starts {
			blocks = append(blocks, named{unique(blockWord(x)), Base})
		}
	}
	longest := slices.Clone(s.series)
	slices.SortStableFunc(longest, func(a, b autoSeries) int { return b.n - a.n })
	longest = longest[:min(len(longest), autoGroups)]
	groups := make([]Group, len(longest), len(longest)+1)
	for i, x := range s.series {
		word := blockWord(x.path)
		if last := blockWord(x.path[len(parent(x.path)):]); s.alone(i) {
			word = last
		}
		if word = strings.TrimRight(word, "0123456789"); word == "" {
			word = "BLOCK"
		}
		width := max(2, len(strconv.Itoa(x.n-1)))
		numbered := func(k int) string { return fmt.Sprintf("%s%0*d", word, width, k) }
		word = unique(word)
		for slices.ContainsFunc(blocks, func(b named) bool {
			w, digits := cutNumber(b.name)
			return w == word && digits != "" // which may be one of the series' names
		}) {
			word = unique(word)
		}
		group := Base
		if at := slices.Index(longest, x); at >= 0 {
			group = Group(strings.ToLower(word))
			groups[at] = group
		}
		for k := range x.n {
			blocks = append(blocks, named{numbered(k), group})
		}
	}
	return &architecture{
		name:     s.arch(),
		blocks:   blocks,
		groups:   append(groups, Base),
		texts:    texts,
		readings: []reading{{Whole, s.block}},
		part:     s.part,
	}
}

// device reports whether a name is one that Windows gives to no file.
func device(name string) bool {
	switch name {
	case "CON", "PRN", "AUX", "NUL":
		return true
	}
	return len(name) == 4 && (strings.HasPrefix(name, "COM") || strings.HasPrefix(name, "LPT")) && name[3] >= '1' && name[3] <= '9'
}

// alone reports whether no other series has a path with the same last part.
func (s *autoLayout) alone(i int) bool {
	last := func(path string) string { return path[len(parent(path)):] }
	for k, x := range s.series {
		if k != i && last(x.path) == last(s.series[i].path) {
			return false
		}
	}
	return true
}

// blockWord writes a path as a part of a block's name.
func blockWord(path string) string {
	return strings.Map(func(r rune) rune {
		if r == '.' || r == '-' {
			return '_'
		}
		return r
	}, strings.ToUpper(path))
}

// block is the rule.
func (s *autoLayout) block(key string) (ID, bool) {
	switch s.part(key) {
	case TextEncoder:
		return 0, !strings.HasSuffix(key, "position_ids")
	case UNet:
	default:
		return 0, false
	}
	key = strings.TrimPrefix(key, unetPrefix)
	if id, ok := s.seriesOf(key); ok {
		return id, true
	}
	if !s.all() {
		first := start(s.wrapper(), key)
		for i, x := range s.starts {
			if x == first {
				return ID(1 + i), true
			}
		}
	}
	return 0, s.all()
}

// part returns a key's part: what no prefix tells is the network's, if the
// layout has a block for it.
func (s *autoLayout) part(key string) Part {
	if p := PartOf(key); p != Other {
		return p
	}
	if _, ok := s.seriesOf(key); ok || s.all() {
		return UNet
	}
	first := start(s.wrapper(), key)
	for _, x := range s.starts {
		if x == first {
			return UNet
		}
	}
	return Other
}
