package main

import (
	"context"
	"flag"
	"hash/fnv"
	"math/rand/v2"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"mixmatch/merge/block"
	"mixmatch/merge/checkpoint"
	"mixmatch/merge/difference"
)

// cmdLora writes a LoRA of random numbers for models of a width, in kohya's layout.
func cmdLora(ts *testscript.TestScript, _ bool, args []string) {
	var (
		f    = flag.NewFlagSet("lora", flag.ContinueOnError)
		arch = f.String("arch", "sd1", "")
		div  = f.Int("div", 160, "")
		seed = f.Uint64("seed", 1, "")
		rank = f.Int("rank", 2, "")
		only = f.String("only", "", "only keys that contain this")
	)
	ts.Check(f.Parse(args))
	var modules []difference.Module
	for _, s := range block.Scaled(block.Arch(*arch), *div) {
		name, ok := difference.ModuleName(block.Arch(*arch), s.Name, 0)
		if !ok || difference.Parts(s.Name) > 1 || !strings.Contains(s.Name, *only) {
			continue
		}
		h := fnv.New64a()
		h.Write([]byte(s.Name))
		r := rand.New(rand.NewPCG(*seed, h.Sum64()))
		m := difference.Module{Name: name, Out: s.Shape[0], In: s.Shape[1:]}
		n := min(*rank, s.Shape[0], s.Len()/s.Shape[0])
		for range s.Shape[0] * n {
			m.U = append(m.U, float32(0.1*r.NormFloat64()))
		}
		for range n {
			m.S = append(m.S, 0.1)
		}
		for range s.Len() / s.Shape[0] * n {
			m.V = append(m.V, float32(r.NormFloat64()))
		}
		modules = append(modules, m)
	}
	ts.Check(difference.WriteLoRA(context.Background(), ts.MkAbs(f.Arg(0)), modules, difference.LoRAOptions{Arch: block.Arch(*arch), DType: checkpoint.F16, Force: true}))
}
