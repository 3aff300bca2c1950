package identify

import (
	"slices"

	"mixmatch/merge/portable"
	"mixmatch/merge/vec"
)

// prune gives up members taken that the others make superfluous, the least needed
// first: a merge of two sources is often the first to be found, and is nothing once
// both are there. It reports whether there were any.
func (p *pool) prune() bool {
	kept := slices.Clone(p.taken)
	products := p.products(kept)
	for len(kept) > 1 {
		need := make([]float64, len(kept))
		for b := range p.sections {
			p.needed(need, kept, products, b)
		}
		least := 0
		for k := range need {
			need[k] -= p.bar(kept[k])
			if need[k] < need[least] {
				least = k
			}
		}
		if need[least] > 0 {
			break
		}
		kept = slices.Delete(kept, least, least+1)
	}
	if len(kept) == len(p.taken) {
		return false
	}
	p.reset()
	for _, m := range kept {
		p.measure([]*member{m})
		p.place(m)
	}
	p.measure(p.members)
	return true
}

// needed adds to need by how much less likely the target is without each of the
// members kept, in section b.
func (p *pool) needed(need []float64, kept []*member, products map[*member]map[*member][]float64, b int) {
	var some []int // that are there
	for k, m := range kept {
		if m.rows[b] != nil && m.own[b] > 9*p.sections[b].Half {
			some = append(some, k)
		}
	}
	n := len(some)
	if n == 0 {
		return
	}
	g, c := make([]float64, n*n), make([]float64, n)
	for i, k := range some {
		c[i] = products[kept[k]][nil][b]
		for j, l := range some {
			g[i*n+j] = products[kept[k]][kept[l]][b]
		}
		g[i*n+i] *= 1 + 1e-9 // twins have half each
	}
	x, inverse, ok := portable.Solve(g, c)
	if !ok {
		return
	}
	left := portable.Dot(p.response[b], p.response[b])
	for i := range x {
		left -= float64(x[i] * c[i])
	}
	// Not less than roundings of products leave.
	left = max(left, p.left[b], 1e-12*portable.Dot(p.response[b], p.response[b]))
	free := p.freedom[b] + float64(len(p.taken)-n)
	for i, k := range some {
		need[k] += float64(free * portable.Log(1+x[i]*x[i]/inverse[i*n+i]/left))
	}
}

// products returns those of members with each other and, under nil, with the response.
func (p *pool) products(some []*member) map[*member]map[*member][]float64 {
	response := make([][]float32, len(p.response))
	for b, x := range p.response {
		response[b] = make([]float32, len(x))
		vec.Single(response[b], x)
	}
	out := map[*member]map[*member][]float64{}
	for _, m := range some {
		out[m] = map[*member][]float64{nil: make([]float64, len(p.sections))}
		for _, o := range some {
			out[m][o] = make([]float64, len(p.sections))
		}
	}
	share(len(p.sections), p.threads, func(from, to int) {
		for b := from; b < to; b++ {
			for i, m := range some {
				if m.rows[b] == nil {
					continue
				}
				out[m][nil][b] = vec.Dot(m.rows[b], response[b])
				for _, o := range some[:i+1] {
					if o.rows[b] != nil {
						v := vec.Dot(m.rows[b], o.rows[b])
						out[m][o][b], out[o][m][b] = v, v
					}
				}
			}
		}
	})
	return out
}
