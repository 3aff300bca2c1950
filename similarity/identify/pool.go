package identify

import (
	"math"
	"slices"

	"mixmatch/merge/portable"
	"mixmatch/merge/vec"
	"mixmatch/similarity/fingerprint"
)

const (
	// byChance is how likely a search of all records may be to take one that has no
	// part in the target.
	byChance = 1e-3

	// worth is the share of what is left that a model must explain: much less than the
	// weakest source would, and more than the roundings of what is explained already.
	worth = 0.001
)

// A pool selects, of the models whose fingerprints were read, those that the target is
// a mix of: orthogonal least squares (Chen, Billings and Luo, Int. J. Control 50,
// 1989) on all sections at once, each with weights of its own.
//
// All is measured from a centre: the base, or a mean of models, whose share is what
// the others leave of 1.
type pool struct {
	sections []fingerprint.Section // of the target, as far as the centre has them
	centre   [][]float32
	response [][]float64 // target less centre
	rest     [][]float64 // what those taken leave of it
	left     []float64   // its squared lengths
	freedom  []float64   // numbers that are free

	members []*member
	taken   []*member
	basis   [][][]float32 // by those taken and section: what they add to those before, length 1; nil for nothing

	records int // that there are to choose from
	threads int
}

// A member is one model.
type member struct {
	content, name string
	difference    bool
	rows          [][]float32 // less the centre, by section; nil where it has other tensors
	own           []float64   // squared lengths
	apart         []float64   // what those taken leave of them
	with          []float64   // products with the rest
	taken         bool
}

// newPool measures the target from a centre, which has buckets by the target's
// sections, or nil.
func newPool(target *fingerprint.Fingerprint, centre [][]float32, records, threads int) *pool {
	p := &pool{records: records, threads: threads}
	for b, s := range target.Sections {
		if centre[b] == nil {
			continue
		}
		e := make([]float64, len(s.Sums))
		for k, v := range s.Sums {
			e[k] = float64(v) - float64(centre[b][k])
		}
		p.sections, p.centre, p.response = append(p.sections, s), append(p.centre, centre[b]), append(p.response, e)
	}
	p.reset()
	return p
}

func (p *pool) reset() {
	p.taken, p.basis, p.rest, p.left, p.freedom = nil, nil, nil, nil, nil
	for b := range p.sections {
		p.rest = append(p.rest, slices.Clone(p.response[b]))
		p.left = append(p.left, portable.Dot(p.rest[b], p.rest[b]))
		p.freedom = append(p.freedom, float64(min(p.sections[b].Len, fingerprint.Buckets)))
	}
	for _, m := range p.members {
		m.taken = false
	}
}

// add adds models.
func (p *pool) add(models []*fingerprint.Fingerprint) {
	at := len(p.members)
	for range models {
		p.members = append(p.members, nil)
	}
	share(len(models), p.threads, func(from, to int) {
		for i := from; i < to; i++ {
			p.members[at+i] = p.member(models[i])
		}
	})
	p.measure(p.members[at:])
}

func (p *pool) member(f *fingerprint.Fingerprint) *member {
	n := len(p.sections)
	m := &member{content: f.Content, name: f.Name, difference: f.Difference, rows: make([][]float32, n), own: make([]float64, n)}
	for b := range p.sections {
		s := f.Section(p.sections[b].Name)
		if s == nil || !f.Difference && !s.SameTensors(&p.sections[b]) {
			continue
		}
		x := slices.Clone(s.Sums)
		if !f.Difference {
			vec.Sub(x, p.centre[b])
		}
		m.rows[b], m.own[b] = x, vec.Dot(x, x)
	}
	return m
}

// measure finds out what those taken leave of members.
func (p *pool) measure(some []*member) {
	rest := p.restSingle()
	share(len(some), p.threads, func(from, to int) {
		for _, m := range some[from:to] {
			m.apart, m.with = slices.Clone(m.own), make([]float64, len(p.sections))
			for b, x := range m.rows {
				if x == nil {
					continue
				}
				m.with[b] = vec.Dot(x, rest[b])
				for _, q := range p.basis {
					if q[b] != nil {
						f := vec.Dot(x, q[b])
						m.apart[b] -= float64(f * f)
					}
				}
			}
		}
	})
}

