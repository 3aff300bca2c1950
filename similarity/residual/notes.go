package residual

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"mixmatch/merge/block"
	"mixmatch/similarity"
)

// A Note names something that a target has beyond a mix and that is no LoRA.
type Note struct {
	Text string
	Keys []string // the tensors it is about
}

// unlike is how many roundings R must be in a tensor to be more than the
// roundings of the steps of a recipe.
const unlike = 25.0

// Notes looks for what people do to a merge besides merging: SuperMerger's
// Adjust, another VAE or text encoder, other position ids; and names the tensors
// where what is left lies in a few of them. The result must be of r's target.
func (r *Rest) Notes(ctx context.Context, g *similarity.Gram, res *Result) ([]Note, error) {
	now := r.with(res.Weights)
	notes, told, err := now.adjusted(ctx, res)
	if err != nil {
		return nil, err
	}
	if n := vae(g, res); n != nil {
		notes = append(notes, *n)
		for _, k := range n.Keys {
			told[k] = true
		}
	}
	if n := text(g, res); n != nil {
		notes = append(notes, *n)
		for _, k := range n.Keys {
			told[k] = true
		}
	}
	if n := concentrated(res, told); n != nil {
		notes = append(notes, *n)
	}
	ids, err := now.ids(ctx)
	return append(notes, ids...), err
}

// ids compares tensors of integers, position_ids above all, with the sources'.
func (r *Rest) ids(ctx context.Context) ([]Note, error) {
	var notes []Note
	for _, key := range r.Target.Keys() {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		t, _ := r.Target.Tensor(key)
		if !strings.HasSuffix(key, "position_ids") || t.Bytes() > 1<<16 {
			continue
		}
		mine := make([]byte, t.Bytes())
		if err := r.Target.File.ReadBytes(mine, t, 0); err != nil {
			return nil, fmt.Errorf("%s: %w", r.Target.Name, err)
		}
		some, same := false, false
		for _, m := range r.Pool.Models {
			u, ok := m.Tensor(key)
			if !ok || u.DType != t.DType || u.Bytes() != t.Bytes() {
				continue
			}
			theirs := make([]byte, u.Bytes())
			if err := m.File.ReadBytes(theirs, u, 0); err != nil {
				return nil, fmt.Errorf("%s: %w", m.Name, err)
			}
			some, same = true, same || bytes.Equal(mine, theirs)
		}
		if some && !same {
			notes = append(notes, Note{"the text encoder's position ids are those of no source: they were reset, or damaged", []string{key}})
		}
	}
	return notes, nil
}

// vae tells a VAE that is no source's, nor their mix.
func vae(g *similarity.Gram, res *Result) *Note {
	n := len(g.Names)
	apart := make([]float64, n)
	floor, mixed := 0.0, 0.0
	var keys []string
	for i := range res.Tensors {
		l := &res.Tensors[i]
		if l.Kind == Decoder {
			mixed += l.Energy
			floor += l.Floor
			keys = append(keys, l.Key)
		}
	}
	for _, p := range g.Tensors {
		if p.Part() != block.VAE {
			continue
		}
		products := p.P.Unpack(nil)
		for i := range n {
			one := make([]float64, n)
			one[i] = 1
			apart[i] += distance(products, one)
			if slices.Contains(p.Absent, i) {
				apart[i] = math.Inf(1)
			}
		}
	}
	least := min(mixed, slices.Min(apart))
	if len(keys) == 0 || least <= unlike*floor {
		return nil
	}
	return &Note{"the VAE is that of another model: it is no source's, nor a mix of theirs", keys}
}

// text tells a text encoder that the sources do not explain, beside a UNet that
// they do.
func text(g *similarity.Gram, res *Result) *Note {
	span := map[string]float64{}
	for _, p := range g.Tensors {
		one := make([]float64, len(g.Names))
		one[0] = 1
		span[p.Key] = distance(p.P.Unpack(nil), one)
	}
	var left, all, floor [2]float64
	var keys []string
	for i := range res.Tensors {
		l := &res.Tensors[i]
		at := 0
		switch l.Part() {
		case block.UNet:
		case block.TextEncoder:
			at = 1
			keys = append(keys, l.Key)
		default:
			continue
		}
		left[at] += l.Outside()
		all[at] += span[l.Key]
		floor[at] += l.Floor
	}
	const much, little = 0.1, 0.01
	if all[1] == 0 || left[1] <= unlike*floor[1] || left[1] < much*all[1] || left[0] > max(little*all[0], unlike*floor[0]) {
		return nil
	}
	return &Note{fmt.Sprintf("the text encoder is that of another model: the sources leave %.0f %% of it unexplained, and hardly anything of the UNet", 100*left[1]/all[1]), keys}
}

// concentrated names the tensors that what is left lies in, if they are few.
func concentrated(res *Result, told map[string]bool) *Note {
	const few, most = 8, 0.9
	type excess struct {
		key string
		v   float64
	}
	var list []excess
	sum, floor := 0.0, 0.0
	for i := range res.Tensors {
		l := &res.Tensors[i]
		floor += l.Floor
		if v := l.Outside() - float64(unlike*l.Floor); v > 0 && !told[l.Key] {
			list = append(list, excess{l.Key, v})
			sum += v
		}
	}
	if sum <= 0 {
		return nil
	}
	slices.SortStableFunc(list, func(a, b excess) int { return cmp.Compare(b.v, a.v) })
	var keys []string
	part := 0.0
	for _, e := range list {
		if len(keys) == few || part >= most*sum {
			break
		}
		keys = append(keys, e.key)
		part += e.v
	}
	if part < most*sum {
		return nil
	}
	return &Note{fmt.Sprintf("%.0f %% of what else is unexplained beyond rounding lies in %s", 100*part/sum, plural(len(keys), "tensor")), keys}
}

func plural(n int, what string) string {
	if n == 1 {
		return "one " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// distance returns |T-M|^2 of the mix with weights w by a tensor's products.
func distance(p, w []float64) float64 {
	n := len(w)
	full := func(i, j int) float64 {
		if i > j {
			i, j = j, i
		}
		return p[i*(n+1)-i*(i-1)/2+j-i]
	}
	d := full(n, n)
	for i := 1; i < n; i++ {
		d -= float64(2 * w[i] * full(i, n))
		for j := 1; j < n; j++ {
			d += float64(w[i] * w[j] * full(i, j))
		}
	}
	return max(0, d)
}
