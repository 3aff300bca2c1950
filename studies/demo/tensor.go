package demo

import (
	"encoding/binary"
	"math"
	"strings"

	"mixmatch/merge/block"
)

// A tensor is one tensor of the family, ready to be made in all models.
type tensor struct {
	block.Spec
	mean, dev float32 // of the base's values
	base, all stream
	kin       [kins]stream
	own       []stream  // by character
	drift     []float32 // standard deviation of what training changed, by character
	target    *program  // nil where the target has the root's values
}

// newTensor returns the tensor spec of a family with the given seed. How far a
// model drifted differs from block to block, by the blocks of l.
func newTensor(spec block.Spec, l *block.Layout, seed uint64, cast []character) tensor {
	t := tensor{Spec: spec}
	t.mean, t.dev = values(spec)
	t.base = newStream(seed, "base", spec.Name)
	t.all = newStream(seed, "all", spec.Name)
	for k := alone + 1; k < kins; k++ {
		t.kin[k] = newStream(seed, "kin", string('a'+rune(k)), spec.Name)
	}
	id, _ := l.Of(spec.Name)
	for _, c := range cast {
		t.own = append(t.own, newStream(seed, "own", c.name, spec.Name))
		vary := 0.6 + float64(0.8*newStream(seed, "drift", c.name, l.Name(id)).uniform()) // never fused
		t.drift = append(t.drift, float32(c.drift*vary)*t.dev)
	}
	return t
}

// values returns the mean and standard deviation of a tensor, about as they are
// in a trained network.
func values(s block.Spec) (mean, dev float32) {
	switch {
	case strings.HasSuffix(s.Name, "bias"):
		return 0, 0.02
	case len(s.Shape) < 2: // the weight of a norm
		return 1, 0.1
	case strings.Contains(s.Name, "embeddings."):
		return 0, 0.02
	}
	fan := 1
	for _, d := range s.Shape[1:] {
		fan *= d
	}
	return 0, float32(1 / math.Sqrt(float64(fan)))
}

// positions returns the value of an integer tensor: 0, 1, 2, ...
func positions(n int) []byte {
	b := make([]byte, 0, 8*n)
	for i := range n {
		b = binary.LittleEndian.AppendUint64(b, uint64(i))
	}
	return b
}
