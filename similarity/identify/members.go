package identify

import (
	"cmp"
	"math"
	"slices"

	"mixmatch/merge/vec"
)

// contents returns those of the members taken.
func (p *pool) contents() []string {
	var out []string
	for _, m := range p.taken {
		out = append(out, m.content)
	}
	return out
}

// ranked returns the members that are not taken, those that would add most first.
func (p *pool) ranked() []*member {
	type scored struct {
		*member
		score float64
	}
	var all []scored
	for _, m := range p.members {
		if !m.taken {
			all = append(all, scored{m, p.score(m) - p.bar(m)})
		}
	}
	slices.SortFunc(all, func(a, b scored) int {
		return cmp.Or(cmp.Compare(b.score, a.score), cmp.Compare(a.content, b.content))
	})
	var out []*member
	for _, s := range all {
		out = append(out, s.member)
	}
	return out
}

// forget keeps so many of the members that are not taken.
func (p *pool) forget(keep int) {
	rest := p.ranked()
	p.members = slices.Concat(p.taken, rest[:min(keep, len(rest))])
}

// central returns the content of the model that lies nearest to the centre, if the
// others lie far from it: more than twice as far, by the median. It is likely what all
// were trained from.
func (p *pool) central() string {
	var all []float64
	nearest, least := "", math.Inf(1)
	for _, m := range p.members {
		if m.difference {
			continue
		}
		sum := 0.0
		for _, v := range m.own {
			sum += v
		}
		if all = append(all, sum); sum < least {
			nearest, least = m.content, sum
		}
	}
	slices.Sort(all)
	if len(all) == 0 || least > all[len(all)/2]/6 {
		return ""
	}
	return nearest
}

// twins returns, by content of those taken, the names of others that differ from them
// by less than three roundings, in all sections that both have.
func (p *pool) twins() map[string][]string {
	out := map[string][]string{}
	for _, m := range p.members {
		if m.taken {
			continue
		}
		for _, t := range p.taken {
			if p.twin(m, t) {
				out[t.content] = append(out[t.content], m.name)
				break
			}
		}
	}
	return out
}

func (p *pool) twin(m, t *member) bool {
	both := false
	for b := range p.sections {
		if m.difference != t.difference || m.rows[b] == nil || t.rows[b] == nil {
			continue
		}
		x := slices.Clone(m.rows[b])
		vec.Sub(x, t.rows[b])
		if vec.Dot(x, x) > max(9*p.sections[b].Half, 1e-6*t.own[b]) {
			return false
		}
		both = true
	}
	return both
}

func contains(all []string, s string) bool { return slices.Contains(all, s) }

// union returns all of a and, behind them, what b has besides.
func union(a, b []string) []string {
	out := slices.Clone(a)
	for _, s := range b {
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}