func (p *pool) restSingle() [][]float32 {
	rest := make([][]float32, len(p.rest))
	for b, x := range p.rest {
		rest[b] = make([]float32, len(x))
		vec.Single(rest[b], x)
	}
	return rest
}

// clear reports whether a member can be told from the centre and those taken in
// section b.
func (p *pool) clear(m *member, b int) bool {
	grain := p.sections[b].Half
	return m.rows[b] != nil && m.own[b] > 9*grain && m.apart[b] > max(1e-6*m.own[b], grain)
}

// score returns how much more likely the target is with a member: twice the logarithm
// of the ratio of likelihoods.
func (p *pool) score(m *member) float64 {
	sum := 0.0
	for b := range p.sections {
		if !p.clear(m, b) || !(p.left[b] > 0) {
			continue
		}
		gain := min(m.with[b]*m.with[b]/m.apart[b], (1-1e-12)*p.left[b])
		sum -= float64((p.freedom[b] - 1) * portable.Log(1-gain/p.left[b]))
	}
	return sum
}

// bar is what the score must exceed. By chance it has a chi-square distribution of as
// many degrees as the member has sections, whose tail is bounded as by Laurent and
// Massart, Annals of Statistics 28, 2000, lemma 1.
func (p *pool) bar(m *member) float64 {
	degrees, free := 0.0, 0.0
	for b := range p.sections {
		if m.rows[b] != nil {
			degrees++
			free += p.freedom[b]
		}
	}
	x := portable.Log(float64(max(1, p.records)) / byChance)
	return degrees + float64(2*math.Sqrt(degrees*x)) + float64(2*x) + float64(worth*free)
}

// take makes a member one of those taken, and takes what it explains from all others.
func (p *pool) take(m *member) {
	q, explained := p.place(m)
	share(len(p.members), p.threads, func(from, to int) {
		for _, o := range p.members[from:to] {
			for b, x := range o.rows {
				if x == nil || q[b] == nil {
					continue
				}
				f := vec.Dot(x, q[b])
				o.apart[b] -= float64(f * f)
				o.with[b] -= float64(f * explained[b])
			}
		}
	})
}

// place makes a member one of those taken, and returns its place in the basis and how
// much of that is in the rest, by section.
func (p *pool) place(m *member) (q [][]float32, explained []float64) {
	q, explained = make([][]float32, len(p.sections)), make([]float64, len(p.sections))
	share(len(p.sections), p.threads, func(from, to int) {
		for b := from; b < to; b++ {
			if !p.clear(m, b) {
				continue
			}
			if q[b] = p.direction(m.rows[b], b); q[b] == nil {
				continue
			}
			wide := make([]float64, len(q[b]))
			for k, v := range q[b] {
				wide[k] = float64(v)
			}
			explained[b] = portable.Dot(p.rest[b], wide)
			portable.AddScaled(p.rest[b], -explained[b], wide)
			p.left[b] = portable.Dot(p.rest[b], p.rest[b])
			p.freedom[b]--
		}
	})
	m.taken = true
	p.taken, p.basis = append(p.taken, m), append(p.basis, q)
	return q, explained
}

// direction returns what a row adds to those taken, 1 long.
func (p *pool) direction(row []float32, b int) []float32 {
	x := make([]float64, len(row))
	for k, v := range row {
		x[k] = float64(v)
	}
	for range 2 { // once leaves roundings
		for _, q := range p.basis {
			if q[b] != nil {
				narrow := make([]float32, len(x))
				vec.Single(narrow, x)
				vec.Axpy64(x, -vec.Dot(narrow, q[b]), q[b])
			}
		}
	}
	length := math.Sqrt(portable.Dot(x, x))
	if !(length > 0) {
		return nil
	}
	out := make([]float32, len(x))
	for k := range x {
		x[k] /= length
	}
	vec.Single(out, x)
	return out
}

// extend takes members, the best first, while they are worth it, up to most.
func (p *pool) extend(most int) {
	for len(p.taken) < most {
		var best *member
		over := 0.0
		for _, m := range p.members {
			if m.taken {
				continue
			}
			if v := p.score(m) - p.bar(m); v > over {
				best, over = m, v
			}
		}
		if best == nil {
			return
		}
		p.take(best)
	}
}
