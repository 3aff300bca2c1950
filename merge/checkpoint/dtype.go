package checkpoint

import (
	"mixmatch/merge/vec"
)

// A DType is how a file stores a number, by its name in safetensors.
type DType string

// The number formats that models are merged in. Files may hold others, from
// BOOL to U64, which are only copied.
const (
	E5M2 DType = "F8_E5M2" // the upper half of a float16
	E4M3 DType = "F8_E4M3" // without infinity, up to 448
	F16  DType = "F16"     // IEEE 754 half precision
	BF16 DType = "BF16"    // the upper half of a float32
	F32  DType = "F32"
	F64  DType = "F64"
)

// A format is one row of the table of number formats. Those that are computed
// with have functions; bytes are little-endian.
type format struct {
	name DType
	bits int

	widen   func(dst []float32, src []byte)
	narrow  func(dst []byte, src []float32) // to nearest, ties to even; what is too large becomes infinite, or NaN in E4M3
	round   func(x []float32)               // what narrow and widen make of x; nil if nothing changes
	sumUlp2 func(src []byte) float64        // the sum of squared distances to the next number
}

// formats are all number formats there are, in the order of the reference
// reader of safetensors (safetensors/src/tensor.rs): writers sort by it, from
// the end, so that wide numbers come first and are aligned.
var formats = [...]format{
	{name: "BOOL", bits: 8},
	{name: "F4", bits: 4},
	{name: "F6_E2M3", bits: 6},
	{name: "F6_E3M2", bits: 6},
	{name: "U8", bits: 8},
	{name: "I8", bits: 8},
	{E5M2, 8, vec.WidenE5M2, vec.NarrowE5M2, vec.RoundE5M2, vec.SumUlp2E5M2},
	{E4M3, 8, vec.WidenE4M3, vec.NarrowE4M3, vec.RoundE4M3, vec.SumUlp2E4M3},
	{name: "F8_E8M0", bits: 8},
	{name: "F8_E4M3FNUZ", bits: 8},
	{name: "F8_E5M2FNUZ", bits: 8},
	{name: "I16", bits: 16},
	{name: "U16", bits: 16},
	{F16, 16, vec.WidenF16, vec.NarrowF16, vec.RoundF16, vec.SumUlp2F16},
	{BF16, 16, vec.WidenBF16, vec.NarrowBF16, vec.RoundBF16, vec.SumUlp2BF16},
	{name: "I32", bits: 32},
	{name: "U32", bits: 32},
	{F32, 32, vec.WidenF32, vec.NarrowF32, nil, vec.SumUlp2F32},
	{name: "C64", bits: 64},
	{F64, 64, vec.WidenF64, vec.NarrowF64, nil, vec.SumUlp2F64},
	{name: "I64", bits: 64},
	{name: "U64", bits: 64},
}

// byName are the rows by their names: they are asked for with every few numbers.
var byName = func() map[DType]*format {
	m := map[DType]*format{}
	for i := range formats {
		m[formats[i].name] = &formats[i]
	}
	return m
}()

// format returns the row of d, or nil.
func (d DType) format() *format { return byName[d] }

// Rank returns the place of d in the order in which safetensors sorts number
// formats, or -1 if there is no such format.
func (d DType) Rank() int {
	for i := range formats {
		if formats[i].name == d {
			return i
		}
	}
	return -1
}

// Bits returns the size of one number, or 0 for an unknown format.
// Some formats are smaller than a byte.
func (d DType) Bits() int {
	if f := d.format(); f != nil {
		return f.bits
	}
	return 0
}

// Float reports whether numbers of format d are computed with: whether
// [File.Read] reads them and [DType.Narrow] makes them.
func (d DType) Float() bool {
	f := d.format()
	return f != nil && f.widen != nil
}

// Widen sets dst to the numbers of format d, one of those that are computed with,
// that are stored in src: F64 ones are rounded, the others are exact.
func (d DType) Widen(dst []float32, src []byte) { d.format().widen(dst, src) }

// Narrow stores src in dst as numbers of format d, which must be one of those
// that are computed with: rounded to nearest, ties to even; what is too large
// becomes infinite, or NaN in E4M3.
func (d DType) Narrow(dst []byte, src []float32) { d.format().narrow(dst, src) }

// Round sets each element of x to what a store as d, one of the formats that are
// computed with, and a load make of it.
func (d DType) Round(x []float32) {
	if round := d.format().round; round != nil {
		round(x)
	}
}

// Rounding returns what storing numbers once as d adds to a squared distance on
// average: the sum of ulp^2/12 over the numbers in stored. It is 0 for formats
// that are not computed with.
func (d DType) Rounding(stored []byte) float64 {
	if f := d.format(); f != nil && f.sumUlp2 != nil {
		return f.sumUlp2(stored) / 12
	}
	return 0
}

// DTypes returns all number formats, by their rank.
func DTypes() []DType {
	var list []DType
	for _, f := range formats {
		list = append(list, f.name)
	}
	return list
}
