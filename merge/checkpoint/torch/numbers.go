package torch

import (
	"mixmatch/merge/checkpoint"
	"mixmatch/merge/checkpoint/torch/pickle"
)

// A number is how a storage's numbers are stored. Those without a DType are not
// read: none of it can hold them.
type number struct {
	dtype checkpoint.DType
	bytes int64  // of one
	is    string // what they are, where they are not read
}

// storageClasses are the classes of storages that pickles name.
var storageClasses = map[pickle.Global]number{
	{Module: "torch", Name: "FloatStorage"}:         {checkpoint.F32, 4, ""},
	{Module: "torch", Name: "HalfStorage"}:          {checkpoint.F16, 2, ""},
	{Module: "torch", Name: "BFloat16Storage"}:      {checkpoint.BF16, 2, ""},
	{Module: "torch", Name: "DoubleStorage"}:        {checkpoint.F64, 8, ""},
	{Module: "torch", Name: "LongStorage"}:          {"I64", 8, ""},
	{Module: "torch", Name: "IntStorage"}:           {"I32", 4, ""},
	{Module: "torch", Name: "ShortStorage"}:         {"I16", 2, ""},
	{Module: "torch", Name: "CharStorage"}:          {"I8", 1, ""},
	{Module: "torch", Name: "ByteStorage"}:          {"U8", 1, ""},
	{Module: "torch", Name: "BoolStorage"}:          {"BOOL", 1, ""},
	{Module: "torch", Name: "ComplexFloatStorage"}:  {"C64", 8, ""},
	{Module: "torch", Name: "ComplexDoubleStorage"}: {"", 16, "complex128"},
	{Module: "torch", Name: "QInt8Storage"}:         {"", 1, "quantized"},
	{Module: "torch", Name: "QUInt8Storage"}:        {"", 1, "quantized"},
	{Module: "torch", Name: "QInt32Storage"}:        {"", 4, "quantized"},
	{Module: "torch", Name: "QUInt4x2Storage"}:      {"", 1, "quantized"},
	{Module: "torch", Name: "QUInt2x4Storage"}:      {"", 1, "quantized"},

	// Bytes, of which the tensor says what they are.
	{Module: "torch.storage", Name: "UntypedStorage"}: {"", 1, "untyped"},
}

// dtypes are the kinds of numbers that tensors name where their storage does not.
var dtypes = map[pickle.Global]number{
	{Module: "torch", Name: "float32"}:          {checkpoint.F32, 4, ""},
	{Module: "torch", Name: "float16"}:          {checkpoint.F16, 2, ""},
	{Module: "torch", Name: "bfloat16"}:         {checkpoint.BF16, 2, ""},
	{Module: "torch", Name: "float64"}:          {checkpoint.F64, 8, ""},
	{Module: "torch", Name: "float8_e4m3fn"}:    {checkpoint.E4M3, 1, ""},
	{Module: "torch", Name: "float8_e5m2"}:      {checkpoint.E5M2, 1, ""},
	{Module: "torch", Name: "float8_e4m3fnuz"}:  {"F8_E4M3FNUZ", 1, ""},
	{Module: "torch", Name: "float8_e5m2fnuz"}:  {"F8_E5M2FNUZ", 1, ""},
	{Module: "torch", Name: "float8_e8m0fnu"}:   {"F8_E8M0", 1, ""},
	{Module: "torch", Name: "int64"}:            {"I64", 8, ""},
	{Module: "torch", Name: "int32"}:            {"I32", 4, ""},
	{Module: "torch", Name: "int16"}:            {"I16", 2, ""},
	{Module: "torch", Name: "int8"}:             {"I8", 1, ""},
	{Module: "torch", Name: "uint8"}:            {"U8", 1, ""},
	{Module: "torch", Name: "uint16"}:           {"U16", 2, ""},
	{Module: "torch", Name: "uint32"}:           {"U32", 4, ""},
	{Module: "torch", Name: "uint64"}:           {"U64", 8, ""},
	{Module: "torch", Name: "bool"}:             {"BOOL", 1, ""},
	{Module: "torch", Name: "complex64"}:        {"C64", 8, ""},
	{Module: "torch", Name: "complex32"}:        {"", 4, "complex32"},
	{Module: "torch", Name: "complex128"}:       {"", 16, "complex128"},
	{Module: "torch", Name: "float4_e2m1fn_x2"}: {"", 1, "float4"}, // two to a byte, which no shape counts
}
