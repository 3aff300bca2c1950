package main

import (
	"encoding/binary"
	"flag"
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"mixmatch/merge/block"
	"mixmatch/merge/checkpoint"
	"mixmatch/merge/checkpoint/safetensors"
)

// A list is a flag that may be given several times.
type list []string

func (l *list) String() string     { return strings.Join(*l, " ") }
func (l *list) Set(s string) error { *l = append(*l, s); return nil }

// cmdModel writes a small model of random numbers, sound or not. Models of
// other seeds are as unlike as random numbers are.
func cmdModel(ts *testscript.TestScript, _ bool, args []string) {
	var (
		f                             = flag.NewFlagSet("model", flag.ContinueOnError)
		arch                          = f.String("arch", "sd1", "")
		keys                          = f.String("keys", "", "a file that lists the tensors instead: see specsOf")
		div                           = f.Int("div", 160, "")
		seed                          = f.Uint64("seed", 1, "")
		dtype                         = f.String("dtype", "F16", "")
		scale                         = f.Float64("scale", 0.05, "standard deviation")
		ids                           = f.String("ids", "", "broken: position ids merged as numbers; float: stored as F32")
		channels                      = f.Int("channels", 4, "that the UNet takes: 9 for inpainting")
		old                           = f.Bool("old", false, "old names of the text encoder")
		part                          = f.String("part", "", "PART=DTYPE: keys that contain PART are stored so, but for position ids")
		drop, only, zero, nan, extras list
		meta, metafile, as            list
	)
	f.Var(&drop, "drop", "leave out keys that contain this")
	f.Var(&only, "only", "keep only keys that contain this")
	f.Var(&zero, "zero", "zeros in keys that contain this")
	f.Var(&nan, "nan", "a NaN in keys that contain this")
	f.Var(&extras, "extra", "add a tensor of 8 numbers with this key")
	f.Var(&as, "as", "PREFIX=NEW: what the file has in place of a prefix of keys")
	f.Var(&meta, "meta", "KEY=VALUE")
	f.Var(&metafile, "metafile", "KEY=FILE")
	ts.Check(f.Parse(args))

	in := func(key string, some list) bool {
		return slices.ContainsFunc(some, func(s string) bool { return strings.Contains(key, s) })
	}
	specs := block.Scaled(block.Arch(*arch), *div)
	if *keys != "" {
		specs = specsOf(ts, ts.ReadFile(*keys))
	}
	for _, e := range extras {
		specs = append(specs, block.Spec{Name: e, Shape: []int{8}})
	}
	var tensors []checkpoint.Tensor
	known := map[string]string{} // what the file calls a key -> the key
	for _, s := range specs {
		if in(s.Name, drop) || len(only) > 0 && !in(s.Name, only) {
			continue
		}
		t := checkpoint.Tensor{Name: s.Name, DType: checkpoint.DType(*dtype), Shape: s.Shape}
		if in, as, ok := strings.Cut(*part, "="); ok && strings.Contains(s.Name, in) {
			t.DType = checkpoint.DType(as)
		}
		if s.Integer && *ids != "float" {
			t.DType = "I64"
		}
		if strings.HasSuffix(t.Name, ".input_blocks.0.0.weight") {
			t.Shape = slices.Clone(t.Shape)
			t.Shape[1] = *channels
		}
		if *old {
			t.Name = strings.Replace(t.Name, "transformer.text_model.", "transformer.", 1)
		}
		for _, a := range as {
			from, to, _ := strings.Cut(a, "=")
			if rest, ok := strings.CutPrefix(s.Name, from); ok {
				t.Name = to + rest
				break
			}
		}
		known[t.Name] = s.Name
		tensors = append(tensors, t)
	}
	metadata := map[string]string{"format": "pt"}
	for _, m := range meta {
		k, v, _ := strings.Cut(m, "=")
		metadata[k] = v
	}
	for _, m := range metafile {
		k, v, _ := strings.Cut(m, "=")
		metadata[k] = ts.ReadFile(v)
	}
	w, err := safetensors.Create(ts.MkAbs(f.Arg(0)), tensors, metadata, true)
	ts.Check(err)
	defer w.Abort()
	for _, t := range w.Tensors() {
		x := make([]float32, t.Len())
		name := fnv.New64a()
		name.Write([]byte(known[t.Name]))
		r := rand.New(rand.NewPCG(*seed, name.Sum64()))
		for i := range x {
			x[i] = float32(*scale * r.NormFloat64())
		}
		if in(t.Name, zero) {
			clear(x)
		}
		if in(t.Name, nan) {
			x[len(x)/2] = float32(math.NaN())
		}
		if strings.HasSuffix(t.Name, "position_ids") {
			for i := range x {
				x[i] = float32(i)
				if *ids == "broken" && i%3 == 2 {
					x[i]--
				}
			}
		}
		_, err := w.Write(stored(t.DType, x))
		ts.Check(err)
	}
	ts.Check(w.Commit())
}

// specsOf reads lines of a key and a shape, such as "layers.#26.attn.weight 8x8";
// #26 stands for each of the numbers from 0 to 25.
func specsOf(ts *testscript.TestScript, text string) []block.Spec {
	var specs []block.Spec
	for line := range strings.Lines(text) {
		key, dims, ok := strings.Cut(strings.TrimSpace(line), " ")
		if !ok {
			continue
		}
		var shape []int
		for d := range strings.SplitSeq(dims, "x") {
			n, err := strconv.Atoi(d)
			ts.Check(err)
			shape = append(shape, n)
		}
		before, rest, numbered := strings.Cut(key, "#")
		if !numbered {
			specs = append(specs, block.Spec{Name: key, Shape: shape})
			continue
		}
		digits, after, _ := strings.Cut(rest, ".")
		n, err := strconv.Atoi(digits)
		ts.Check(err)
		for i := range n {
			specs = append(specs, block.Spec{Name: fmt.Sprintf("%s%d.%s", before, i, after), Shape: shape})
		}
	}
	return specs
}

// stored returns x as a file holds it.
func stored(dtype checkpoint.DType, x []float32) []byte {
	b := make([]byte, len(x)*dtype.Bits()/8)
	if dtype.Float() {
		dtype.Narrow(b, x)
		return b
	}
	for i, v := range x {
		switch dtype {
		case "I64":
			binary.LittleEndian.PutUint64(b[8*i:], uint64(int64(v)))
		case "U8":
			b[i] = byte(int8(127 * v))
		default:
			panic("no numbers of format " + string(dtype))
		}
	}
	return b
}

// cmdSame checks that files hold the same tensors, bit for bit, whatever their
// metadata.
func cmdSame(ts *testscript.TestScript, neg bool, args []string) {
	var first map[string]string
	for i, name := range args {
		f, err := safetensors.Open(ts.MkAbs(name))
		ts.Check(err)
		got := map[string]string{}
		for _, t := range f.Tensors() {
			b := make([]byte, t.Bytes())
			ts.Check(f.ReadBytes(b, t, 0))
			got[t.Name] = string(t.DType) + string(b)
		}
		f.Close()
		if i == 0 {
			first = got
			continue
		}
		different := ""
		for k := range first {
			if got[k] != first[k] {
				different = k
			}
		}
		if same := len(got) == len(first) && different == ""; same == neg {
			ts.Fatalf("%s and %s: %d and %d tensors; one that differs: %q", args[0], name, len(first), len(got), different)
		}
	}
}
