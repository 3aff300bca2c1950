// Package calc is the arithmetic of one merge step on one tensor, bit for bit
// as SuperMerger does it.
//
// A [Step] holds what is the same for all tensors of a block: the mode, the
// calculation mode, the ratios, and whose arithmetic to follow.
// [Step.Merge] takes tensors of up to three models and returns the merged one,
// in the number format that SuperMerger leaves it in. Values go in and come out
// as float32, which holds float16 and bfloat16 numbers exactly.
//
// # What agrees
//
// The recordings in testdata are of SuperMerger on a CPU with torch 1.13, and
// all of them are met to the last bit. For the normal calculation and all others
// but the cosines and extract that holds for tensors of any size: each element
// is computed on its own. The cosines and extract add up many products in
// float32, where the result depends on the order: here it is that of one thread
// of torch's AVX2 kernels and, for the one inner product of all elements, of
// BLAS's AVX-512 kernel. Other machines get other last bits from SuperMerger
// itself. From this package they get the same ones: nothing in it is left for
// the compiler to fuse.
//
// Later versions of torch differ in two places: they keep a ratio in float32
// where 1.13 rounds it to the tensors' format first ([block.SM2023], OldCalc and
// Self), and they interpolate from the other end for ratios below -0.5.
package calc

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"mixmatch/merge/block"
)

// The number formats that are merged, by their names in safetensors files.
const (
	F16  = "F16"
	BF16 = "BF16"
	F32  = "F32"
)

// ErrShape is wrapped when tensors do not fit together.
var ErrShape = errors.New("shapes do not fit together")

// A Tensor is the values of one key of a model. Data holds a number of format
// DType (F16, BF16 or F32) for each element, the last axis running fastest.
type Tensor struct {
	DType string
	Shape []int
	Data  []float32
}

// A Mode is one of SuperMerger's four merges, numbered as in package recipe.
type Mode uint8

// The modes. Alpha is the share of B (of B - C in AddDifference), beta that of
// C.
const (
	WeightSum     Mode = iota // A x (1-alpha) + B x alpha
	AddDifference             // A + (B - C) x alpha
	TripleSum                 // A x (1-alpha-beta) + B x alpha + C x beta
	SumTwice                  // (A x (1-alpha) + B x alpha) x (1-beta) + C x beta
)

// modeNames are SuperMerger's.
var modeNames = [...]string{"Weight sum", "Add difference", "Triple sum", "sum Twice"}

// String returns SuperMerger's name of the mode.
func (m Mode) String() string {
	if int(m) < len(modeNames) {
		return modeNames[m]
	}
	return fmt.Sprintf("Mode(%d)", uint8(m))
}

// A Calc is one of SuperMerger's calculation modes, by its name there.
type Calc string

// The calculation modes. What they do is said where they are computed. Only
// Normal has a meaning for all four modes; the others ignore the mode, except
// that AddDifference puts B - C in place of B first. TrainDifference and
// Extract always take A, B and C as they are.
const (
	Normal          Calc = "normal"
	CosineA         Calc = "cosineA"
	CosineB         Calc = "cosineB"
	TrainDifference Calc = "trainDifference"
	SmoothAdd       Calc = "smoothAdd"
	SmoothAddMT     Calc = "smoothAdd MT" // SmoothAdd on several threads
	Extract         Calc = "extract"
	Slices          Calc = "tensor"
	Slices2         Calc = "tensor2"
	Self            Calc = "self"
)

// plusRandom is the one mode of SuperMerger's that is left out.
const plusRandom Calc = "plus random"

// Calcs returns the calculation modes, Normal first.
func Calcs() []Calc {
	return []Calc{
		Normal, CosineA, CosineB, TrainDifference, SmoothAdd, SmoothAddMT,
		Extract, Slices, Slices2, Self,
	}
}

// Elementwise reports whether an element of the result depends only on the same
// element of the models, so that [Step.Merge] may be called for one chunk of a
// tensor after another, each with a Shape of its own, such as its length. (An
// inpainting model's first convolution must be handed over whole all the same:
// a chunk does not tell its channels.) All other modes need whole tensors.
func Elementwise(c Calc) bool { return c == Normal || c == Self }

// A Step is one merge of two or three models, in one block.
type Step struct {
	Mode Mode
	Calc Calc // "" is Normal

	// Era says whose arithmetic to follow: SM2025 ("" too, and Mecha) computes
	// in float32, SM2023 in the tensors' own formats. For SM2023 only Normal is
	// known.
	Era block.Era

	// OldCalc is SuperMerger's option "use old calc method": the arithmetic of
	// SM2023 for all modes but AddDifference.
	OldCalc bool

	Alpha, Beta, Gamma float64 // Gamma only for Extract

	// Range is where the models' similarities lie, for CosineA and CosineB: see
	// [Similarities].
	Range Range
}

// Check reports what is wrong with the step, whatever the tensors.
func (s Step) Check() error {
	switch {
	case int(s.Mode) >= len(modeNames):
		return fmt.Errorf("there is no merge mode %d", uint8(s.Mode))
	case s.Calc == plusRandom:
		return errors.New("plus random adds numbers drawn without a seed, so no one can make the same file again")
	case !slices.Contains(Calcs(), s.calc()):
		return fmt.Errorf("there is no calculation mode %q; there are %q", s.Calc, Calcs())
	case s.Era != "" && !slices.Contains(block.Eras(), s.Era):
		return fmt.Errorf("there is no era %q; there are %q", s.Era, block.Eras())
	case s.Era == block.SM2023 && s.calc() != Normal:
		return fmt.Errorf("how SuperMerger computed %s in 2023-06 is not known; use the era %s", s.Calc, block.SM2025)
	}
	for _, v := range []float64{s.Alpha, s.Beta, s.Gamma} {
		if math.IsNaN(v) || math.Abs(v) > math.MaxFloat32 {
			return fmt.Errorf("a ratio of %v", v)
		}
	}
	switch s.Calc {
	case Extract:
		if s.Alpha < 0 || s.Alpha > 1 || s.Beta < 0 || s.Beta > 1 || s.Gamma < 0 {
			return fmt.Errorf("extract takes alpha and beta from 0 to 1 and a gamma of at least 0, not %v, %v and %v", s.Alpha, s.Beta, s.Gamma)
		}
	case CosineA, CosineB:
		if s.Mode == AddDifference {
			return fmt.Errorf("%s compares models A and B, not a difference", s.Calc)
		}
		if !(s.Range.Lo < s.Range.Hi) {
			return fmt.Errorf("%s needs the range of the similarities, over all keys of both models", s.Calc)
		}
	}
	return nil
}

// calc is s.Calc with the default filled in.
func (s Step) calc() Calc {
	if s.Calc == "" {
		return Normal
	}
	return s.Calc
}

// raw reports whether B goes in as it is in spite of what the mode says.
func (s Step) raw() bool { return s.Calc == TrainDifference || s.Calc == Extract }

// UsesC reports whether [Step.Merge] reads the third tensor.
func (s Step) UsesC() bool {
	return s.raw() || s.Mode == AddDifference || s.calc() == Normal && s.Mode != WeightSum
}

// native reports whether the arithmetic is in the tensors' own formats.
func (s Step) native() bool {
	switch {
	case s.Era == block.SM2023:
		return true
	case s.Mode == AddDifference:
		return false
	case s.Mode == TripleSum && s.Alpha+s.Beta == 0: // nothing to divide beta by
		return true
	}
	return s.OldCalc
}
