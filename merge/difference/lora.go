package difference

import (
	"context"
	"fmt"
	"maps"
	"math"
	"strconv"

	"mixmatch/merge/block"
	"mixmatch/merge/checkpoint"
)

// A Module is the change to one weight, U S V'.
type Module struct {
	Name string    // see [ModuleName]
	Out  int       // rows of the weight
	In   []int     // its other dimensions: one, or three of a convolution
	U    []float32 // Out x rank, row by row
	S    []float64 // rank numbers
	V    []float32 // the product of In x rank, row by row
}

// LoRAOptions are the choices of [WriteLoRA].
type LoRAOptions struct {
	Arch     block.Arch
	DType    checkpoint.DType  // F16 if empty, as most LoRAs are
	Rank     int               // no module has more directions than this; 0: all that were found
	Output   string            // the name of the file, as programs show it
	Metadata map[string]string // written beside what programs ask for
	Force    bool              // replace an existing file
	Progress func(done, total int64)
}

// WriteLoRA writes modules as a LoRA. Each is stored as two factors, up = U
// sqrt(S) and down = sqrt(S) V', which have numbers of one size, and alpha, which
// is the rank: programs multiply up down by alpha/rank, so that a strength of 1
// is the change itself. Both factors of a convolution have four dimensions,
// those of up with a 1x1 kernel.
func WriteLoRA(ctx context.Context, path string, modules []Module, o LoRAOptions) error {
	dtype := o.DType
	if dtype == "" {
		dtype = checkpoint.F16
	}
	var tensors []Tensor
	highest := 0
	for _, m := range modules {
		rank := len(m.S)
		n := 1
		for _, d := range m.In {
			n *= d
		}
		if len(m.U) != m.Out*rank || len(m.V) != n*rank {
			return fmt.Errorf("%s: module %q: its factors do not fit a rank of %d", path, m.Name, rank)
		}
		keep := rank
		if o.Rank > 0 {
			keep = min(rank, o.Rank)
		}
		if keep == 0 {
			continue
		}
		highest = max(highest, keep)
		root := make([]float32, keep)
		for i := range root {
			root[i] = float32(math.Sqrt(m.S[i]))
		}
		kernel := m.In[1:]
		up := []int{m.Out, keep}
		for range kernel {
			up = append(up, 1)
		}
		tensors = append(
			tensors,
			Tensor{Name: m.Name + ".lora_up.weight", DType: dtype, Shape: up, Read: func(dst []float32, at int) error {
				for i := range dst {
					row, k := (at+i)/keep, (at+i)%keep
					dst[i] = m.U[row*rank+k] * root[k]
				}
				return nil
			}},
			Tensor{Name: m.Name + ".lora_down.weight", DType: dtype, Shape: append([]int{keep}, m.In...), Read: func(dst []float32, at int) error {
				for i := range dst {
					k, col := (at+i)/n, (at+i)%n
					dst[i] = m.V[col*rank+k] * root[k]
				}
				return nil
			}},
			Tensor{Name: m.Name + ".alpha", DType: dtype, Read: func(dst []float32, _ int) error {
				dst[0] = float32(keep)
				return nil
			}},
		)
	}
	if len(tensors) == 0 {
		return fmt.Errorf("%s: no module of low rank to write", path)
	}
	meta := map[string]string{
		"format":                "pt",
		"ss_network_module":     "networks.lora",
		"ss_network_dim":        strconv.Itoa(highest),
		"ss_network_alpha":      strconv.Itoa(highest),
		"ss_output_name":        o.Output,
		"ss_base_model_version": block.LoRAsOf(o.Arch).Base,
		"mixmatch.origin":       "extracted, not trained: the part of a model that the sources of its recipe leave unexplained",
	}
	maps.Copy(meta, o.Metadata)
	return Write(ctx, path, tensors, Options{Metadata: meta, Force: o.Force, Progress: o.Progress})
}
