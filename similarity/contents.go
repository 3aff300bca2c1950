package similarity

import (
	"context"
	"fmt"
	"strconv"

	"mixmatch/merge/checkpoint"
)

// sum sets the sums of what was read of a tensor, and for rows that were not read
// those that are known. Differences have none: their tensors are made, not read.
func (p *pass) sum(t *task) error {
	t.sums = make([]string, len(p.rows))
	for i, m := range p.rows {
		t.sums[i] = p.knownSum(t, i)
		if !t.read[i] || m.Difference {
			continue
		}
		u, _ := m.Tensor(t.key)
		var sum checkpoint.Sum
		for k := range t.parts {
			r := &t.parts[k]
			sum = sum.Then(r.sums[i], int64(r.n)*int64(u.DType.Bits())/8)
		}
		now := fmt.Sprintf("%08x", uint32(sum))
		if t.sums[i] != "" && t.sums[i] != now {
			return fmt.Errorf("%s: %w: %q is not what it was when it was measured first", m.File.Path(), checkpoint.ErrChanged, t.key)
		}
		t.sums[i] = now
	}
	return nil
}

// knownSum returns the sum of a row's tensor that is known, or "".
func (p *pass) knownSum(t *task, row int) string {
	for _, n := range t.known {
		if s := p.known[n].sum(t.key, row); s != "" {
			return s
		}
	}
	return ""
}

// unread returns how many bytes are to be read for [Gram.Contents] beside those of
// the tasks.
func (p *pass) unread() (n int64) {
	if !p.options.Contents {
		return 0
	}
	for i, m := range p.rows {
		if m.Difference || p.knownContent(i) != "" {
			continue
		}
		for _, u := range m.File.Tensors() {
			n += u.Bytes()
		}
		for k := range p.tasks {
			t := &p.tasks[k]
			if u, ok := m.Tensor(t.key); ok && (t.read[i] || p.knownSum(t, i) != "") {
				n -= u.Bytes()
			}
		}
	}
	return n
}

// contents fills in the digests of the files, whose rest it reads.
func (p *pass) contents(ctx context.Context, progress func(n int64)) error {
	if !p.options.Contents {
		return nil
	}
	all := make([]string, len(p.rows))
	for i, m := range p.rows {
		if all[i] = p.knownContent(i); all[i] != "" || m.Difference {
			continue
		}
		sums := map[string]checkpoint.Sum{}
		for k := range p.tasks {
			t := &p.tasks[k]
			if t.sums[i] == "" {
				continue
			}
			sum, err := strconv.ParseUint(t.sums[i], 16, 32)
			if err != nil {
				return fmt.Errorf("%w: the sum %q of %q", ErrDamaged, t.sums[i], t.key)
			}
			u, _ := m.Tensor(t.key)
			sums[u.Name] = checkpoint.Sum(sum)
		}
		var err error
		if all[i], err = m.File.Content(ctx, sums, progress); err != nil {
			return err
		}
	}
	for target, g := range p.grams {
		g.Contents = append(append([]string{}, all[:p.models]...), all[p.models+target])
	}
	return nil
}
