package studies

import (
	"encoding/json"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"mixmatch/merge"
	"mixmatch/merge/cache"
	"mixmatch/similarity"
)

// The user's cache has the products of earlier studies, whatever became of those, by
// the files that they are of. A study of the same files reads nothing, and of a file
// more only its products with the others are new.

const (
	cachedProducts = "products"
	cachedList     = "studies" // of a first model: which products there are

	// cacheVersion is of what is measured: it is to change whenever the same files come to
	// have other products, by names of tensors that are understood now, for one.
	cacheVersion = "1"

	maxCached = 32 // studies of one first model that are listed
	maxTaken  = 4  // of them that a study takes products from
)

// A cachedStudy is an entry in the list of a first model's products: of which files
// they are.
type cachedStudy struct {
	Models []string `json:"models"` // the first among them
	Target string   `json:"target"`
}

// key is what its products are kept under.
func (c *cachedStudy) key() string {
	return strings.Join(append(slices.Clone(c.Models), "target", c.Target, cacheVersion), "\n")
}

// identity tells the content of m from that of any other, or is "": see
// [cache.FileKey].
func identity(m *merge.Model) string {
	all := []string{m.File.Stamp().Header}
	var latest time.Time
	for _, path := range m.File.Files() {
		info, err := os.Stat(path)
		if err != nil {
			return ""
		}
		key, ok := cache.FileKey(path, info)
		if !ok {
			return ""
		}
		if all = append(all, key); info.ModTime().After(latest) {
			latest = info.ModTime()
		}
	}
	if !latest.Equal(m.File.Stamp().ModTime) { // another file has taken its place since it was opened
		return ""
	}
	return strings.Join(all, " ")
}

// identify returns the identities of models and a target.
func identify(models []*merge.Model, target *merge.Model) cachedStudy {
	c := cachedStudy{Target: identity(target)}
	for _, m := range models {
		c.Models = append(c.Models, identity(m))
	}
	return c
}

// known reports whether all of the files are such as are kept.
func (c *cachedStudy) known() bool { return c.Target != "" && !slices.Contains(c.Models, "") }

// listed returns the studies whose products are measured from the same first model.
func listed(c *cache.Cache, first string) []cachedStudy {
	var list []cachedStudy
	if text, ok := c.Get(cachedList, first+cacheVersion); ok && first != "" {
		if err := json.Unmarshal(text, &list); err != nil {
			return nil
		}
	}
	return list
}

// fromCache returns products of the models named, whose identities are as in of, with
// its target at a place among others.
func fromCache(c *cache.Cache, of cachedStudy, names []string, target int) []similarity.Known {
	// The same study first, whether it is in the list or not.
	list := append([]cachedStudy{of}, listed(c, of.Models[0])...)
	if target > 0 { // what is of the sources alone comes with the first target
		list = slices.DeleteFunc(list, func(s cachedStudy) bool { return s.Target != of.Target })
	}
	pairs := map[[2]int]bool{} // that are known; the target is behind the models
	rows := func(s *cachedStudy) (found []int) {
		for i, m := range append(slices.Clone(of.Models), of.Target) {
			if m != "" && (i < len(names) && slices.Contains(s.Models, m) || i == len(names) && s.Target == m) {
				found = append(found, i)
			}
		}
		return found
	}
	gain := func(s *cachedStudy) (n int) {
		for _, j := range rows(s) {
			for _, i := range rows(s) {
				if i <= j && !pairs[[2]int{i, j}] {
					n++
				}
			}
		}
		return n
	}
	var all []similarity.Known
	for len(all) < maxTaken && len(list) > 0 {
		best := 0
		for k := range list {
			if gain(&list[k]) > gain(&list[best]) {
				best = k
			}
		}
		s := list[best]
		if gain(&s) == 0 {
			break
		}
		list = slices.Delete(list, best, best+1)
		g := s.products(c)
		if g == nil {
			continue
		}
		for i, m := range s.Models {
			g.Names[i] = "\x00" // no name of a model
			if at := slices.Index(of.Models, m); at >= 0 && m != "" {
				g.Names[i] = names[at]
			}
		}
		k := similarity.Known{Gram: g, Target: -1}
		if s.Target == of.Target && of.Target != "" {
			k.Target = target
		}
		all = append(all, k)
		for _, j := range rows(&s) {
			for _, i := range rows(&s) {
				pairs[[2]int{i, j}] = true
			}
		}
	}
	return all
}

// products returns the products of s, nil if they are not there.
func (c *cachedStudy) products(from *cache.Cache) *similarity.Gram {
	var g *similarity.Gram
	ok := from.Read(cachedProducts, c.key(), func(r io.Reader) (err error) {
		g, err = similarity.ReadGram(r)
		return err
	})
	if !ok || len(g.Names) != len(c.Models) {
		return nil
	}
	return g
}

// toCache keeps the products g of files that were as in of, and still are as in now.
func toCache(c *cache.Cache, of, now cachedStudy, g *similarity.Gram) {
	if of.key() != now.key() || !of.known() {
		return
	}
	c.Write(cachedProducts, of.key(), func(w io.Writer) error {
		_, err := g.WriteTo(w)
		return err
	})
	list := slices.DeleteFunc(listed(c, of.Models[0]), func(s cachedStudy) bool { return s.key() == of.key() })
	list = append([]cachedStudy{of}, list...)
	text, err := json.Marshal(list[:min(len(list), maxCached)])
	if err == nil {
		c.Put(cachedList, of.Models[0]+cacheVersion, text)
	}
}
