package residual

import (
	"strings"

	"mixmatch/merge/block"
)

// A Kind says what a tensor does in a model. Trainers of LoRAs choose by it what
// they train.
type Kind string

// The kinds.
const (
	Query      Kind = "to_q"
	Key        Kind = "to_k"
	Value      Kind = "to_v"
	Output     Kind = "to_out"
	Attention  Kind = "attention" // of a transformer whose queries, keys and values are one matrix, or have other names
	Forward    Kind = "feed forward"
	Projection Kind = "projections" // into and out of a transformer
	Convolve   Kind = "convolutions"
	Modulation Kind = "modulations" // of a transformer, by the time and the prompt
	Linear     Kind = "linear layers"
	Time       Kind = "time embedding"
	Norm       Kind = "norms"
	Bias       Kind = "biases"
	TextAttn   Kind = "text attention"
	TextMLP    Kind = "text feed forward"
	Embedding  Kind = "text embeddings"
	Decoder    Kind = "VAE"
)

// Kinds returns all kinds, in the order in which they are reported.
func Kinds() []Kind {
	return []Kind{Query, Key, Value, Output, Attention, Forward, Projection, Convolve, Modulation, Linear, Time, Norm, Bias, TextAttn, TextMLP, Embedding, Decoder}
}

// KindOf returns the kind of a tensor.
func KindOf(key string, shape []int) Kind {
	part := block.PartOf(key)
	in := func(some ...string) bool {
		for _, s := range some {
			if strings.Contains(key, s) {
				return true
			}
		}
		return false
	}
	switch {
	case part == block.VAE:
		return Decoder
	case strings.HasSuffix(key, "bias"):
		return Bias
	case len(shape) < 2 || in("norm", ".ln_"):
		return Norm
	case part == block.TextEncoder && in("self_attn", ".attn.", "SelfAttention"):
		return TextAttn
	case part == block.TextEncoder && in(".mlp.", "DenseReluDense"):
		return TextMLP
	case part == block.TextEncoder:
		return Embedding
	case in(".to_q."):
		return Query
	case in(".to_k."):
		return Key
	case in(".to_v."):
		return Value
	case in(".to_out."):
		return Output
	case in("attn", "attention"):
		return Attention
	case in(".ff.", "mlp", "feed_forward") && !in("embedder"):
		return Forward
	case in(".proj_in.", ".proj_out."):
		return Projection
	case in("time_embed", "label_emb", "emb_layers", "time_in", "vector_in", "guidance_in", "t_embedder", "y_embedder"):
		return Time
	case in(".mod", "_mod.", "adaLN"):
		return Modulation
	case in("pos_embed", "positional", "tokens", "embed_tokens"):
		return Embedding
	case len(shape) == 2:
		return Linear
	}
	return Convolve
}

// searched tells whether a tensor of kind k may hold a LoRA.
func (k Kind) searched() bool {
	switch k {
	case Norm, Bias, Embedding, Decoder:
		return false
	}
	return true
}
