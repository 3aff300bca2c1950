package difference

import (
	"errors"
	"fmt"
	"slices"

	"mixmatch/merge/checkpoint"
)

// A Way is how some program adds a LoRA to a model. All compute W + ratio *
// alpha/rank * (up x down), where up x down is summed in float32, in the order of
// [vec.Fused]. They differ in where they round: below, f is the model's number
// format, and each operation that has no brackets of its own is one rounding to
// float32.
type Way string

const (
	// Kohya is f(W + (ratio * (up x down)) * (alpha/rank)): all in float32, and
	// one rounding to the model's format as the file is saved. That is kohya's
	// networks/merge_lora.py, lines 87 to 111, and sdxl_merge_lora.py, lines 129
	// to 157 (sd-scripts at 48d368f), as they compute if --precision is float,
	// and SuperMerger in web UIs before 1.5 (scripts/mergers/pluslora.py, lines 911
	// to 936, at 0b1c491).
	Kohya Way = "kohya"

	// SuperMerger is f(W + f((h(h(up) * ratio) x h(down)) * (alpha/rank))), where h
	// is float16: what it computes in web UIs from 1.5 on, which keep a LoRA's
	// factors in float16 unless they are started with --no-half (pluslora.py, lines
	// 993 to 1009 and 1035 to 1085; scripts/A1111/network_lora.py, create_module
	// and calc_updown; network.py, finalize_updown). In models of 8 bits what is
	// added stays in float32. Factors of other kinds than LoRA and LoCon keep
	// their own format, and the numbers of a bias are added without the ratio.
	SuperMerger Way = "supermerger"

	// Diffusers is f(W + f((f(up) x f(down)) * (alpha/rank*ratio))), with the last
	// product in float64: diffusers' fuse_lora with PEFT on a CPU (diffusers
	// 0.42.1, loaders/peft.py, _fuse_lora_apply; PEFT 0.21.2, tuners/lora/layer.py,
	// get_delta_weight and merge).
	Diffusers Way = "diffusers"
)

// Ways returns the ways there are.
func Ways() []Way { return []Way{Kohya, SuperMerger, Diffusers} }

// Bake adds the difference, ratio times, to dst as some program does. Dst holds
// the elements from at on of the model's tensor called key, whose numbers are of
// format dtype, and holds numbers of that format afterwards. A tensor that is not
// changed stays as it is.
//
// It agrees to the bit with what the programs compute on a processor with AVX2,
// for LoRA and LoCon; for other kinds it is the same formula with the sums in an
// order of our own. (Kohya's programs leave those out.)
func (e *Expansion) Bake(dst []float32, key string, at int, dtype checkpoint.DType, ratio float64, way Way) error {
	i, ok := e.index[key]
	if !ok {
		return nil
	}
	if !dtype.Float() || !slices.Contains(Ways(), way) {
		return fmt.Errorf("cannot bake into %s numbers as %q does", dtype, way)
	}
	r := recipe{index: i, ratio: ratio, way: way, dtype: dtype}
	if way == Kohya {
		r.dtype = "" // it is the same for all
	}
	x, err := e.made(r)
	if err != nil {
		return fmt.Errorf("tensor %s: %w", checkpoint.Short(key), err)
	}
	if at < 0 || at > len(x) || len(dst) > len(x)-at {
		return errors.New("tensor " + checkpoint.Short(key) + ": elements out of range")
	}
	for k, v := range x[at : at+len(dst)] {
		dst[k] += v
	}
	dtype.Round(dst)
	return nil
}

// add returns what w adds for one piece to a tensor of format dtype.
func (w Way) add(f *checkpoint.File, p piece, ratio float64, dtype checkpoint.DType) ([]float32, error) {
	c := p.change
	m := &maker{file: f, first: 1}
	scale := float32(c.scale)
	switch w {
	case SuperMerger:
		m.first = float32(ratio)
		if c.kind == LoRA || c.kind == LoCon || c.kind == LoConCP {
			m.round = checkpoint.F16
		}
	case Diffusers:
		m.round = dtype
		scale = float32(c.scale * ratio)
	}
	if p.bias {
		m.round, scale = "", 1
		if w == Diffusers {
			scale = float32(ratio)
		}
	}
	x, err := m.numbers(p)
	if err != nil {
		return nil, err
	}
	if w == Kohya {
		multiply(x, float32(ratio))
	}
	multiply(x, scale)
	if w != Kohya && dtype.Bits() > 8 {
		dtype.Round(x)
	}
	return x, nil
}
