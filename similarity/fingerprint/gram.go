package fingerprint

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"mixmatch/merge/block"
	"mixmatch/merge/vec"
	"mixmatch/similarity"
)

// Gram returns the inner products of models and a target, each section in place of its
// tensors. The first model is the one that the others are measured from, and the
// differences come last. A section counts as so many elements as it has buckets, or
// tensors' elements if these are fewer: least squares on them then know how far
// products of fingerprints are off.
//
// A section that a model has of other tensors than the target counts as absent from
// it. Sections that the first model has of others are left out: the notes say so. The
// error wraps [ErrMismatch].
func Gram(models []*Fingerprint, target *Fingerprint) (g *similarity.Gram, notes []string, err error) {
	if len(models) == 0 || models[0].Difference || target.Difference {
		return nil, nil, fmt.Errorf("%w: a target that is a model and one model at least are needed", ErrMismatch)
	}
	g = &similarity.Gram{Arch: target.Arch, Empty: empty(append(slices.Clone(models), target))}
	for i, m := range models {
		if m.Arch != target.Arch {
			return nil, nil, fmt.Errorf("%w: %s is of %s, %s of %s", ErrMismatch, m.Name, m.Arch, target.Name, target.Arch)
		}
		if m.Difference {
			g.Differences++
		} else if g.Differences > 0 {
			return nil, nil, fmt.Errorf("%w: differences must come last, and %s is none", ErrMismatch, models[i].Name)
		}
		g.Names = append(g.Names, m.Name)
		g.Contents = append(g.Contents, m.Content)
	}
	g.Contents = append(g.Contents, target.Content)
	all := vec.NewGram(len(models) + 1)
	for i := range target.Sections {
		t := &target.Sections[i]
		first := models[0].Section(t.Name)
		if first == nil || !first.SameTensors(t) {
			notes = append(notes, fmt.Sprintf("%s is left out: %s and %s have different tensors there", t.Name, models[0].Name, target.Name))
			continue
		}
		g.Tensors = append(g.Tensors, products(all, models, t))
	}
	if len(g.Tensors) == 0 {
		return nil, nil, fmt.Errorf("%w: %s and %s have no block of the same tensors", ErrMismatch, models[0].Name, target.Name)
	}
	return g, notes, nil
}

// products returns those of a section.
func products(all *vec.Gram, models []*Fingerprint, t *Section) similarity.Products {
	own := roundings(t.Sums)
	p := similarity.Products{
		Key: t.Key, Len: min(t.Len, Buckets),
		// A number of float32 is rounded in the target's, and in those of the mix.
		Floor: t.Floor + 2*own, Half: t.Half + 2*own,
	}
	zero := make([]float32, Buckets)
	rows := make([][]float32, len(models)+1)
	for i, m := range models {
		s := m.Section(t.Name)
		switch {
		case s != nil && (m.Difference || s.SameTensors(t)):
			rows[i] = s.Sums
		case m.Difference: // it changes nothing there
		default:
			p.Absent = append(p.Absent, i)
		}
	}
	rows[len(models)] = t.Sums
	all.Reset()
	for at := 0; at < Buckets; at += vec.GramChunk {
		end := at + vec.GramChunk
		base := rows[0][at:end]
		all.Put(0, base, nil)
		for i := 1; i < len(rows); i++ {
			switch {
			case rows[i] == nil:
				all.Put(i, zero[at:end], nil)
			case i < len(models) && models[i].Difference:
				all.Put(i, rows[i][at:end], nil)
			default:
				all.Put(i, rows[i][at:end], base)
			}
		}
		all.Add(nil)
	}
	var products []float64
	for i := range rows {
		for j := i; j < len(rows); j++ {
			products = append(products, all.Sum(i, j))
		}
	}
	p.P = similarity.NewTriangle(products, len(rows))
	return p
}

// roundings returns what storing buckets as float32 adds to a squared distance.
func roundings(sums []float32) float64 {
	b := make([]byte, 0, 4*len(sums))
	for _, v := range sums {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	return vec.SumUlp2F32(b) / 12
}

// empty returns the blocks of which none of the fingerprints has a tensor.
func empty(all []*Fingerprint) similarity.EmptyBlocks {
	e := similarity.EmptyBlocks{}
	for _, era := range block.ErasOf(all[0].Arch) {
		l, err := block.For(all[0].Arch, era)
		if err != nil {
			continue
		}
		var held block.Set
		for _, f := range all {
			for i := range f.Sections {
				if id, ok := l.Of(f.Sections[i].Key); ok {
					held = held.With(id)
				}
			}
		}
		for id := range l.Blocks().Minus(held).All() {
			e[era] = append(e[era], l.Name(id))
		}
	}
	return e
}
