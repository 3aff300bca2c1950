package dialect

import (
	"fmt"
	"slices"
	"strings"

	"mixmatch/merge/checkpoint"
)

// Files in eight-bit floating point hold weights divided by a number, so that they
// fill the range of the format. It stands beside the weight: X.scale_weight in
// ComfyUI's first such files, X.weight_scale in its later ones and in those of
// others; one number, or one for each row. The weight is the product.
var scaleNames = []string{"scale_weight", "weight_scale"}

// besideNames are what stands beside a scaled weight and says nothing of the weight:
// how to scale what it is multiplied with, and how to compute.
var besideNames = []string{"scale_input", "input_scale", "comfy_quant"}

// strangeNames are of other ways to scale, in blocks or twice.
var strangeNames = []string{"weight_scale_inv", "weight_scale_2"}

// scaledMark is the name of an empty tensor by which ComfyUI knows such files.
const scaledMark = "scaled_fp8"

// A scaled container shows scaled weights as what they stand for, in F32, and what
// scales them not at all.
type scaled struct {
	checkpoint.Container
	info    checkpoint.Info
	tensors []checkpoint.Tensor
	from    []int // where the container below has each of them
	by      []int // where it has what scales each, -1 for those that are as they are
}

// unscale returns c, or a view of it if weights are scaled.
func unscale(c checkpoint.Container) (checkpoint.Container, error) {
	all := c.Tensors()
	if !slices.ContainsFunc(all, func(t checkpoint.Tensor) bool { return isFP8(t.DType) }) {
		return c, nil
	}
	if err := tooMany(all); err != nil {
		return nil, err
	}
	at := make(map[string]int, len(all))
	for i, t := range all {
		at[t.Name] = i
	}
	hidden := map[int]bool{}
	by := map[int]int{}
	beside, rows := 0, 0
	for i, t := range all {
		module, ok := strings.CutSuffix(t.Name, "weight")
		if !ok || !isFP8(t.DType) || module != "" && !strings.HasSuffix(module, ".") {
			continue
		}
		for _, n := range strangeNames {
			if _, has := at[module+n]; has {
				return nil, checkpoint.Malformed("tensor %s is scaled by %s, in a way that is not known: use a file in fp16", checkpoint.Short(t.Name), checkpoint.Short(module+n))
			}
		}
		for _, n := range scaleNames {
			s, has := at[module+n]
			if !has {
				continue
			}
			if other, twice := by[i]; twice {
				return nil, checkpoint.Malformed("tensor %s is scaled by both %s and %s", checkpoint.Short(t.Name), checkpoint.Short(all[other].Name), checkpoint.Short(all[s].Name))
			}
			if !scales(all[s], t) {
				return nil, checkpoint.Malformed("tensor %s (%s %v) is to scale %s (%s %v), in a way that is not known: use a file in fp16",
					checkpoint.Short(all[s].Name), all[s].DType, all[s].Shape, checkpoint.Short(t.Name), t.DType, t.Shape)
			}
			if all[s].Len() > 1 {
				rows++
			}
			by[i], hidden[s] = s, true
		}
		if _, is := by[i]; !is {
			continue
		}
		for _, n := range besideNames {
			if j, has := at[module+n]; has {
				hidden[j] = true
				beside++
			}
		}
	}
	if len(by) == 0 {
		return c, nil
	}
	v := &scaled{Container: c, info: c.Info()}
	for i, t := range all {
		if hidden[i] || t.Name == scaledMark || strings.HasSuffix(t.Name, "."+scaledMark) {
			continue
		}
		s, is := by[i]
		if is {
			t.DType = checkpoint.F32
		} else {
			s = -1
		}
		v.tensors, v.from, v.by = append(v.tensors, t), append(v.from, i), append(v.by, s)
	}
	note := fmt.Sprintf("%d weights in eight-bit floating point are scaled: they are read as the products, in F32", len(by))
	if rows > 0 {
		note += fmt.Sprintf(" (%d with a factor for each row)", rows)
	}
	notes := []string{note}
	if beside > 0 {
		notes = append(notes, fmt.Sprintf("%d tensors beside them are passed over: they say how to scale inputs", beside))
	}
	v.info.Notes = slices.Concat(v.info.Notes, notes)
	return v, nil
}

func isFP8(d checkpoint.DType) bool { return d == checkpoint.E4M3 || d == checkpoint.E5M2 }

// scales reports whether s is one number, or one for each row of t, in a format that
// is read exactly.
func scales(s, t checkpoint.Tensor) bool {
	if s.DType != checkpoint.F32 && s.DType != checkpoint.F16 && s.DType != checkpoint.BF16 {
		return false
	}
	if s.Len() == 1 {
		return true
	}
	return len(t.Shape) > 0 && len(s.Shape) > 0 && s.Shape[0] == t.Shape[0] && s.Len() == s.Shape[0] && (len(s.Shape) == 1 || len(s.Shape) == len(t.Shape))
}

func (v *scaled) Info() checkpoint.Info        { return v.info }
func (v *scaled) Tensors() []checkpoint.Tensor { return v.tensors }

// Numbers that are multiplied at a time.
const scaledBlock = 32 << 10

// ReadBytes multiplies what it reads: each product is rounded to float32, once.
func (v *scaled) ReadBytes(dst []byte, i int, at int64) error {
	if v.by[i] < 0 {
		return v.Container.ReadBytes(dst, v.from[i], at)
	}
	t := v.Container.Tensors()[v.from[i]]
	factors, err := v.factors(v.by[i])
	if err != nil || len(dst) == 0 {
		return err
	}
	row := max(1, t.Len()/max(1, len(factors))) // numbers with one factor
	first, last := at/4, (at+int64(len(dst))+3)/4
	most := min(scaledBlock, last-first)
	stored, x, product := make([]byte, most), make([]float32, most), make([]byte, 4*most)
	for e := first; e < last; e += scaledBlock {
		n := int(min(scaledBlock, last-e))
		if err := v.Container.ReadBytes(stored[:n], v.from[i], e); err != nil {
			return err
		}
		t.DType.Widen(x[:n], stored[:n])
		for k := range n {
			x[k] *= factors[(int(e)+k)/row]
		}
		checkpoint.F32.Narrow(product[:4*n], x[:n])
		from := max(0, at-4*e)
		copy(dst[max(0, 4*e-at):], product[from:4*n])
	}
	return nil
}

// Rounding is that of the eight-bit numbers, times the square of their factor.
func (v *scaled) Rounding(i int, at, n int64) (float64, bool, error) {
	if v.by[i] < 0 {
		return 0, false, nil
	}
	t := v.Container.Tensors()[v.from[i]]
	factors, err := v.factors(v.by[i])
	if err != nil {
		return 0, true, err
	}
	row := int64(max(1, t.Len()/max(1, len(factors))))
	sum, stored := 0.0, make([]byte, min(scaledBlock, n))
	for end := at + n; at < end; {
		b := stored[:min(int64(len(stored)), end-at, row-at%row)]
		if err := v.Container.ReadBytes(b, v.from[i], at); err != nil {
			return 0, true, err
		}
		factor := float64(factors[at/row])
		sum += float64(t.DType.Rounding(b) * float64(factor*factor))
		at += int64(len(b))
	}
	return sum, true, nil
}

// factors returns what tensor i of the container below holds.
func (v *scaled) factors(i int) ([]float32, error) {
	s := v.Container.Tensors()[i]
	b := make([]byte, s.Bytes())
	if err := v.Container.ReadBytes(b, i, 0); err != nil {
		return nil, err
	}
	x := make([]float32, s.Len())
	s.DType.Widen(x, b)
	return x, nil
}
