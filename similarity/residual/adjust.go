package residual

import (
	"context"
	"fmt"
	"math"

	"mixmatch/merge/block"
)

const (
	adjustIn       = block.AdjustIn + ".weight"
	adjustInBias   = block.AdjustIn + ".bias"
	adjustOut      = block.AdjustOut + ".weight"
	adjustOutBias  = block.AdjustOut + ".bias"
	adjustOut2     = block.AdjustOut2 + ".weight"
	adjustOut2Bias = block.AdjustOut2 + ".bias"
)

// adjustable are the tensors that SuperMerger's Adjust changes (mergers.py, 2025-10,
// line 1552): it multiplies five of them and adds to the sixth.
var adjustable = map[string]bool{
	adjustIn: true, adjustInBias: true, adjustOut: true, adjustOutBias: true, adjustOut2: true, adjustOut2Bias: true,
}

// adjusted tells which of those tensors are the mix's times a factor, or with
// something added, and the settings of Adjust that do it. It returns the keys
// that this explains, too.
func (r *Rest) adjusted(ctx context.Context, res *Result) ([]Note, map[string]bool, error) {
	told := map[string]bool{}
	found := map[string]scaled{}
	for i := range res.Tensors {
		l := &res.Tensors[i]
		if !adjustable[l.Key] {
			continue
		}
		if err := ctx.Err(); err != nil {
			return nil, nil, err
		}
		s, err := r.factor(l)
		if err != nil {
			return nil, nil, err
		}
		found[l.Key] = s
	}
	var notes []Note
	for _, a := range []struct {
		what         string
		setting      string
		weight, bias string
	}{
		{"the first convolution", "IN", adjustIn, adjustInBias},
		{"the last norm", "OUT", adjustOut, adjustOutBias},
		{"the last convolution", "OUT2", adjustOut2, ""},
	} {
		w, b := found[a.weight], found[a.bias]
		var parts, keys []string
		if w.is {
			parts, keys = append(parts, fmt.Sprintf("weight times %.5g", w.by)), append(keys, a.weight)
		}
		if b.is {
			parts, keys = append(parts, fmt.Sprintf("bias times %.5g", b.by)), append(keys, a.bias)
		}
		if len(keys) == 0 {
			continue
		}
		text := a.what + ": " + parts[0]
		if len(parts) == 2 {
			text += ", " + parts[1]
		}
		// weight *= 1 - 0.01 x, bias *= 1 + 0.02 x.
		x := (1 - w.by) / 0.01
		y := (b.by - 1) / 0.02
		switch {
		case a.bias == "" && w.is, w.is && b.is && math.Abs(x-y) < 0.02+float64(0.05*math.Abs(x)):
			text += fmt.Sprintf(": SuperMerger's Adjust, %s = %.3g", a.setting, x)
		}
		notes = append(notes, Note{text, keys})
		for _, k := range keys {
			told[k] = true
		}
	}
	if s := found[adjustOut2Bias]; s.unlike && s.apart > standsOut*res.biases() {
		notes = append(notes, Note{fmt.Sprintf("the last convolution's bias has %.4g added: brightness, contrast or colour of SuperMerger's Adjust", s.rest), []string{adjustOut2Bias}})
		told[adjustOut2Bias] = true
	}
	return notes, told, nil
}

// scaled says how a tensor differs from the mix.
type scaled struct {
	unlike bool    // by more than rounding
	is     bool    // by a factor, and nothing else
	by     float64 // which
	rest   []float32
	apart  float64 // root mean square of R
}

// standsOut is how many times the R of other biases that of the last one must be,
// to be what somebody added, and no part of a source that is missing.
const standsOut = 5.0

// biases returns the root mean square of R in the UNet's biases but the first's
// and the last's.
func (res *Result) biases() float64 {
	sum, n := 0.0, 0
	for i := range res.Tensors {
		l := &res.Tensors[i]
		if l.Kind == Bias && l.Part() == block.UNet && !adjustable[l.Key] {
			sum += l.Energy
			n += l.Len()
		}
	}
	return math.Sqrt(sum / float64(max(n, 1)))
}

// factor finds out whether a tensor is the mix's times a number: the one that
// comes nearest, <T,M> / <M,M>, leaves no more than a hundredth of R.
func (r *Rest) factor(l *Left) (scaled, error) {
	s := scaled{by: 1, unlike: l.Energy > unlike*l.Floor, apart: math.Sqrt(l.Energy / float64(l.Len()))}
	if !s.unlike {
		return s, nil
	}
	n := l.Len()
	rest, target := make([]float32, n), make([]float32, n)
	rd := r.NewReader()
	if err := rd.Read(rest, l.Tensor, 0); err != nil {
		return s, err
	}
	if err := rd.model(target, r.Target, l.Tensor, 0); err != nil {
		return s, err
	}
	var tm, mm, left float64
	for i, t := range target {
		m := float64(t) - float64(rest[i])
		tm += float64(float64(t) * m)
		mm += float64(m * m)
	}
	s.rest = rest
	if mm == 0 || n < 16 {
		return s, nil
	}
	s.by = tm / mm
	for i, t := range target {
		d := float64(t) - float64(s.by*(float64(t)-float64(rest[i])))
		left += float64(d * d)
	}
	s.is = left < max(0.01*l.Energy, unlike*l.Floor)
	return s, nil
}
