package torch

import (
	"slices"
	"sync"

	"mixmatch/merge/checkpoint"
)

// A checksum compares the bytes of a storage with the CRC-32 that the file has of
// them, once all of them were read, in whatever order and by however many at a
// time. What is read in part only is not compared: reading everything for it
// would take as long as the work itself.
type checksum struct {
	key  string
	size int64
	want checkpoint.Sum

	mu    sync.Mutex
	parts []part // by begin; none touches another
	done  bool
	wrong bool
}

// A part is a range of bytes that were read, and their sum.
type part struct {
	begin, end int64
	sum        checkpoint.Sum
}

// add notes that b are the bytes from begin on. The error wraps
// [checkpoint.ErrFormat] if all were read and are not what the file says.
func (c *checksum) add(begin int64, b []byte) error {
	if c == nil || len(b) == 0 {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	p := part{begin, begin + int64(len(b)), 0}
	if _, fits := c.place(p); fits && !c.done {
		c.mu.Unlock()
		p.sum = p.sum.And(b)
		c.mu.Lock()
		if at, fits := c.place(p); fits && !c.done {
			c.insert(at, p)
		}
	}
	if c.wrong {
		return checkpoint.Malformed("storage %s does not match its checksum: the file is damaged: download it again", checkpoint.Short(c.key))
	}
	return nil
}

// place returns where p belongs among the parts, and whether none of its bytes is
// in another.
func (c *checksum) place(p part) (int, bool) {
	at, _ := slices.BinarySearchFunc(c.parts, p.begin, func(q part, begin int64) int { return int(min(1, max(-1, q.begin-begin))) })
	before := at == 0 || c.parts[at-1].end <= p.begin
	return at, before && (at == len(c.parts) || p.end <= c.parts[at].begin)
}

// insert adds p at its place, and joins it to the parts that it touches.
func (c *checksum) insert(at int, p part) {
	if at < len(c.parts) && c.parts[at].begin == p.end {
		p = p.join(c.parts[at])
		c.parts = slices.Delete(c.parts, at, at+1)
	}
	if at > 0 && c.parts[at-1].end == p.begin {
		c.parts[at-1] = c.parts[at-1].join(p)
	} else {
		c.parts = slices.Insert(c.parts, at, p)
	}
	if whole := c.parts[0]; whole.begin == 0 && whole.end == c.size {
		c.done, c.wrong, c.parts = true, whole.sum != c.want, nil
	}
}

// join returns p and q, which begins where p ends.
func (p part) join(q part) part {
	return part{p.begin, q.end, p.sum.Then(q.sum, q.end-q.begin)}
}
