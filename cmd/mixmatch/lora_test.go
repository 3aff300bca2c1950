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

// cmdLora writes a LoRA of random numbers for models of a width, in kohya's layout or
// in PEFT's, which has no alphas.
func cmdLora(ts *testscript.TestScript, _ bool, args []string) {
	var (
		f    = flag.NewFlagSet("lora", flag.ContinueOnError)
		arch = f.String("arch", "sd1", "")
		div  = f.Int("div", 160, "")
		seed = f.Uint64("seed", 1, "")
		rank = f.Int("rank", 2, "")
		only = f.String("only", "", "only keys that contain this")
		peft = f.Bool("peft", false, "in PEFT's layout, the UNet alone")
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
		if *peft {
			key, is := strings.CutPrefix(s.Name, "model.diffusion_model.")
			if !is {
				continue
			}
			name = "base_model.model." + strings.TrimSuffix(key, ".weight")
		}
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
	if *peft {
		writePEFT(ts, ts.MkAbs(f.Arg(0)), modules)
		return
	}
	ts.Check(difference.WriteLoRA(context.Background(), ts.MkAbs(f.Arg(0)), modules, difference.LoRAOptions{Arch: block.Arch(*arch), DType: checkpoint.F16, Force: true}))
}

// writePEFT writes modules, leaving out their S, with PEFT's names.
func writePEFT(ts *testscript.TestScript, path string, modules []difference.Module) {
	var tensors []difference.Tensor
	for _, m := range modules {
		rank := len(m.S)
		up := append([]int{m.Out, rank}, make([]int, len(m.In)-1)...)
		for i := range up[2:] {
			up[2+i] = 1
		}
		copied := func(from []float32) func([]float32, int) error {
			return func(dst []float32, at int) error {
				copy(dst, from[at:])
				return nil
			}
		}
		down := make([]float32, len(m.V)) // rank rows
		for i, v := range m.V {
			down[i%rank*(len(m.V)/rank)+i/rank] = v
		}
		tensors = append(
			tensors,
			difference.Tensor{Name: m.Name + ".lora_A.weight", DType: checkpoint.F32, Shape: append([]int{rank}, m.In...), Read: copied(down)},
			difference.Tensor{Name: m.Name + ".lora_B.weight", DType: checkpoint.F32, Shape: up, Read: copied(m.U)},
		)
	}
	ts.Check(difference.Write(context.Background(), path, tensors, difference.Options{Force: true}))
}
