package studies

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"mixmatch/merge/block"
	"mixmatch/merge/cache"
	"mixmatch/similarity"
)

// cachedLikes is the kind of entries in the user's cache that hold attention
// similarities: of mixes of some models with a target, at the heads of a group.
const cachedLikes = "likes"

// likes are attention similarities that are known, by the block of the head. Its
// methods may be called on nil, which knows none.
type likes struct {
	cache *cache.Cache
	from  *attentionModels
	files string // the identities of these, when the cache was asked
	key   string
	known map[string][]knownLike
}

// A knownLike is what a calculator says of the mix with these weights.
type knownLike struct {
	Weights []float64 `json:"weights"`
	Value   float64   `json:"value"`
}

// newLikes returns what the cache has for the heads of a group, nil if it is not to
// be asked. A head's number depends on all heads, since one stream of random numbers
// feeds them.
func newLikes(c *cache.Cache, calculator string, a *attentionModels, l *block.Layout, heads []similarity.Head) *likes {
	last := len(a.opened) - 1
	of := identify(a.opened[:last], a.opened[last])
	if c == nil || !of.known() {
		return nil
	}
	key := []string{calculator, of.key()}
	for _, h := range heads {
		key = append(key, fmt.Sprintf("%s %d", l.Name(h.Block), h.Dim))
	}
	k := &likes{cache: c, from: a, files: of.key(), key: strings.Join(key, "\n"), known: map[string][]knownLike{}}
	if text, ok := c.Get(cachedLikes, k.key); ok {
		if err := json.Unmarshal(text, &k.known); err != nil {
			k.known = map[string][]knownLike{}
		}
	}
	return k
}

// of returns the values of mixes at a block's head, nil unless all are known.
func (k *likes) of(name string, mixes [][]float64) []float64 {
	if k == nil {
		return nil
	}
	var all []float64
	for _, w := range mixes {
		i := slices.IndexFunc(k.known[name], func(l knownLike) bool { return slices.Equal(l.Weights, w) })
		if i < 0 {
			return nil
		}
		all = append(all, k.known[name][i].Value)
	}
	return all
}

// maxLikes is how many mixes of a head are kept.
const maxLikes = 256

// add adds the values of mixes, the latest first.
func (k *likes) add(name string, mixes [][]float64, values []float64) {
	if k == nil {
		return
	}
	for i, w := range mixes {
		if k.of(name, [][]float64{w}) == nil {
			k.known[name] = slices.Insert(k.known[name], 0, knownLike{w, values[i]})
		}
	}
	k.known[name] = k.known[name][:min(len(k.known[name]), maxLikes)]
}

// keep writes what is known into the cache, if the files are what they were.
func (k *likes) keep() {
	if k == nil {
		return
	}
	last := len(k.from.opened) - 1
	if now := identify(k.from.opened[:last], k.from.opened[last]); now.key() != k.files {
		return
	}
	if text, err := json.Marshal(k.known); err == nil {
		k.cache.Put(cachedLikes, k.key, text)
	}
}
