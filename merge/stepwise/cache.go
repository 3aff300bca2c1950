package stepwise

import (
	"crypto/sha256"
	"fmt"
	"sync"

	"mixmatch/merge/calc"
)

// A mark tells what a node is computed from, and how.
type mark [sha256.Size]byte

// mark returns a node's mark.
func (e *evaluator) mark(n *node) mark {
	if m, ok := e.marks[n]; ok {
		return m
	}
	text := fmt.Sprintf("%d %q", n.model, n.file.Name)
	switch {
	case n.baking != nil:
		text = fmt.Sprintf("%q %+v", n.key, *n.baking)
	case n.step != nil:
		text = fmt.Sprintf("%q %+v", n.key, *n.step)
	}
	if n.baking != nil || n.step != nil {
		for _, o := range n.operands() {
			m := e.mark(o)
			text += string(m[:])
		}
	}
	m := mark(sha256.Sum256([]byte(text)))
	e.marks[n] = m
	return m
}

// A cache keeps tensors up to a limit. One that is full takes no more until
// what nobody has asked for in a while makes room: where more would be of use
// than it holds, throwing out the oldest would throw out all before its turn.
type cache struct {
	limit int64

	mu      sync.Mutex
	size    int64
	now     int // evaluations so far
	swept   int // when it made room last
	entries map[mark]*entry
}

type entry struct {
	tensor calc.Tensor
	used   int
}

// old is after how many evaluations without use an entry may go.
const old = 64

func (c *cache) next() {
	c.mu.Lock()
	c.now++
	c.mu.Unlock()
}

func (c *cache) get(m mark) (calc.Tensor, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.entries[m]
	if e == nil {
		return calc.Tensor{}, false
	}
	e.used = c.now
	return e.tensor, true
}

// put keeps t if there is room, and reports whether it does.
func (c *cache) put(m mark, t calc.Tensor) bool {
	bytes := int64(4 * cap(t.Data))
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.size+bytes > c.limit && c.swept < c.now {
		c.swept = c.now
		for m, e := range c.entries {
			if e.used < c.now-old {
				c.size -= int64(4 * cap(e.tensor.Data))
				delete(c.entries, m)
			}
		}
	}
	if c.size+bytes > c.limit || c.entries[m] != nil {
		return false
	}
	c.size += bytes
	c.entries[m] = &entry{t, c.now}
	return true
}
