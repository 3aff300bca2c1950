package safetensors

import (
	"encoding/binary"
	"fmt"
	"math"
	"strings"

	"mixmatch/merge/checkpoint"
)

// A corpusCase is a malformed or odd file. The cases are those that reviews of
// the format, of its readers and of files found in the wild have brought up.
type corpusCase struct {
	name string
	file []byte
	ok   bool   // must open
	say  string // what the error must say
}

func withLength(n uint64, header string, data []byte) []byte {
	b := binary.LittleEndian.AppendUint64(nil, n)
	return append(append(b, header...), data...)
}

func withHeader(header string, data int) []byte {
	return withLength(uint64(len(header)), header, make([]byte, data))
}

// entry is one tensor of a header; dims and offsets are as they stand there.
func entry(name, dtype, dims, offsets string) string {
	return fmt.Sprintf(`"%s":{"dtype":"%s","shape":[%s],"data_offsets":[%s]}`, name, dtype, dims, offsets)
}

func obj(entries ...string) string { return "{" + strings.Join(entries, ",") + "}" }

func corpus() []corpusCase {
	var cases []corpusCase
	raw := func(name, file string, say string) {
		cases = append(cases, corpusCase{name, []byte(file), false, say})
	}
	bad := func(name, header string, data int, say string) {
		cases = append(cases, corpusCase{name, withHeader(header, data), false, say})
	}
	good := func(name, header string, data int) {
		cases = append(cases, corpusCase{name, withHeader(header, data), true, ""})
	}
	length := func(name string, n uint64, header string, say string) {
		cases = append(cases, corpusCase{name, withLength(n, header, nil), false, say})
	}
	one := entry("a", "F32", "1", "0,4")

	// Too short, or with a length that cannot be.
	raw("empty file", "", "empty: download it again")
	raw("seven bytes", "\x00\x00\x00\x00\x00\x00\x00", "too small")
	length("length only", 60, "", "at least 60 of 68 bytes are missing: download it again")
	length("zero header length", 0, "", "zero bytes")
	length("huge header length", 1<<62, "{}", "at most 100000000 are allowed")
	length("largest header length", math.MaxUint64, "{}", "at most 100000000 are allowed")
	length("header one over the cap", 100_000_001, "{}", "at most 100000000 are allowed")
	length("header past the end", 99_000_000, "{}", "at least 98999998 of 99000008 bytes are missing: download it again")
	length("header of no bytes", 0, "{}", "malformed safetensors")
	raw("zeros", strings.Repeat("\x00", 4096), "unfinished download")

	// Not JSON, or not of the right form.
	bad("not UTF-8", "{\"a\xff\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4, "not valid UTF-8")
	bad("lone surrogate", obj(entry(`\ud800`, "F32", "1", "0,4")), 4, "half a surrogate pair")
	bad("lone low surrogate", obj(entry(`\udc00`, "F32", "1", "0,4")), 4, "half a surrogate pair")
	bad("surrogate and no second", obj(entry(`\ud800\u0041`, "F32", "1", "0,4")), 4, "half a surrogate pair")
	bad("bad escape", obj(entry(`\x41`, "F32", "1", "0,4")), 4, "invalid escape")
	bad("short escape", obj(entry(`\u00`, "F32", "1", "0,4")), 4, "invalid escape")
	bad("raw control character", obj(entry("a\n", "F32", "1", "0,4")), 4, "control character")
	bad("not JSON", "{", 0, "the header ends")
	bad("string cut off", `{"a`, 0, "within a string")
	bad("array on top", "[]", 0, "not a safetensors file")
	bad("null on top", "null", 0, "not a safetensors file")
	bad("trailing JSON", "{}{}", 0, "text after the header's end")
	bad("trailing NUL", "{}\x00\x00\x00\x00\x00\x00", 0, "text after the header's end")
	bad("trailing comma", obj(one, ""), 4, `want '"'`)
	bad("no comma", "{"+one+entry("b", "F32", "1", "4,8")+"}", 8, "want ','")
	bad("no colon", `{"a" {}}`, 0, "want ':'")
	bad("name without quotes", `{a:{}}`, 0, `want '"'`)
	bad("all white space", strings.Repeat(" ", 2000), 0, "want '{'")
	bad("byte order mark", "\xef\xbb\xbf{}", 0, "not a safetensors file")
	good("space padded", "{}      ", 0)
	good("white space padded", "{}\r\n\t ", 0)
	good("white space in front", " \n{}", 0)
	good("much white space in front", strings.Repeat(" ", 5000)+"{}", 0)
	good("white space everywhere", " {\t\"a\" : {\n\"dtype\" :\r\"F32\" , \"shape\" : [ 1 , 1 ] , \"data_offsets\" : [ 0 , 4 ] } } ", 4)
	good("escapes", obj(entry(`\"\\\/\b\f\n\r\t\u00e9\uD83D\ude00`, `\u0046\u00332`, "1", "0,4")), 4)
	bad("deep JSON", `{"a":`+strings.Repeat("[", 100_000)+strings.Repeat("]", 100_000)+"}", 0, "want '{'")
	bad("deep objects", strings.Repeat(`{"a":`, 100_000), 0, "nested more than 128 deep")

	// Fields.
	bad("name twice", obj(one, one), 4, `tensor "a" occurs twice`)
	bad("name twice, once escaped", obj(one, entry(`\u0061`, "F32", "1", "4,8")), 8, `tensor "a" occurs twice`)
	bad("field twice", `{"a":{"dtype":"F32","dtype":"I32","shape":[1],"data_offsets":[0,4]}}`, 4, "dtype occurs twice")
	bad("metadata twice", `{"__metadata__":{},"__metadata__":{"a":"b"}}`, 0, "__metadata__ occurs twice")
	bad("metadata name twice", `{"__metadata__":{"a":"b","a":"c"}}`, 0, `metadata "a" occurs twice`)
	bad("fields in the wrong case", `{"a":{"DType":"F32","Shape":[1],"Data_Offsets":[0,4]}}`, 4, "is missing")
	bad("field missing", `{"a":{"dtype":"F32","shape":[1]}}`, 4, "is missing")
	bad("fields missing", `{"a":{}}`, 4, "is missing")
	good("field too many", `{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"stride":[1]}}`, 4)
	good("fields too many, in front", `{"a":{"x":{"dtype":[{"y":null}]},"x":1.5e3,"dtype":"F32","shape":[1],"data_offsets":[0,4]}}`, 4)
	bad("field too many, not JSON", `{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"stride":[01]}}`, 4, `tensor "a"`)
	bad("field too many, and one too few", `{"a":{"dtype":"F32","shape":[1],"offsets":[0,4]}}`, 4, "is missing")
	bad("metadata not a string", `{"__metadata__":{"format":"pt","epoch":1200}}`, 0, `metadata "epoch" must be a text: found "1200}}`)
	bad("metadata nested", `{"__metadata__":{"a":{"b":"c"}}}`, 0, `metadata "a" must be a text`)
	good("metadata", `{"__metadata__":{"format":"pt","b\u00e9":""},`+one+"}", 4)
	good("metadata null", `{"__metadata__":null,`+one+"}", 4)
	good("metadata last", "{"+one+`,"__metadata__":{"format":"pt"}}`, 4)
	bad("dtype not a string", `{"a":{"dtype":1,"shape":[1],"data_offsets":[0,4]}}`, 4, `want '"'`)
	bad("shape null", `{"a":{"dtype":"F32","shape":null,"data_offsets":[0,4]}}`, 4, "want '['")
	bad("unknown dtype", obj(entry("a", "F128", "1", "0,16")), 16, `unknown dtype "F128"`)
	bad("dtype in the wrong case", obj(entry("a", "f32", "1", "0,4")), 4, `unknown dtype "f32"`)

	// Numbers.
	for _, tt := range []struct{ name, dim string }{
		{"negative", "-1"},
		{"fraction", "1.0"},
		{"exponent", "1e0"},
		{"leading zero", "01"},
		{"plus", "+1"},
		{"text", `"1"`},
		{"over 64 bits", "18446744073709551616"},
		{"far over 64 bits", strings.Repeat("9", 1000)},
		{"minus zero", "-0"},
	} {
		bad(tt.name+" shape", obj(entry("a", "F32", tt.dim, "0,4")), 4, "want a whole number")
		bad(tt.name+" offset", obj(entry("a", "F32", "1", "0,"+tt.dim)), 4, "want a whole number")
	}
	bad("one offset", obj(entry("a", "F32", "1", "4")), 4, "fewer than two")
	bad("three offsets", obj(entry("a", "F32", "1", "0,4,4")), 4, "more than two")

	// Places and sizes.
	bad("negative offset", obj(entry("a", "F32", "1", "-4,0")), 4, "want a whole number")
	bad("end before begin", obj(entry("a", "F32", "1", "4,0")), 4, "before it begins")
	bad("data cut off", obj(entry("a", "F32", "4", "0,16")), 14, "cut off: 2 of 79 bytes are missing: download it again")
	bad("trailing data", obj(one), 12, "8 bytes after the last tensor")
	bad("trailing data without tensors", "{}", 1, "1 bytes after the last tensor")
	bad("hole", obj(one, entry("b", "F32", "1", "8,12")), 12, `tensor "b": begins at byte 8 of the data and leaves a hole of 4 bytes`)
	bad("hole at the start", obj(entry("a", "F32", "1", "4,8")), 8, "hole of 4 bytes")
	bad("overlap", obj(one, entry("b", "F32", "1", "0,4")), 4, "overlaps the tensor before it by 4 bytes")
	bad("partial overlap", obj(entry("a", "F32", "2", "0,8"), entry("b", "F32", "2", "4,12")), 12, "overlaps the tensor before it by 4 bytes")
	bad("wrong size", obj(entry("a", "F32", "3", "0,4")), 4, "4 bytes for a shape that takes 12")
	bad("product overflows", obj(entry("a", "I32", "2,18446744073709551614", "0,16")), 16, "more elements than can be counted")
	bad("product wraps to 4", obj(entry("a", "F32", "4194305,4194305,211106198978564", "0,16")), 16, "more elements than can be counted")
	bad("bytes wrap to 0", obj(entry("a", "F64", "2305843009213693952", "0,0")), 0, "more elements than can be counted")
	bad("overflow before a zero", obj(entry("a", "F32", "9223372036854775808,2,0", "0,0")), 0, "more elements than can be counted")
	bad("offsets near 2^64", obj(entry("a", "U8", "18446744073709551615", "0,18446744073709551615")), 4, "more elements than can be counted")
	good("zero times huge", obj(entry("a", "F32", "0,9223372036854775808", "0,0")), 0)
	good("huge times zero", obj(entry("a", "F32", "18446744073709551615,0", "0,0")), 0)
	bad("F4 of half a byte", obj(entry("a", "F4", "3", "0,2")), 2, "no whole number of bytes")
	good("F4", obj(entry("a", "F4", "4", "0,2")), 2)
	good("F6", obj(entry("a", "F6_E2M3", "4", "0,3")), 3)
	good("empty tensor", obj(entry("a", "I32", "2,0", "0,0")), 0)
	good("empty tensor in another's place", obj(entry("a", "I32", "0", "0,0"), entry("b", "F32", "1", "0,4")), 4)
	good("empty tensor in another's place, after it", obj(entry("b", "F32", "1", "0,4"), entry("z", "I32", "0", "0,0")), 4)
	good("scalar", obj(entry("a", "F32", "", "0,4")), 4)
	good("no tensors", "{}", 0)
	good("unaligned", obj(entry("a", "U8", "1", "0,1"), entry("b", "F64", "1", "1,9")), 9)
	good("rank 10000", obj(entry("a", "F32", strings.Repeat("1,", 9999)+"1", "0,4")), 4)
	cases = append(cases, corpusCase{"unsorted header", withLength(uint64(len(obj(entry("b", "F32", "1", "4,8"), one))),
		obj(entry("b", "F32", "1", "4,8"), one), []byte{0, 0, 0x80, 0x3f, 0, 0, 0, 0x40}), true, ""})
	nan := obj(entry("a", "F32", "3", "0,12"))
	cases = append(cases, corpusCase{"NaN and infinity", withLength(uint64(len(nan)), nan, []byte("\x00\x00\xc0\x7f\x00\x00\x80\x7f\x00\x00\x80\xff")), true, ""})
	nan = obj(entry("a", "F16", "2", "0,4"))
	cases = append(cases, corpusCase{"half NaN and infinity", withLength(uint64(len(nan)), nan, []byte("\x00\x7e\x00\x7c")), true, ""})
	for _, d := range checkpoint.DTypes() {
		good("all of "+string(d), obj(entry("a", string(d), "8", fmt.Sprintf("0,%d", d.Bits()))), d.Bits())
	}

	// Names are data.
	good("empty name", obj(entry("", "F32", "1", "0,4")), 4)
	good("name of control characters", obj(entry(`a\u001b[31m\n`+"\u202e", "F32", "1", "0,4")), 4)
	good("name like a path", obj(entry("../../etc/passwd", "F32", "1", "0,4")), 4)
	good("long name", obj(entry(strings.Repeat("k", 1_000_000), "F32", "1", "0,4")), 4)

	// Something else. What git-lfs leaves in place of a file is text.
	const pointer = "version https://git-lfs.github.com/spec/v1\n"
	bad("git-lfs pointer as a header", pointer, 0, "not a safetensors file")
	raw("git-lfs pointer", pointer+"oid sha256:"+strings.Repeat("0", 64)+"\nsize 4265146304\n", "git lfs pull")
	raw("web page", "<!DOCTYPE html><html><head><title>Sign in</title>", "a web page")
	raw("web page in small letters", "\n\n<html lang=en>", "a web page")
	raw("error message", `{"error":"Repository not found"}`, "error message of a failed download")
	raw("index", "{\n  \"metadata\": {}, \"weight_map\": {}}", "an index")
	raw("zip", "PK\x03\x04"+strings.Repeat("\x00", 60), "a zip archive")
	raw("zip of torch", "PK\x03\x04\x00\x00\x08\x08\x00\x00archive/data.pkl", "a zip archive")
	raw("GGUF", "GGUF\x03\x00\x00\x00"+strings.Repeat("\x00", 60), "GGUF")
	raw("pickle", "\x80\x02}q\x00.", "a Python pickle")
	raw("old torch", "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.", "a Python pickle")
	raw("tar", strings.Repeat("n", 257)+"ustar\x00"+strings.Repeat("\x00", 300), "tar archive")
	raw("gzip", "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03", "gzip")
	raw("plain text", "please see the readme for the model", "not a safetensors file")
	return cases
}
