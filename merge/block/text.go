package block

import "fmt"

// textNumbers are the published numbers of a text encoder. Its MLPs are four
// times as wide as the rest.
type textNumbers struct {
	width, layers, vocab int
	noIDs                bool // without the position ids that older files hold
}

// tokens is the length of a prompt.
const tokens = 77

// clip adds the tensors of a CLIP text encoder with the names that Hugging Face
// gives them.
func (b *builder) clip(prefix string, t textNumbers) {
	b.add(prefix+"embeddings.token_embedding.weight", t.vocab, t.width)
	b.add(prefix+"embeddings.position_embedding.weight", tokens, t.width)
	if !t.noIDs {
		b.specs = append(b.specs, Spec{Name: prefix + "embeddings.position_ids", Shape: []int{1, tokens}, Integer: true})
	}
	for i := range t.layers {
		l := fmt.Sprintf("%sencoder.layers.%d", prefix, i)
		for _, q := range []string{"q_proj", "k_proj", "v_proj", "out_proj"} {
			b.linear(l+".self_attn."+q, t.width, t.width)
		}
		b.norm(l+".layer_norm1", t.width)
		b.linear(l+".mlp.fc1", t.width, 4*t.width)
		b.linear(l+".mlp.fc2", 4*t.width, t.width)
		b.norm(l+".layer_norm2", t.width)
	}
	b.norm(prefix+"final_layer_norm", t.width)
}

// openCLIP adds the tensors of a CLIP text encoder with the names that OpenCLIP
// gives them.
func (b *builder) openCLIP(prefix string, t textNumbers) {
	b.add(prefix+"positional_embedding", tokens, t.width)
	b.add(prefix+"text_projection", t.width, t.width)
	b.add(prefix + "logit_scale")
	b.add(prefix+"token_embedding.weight", t.vocab, t.width)
	for i := range t.layers {
		l := fmt.Sprintf("%stransformer.resblocks.%d", prefix, i)
		b.norm(l+".ln_1", t.width)
		b.add(l+".attn.in_proj_weight", 3*t.width, t.width) // query, key and value
		b.add(l+".attn.in_proj_bias", 3*t.width)
		b.linear(l+".attn.out_proj", t.width, t.width)
		b.norm(l+".ln_2", t.width)
		b.linear(l+".mlp.c_fc", t.width, 4*t.width)
		b.linear(l+".mlp.c_proj", 4*t.width, t.width)
	}
	b.norm(prefix+"ln_final", t.width)
}

// comfyCLIP adds the CLIP text encoder called name ("clip_l") of a newer
// checkpoint. One that is asked for the embedding of a whole prompt has a
// projection.
func (b *builder) comfyCLIP(name string, t textNumbers) {
	t.noIDs = true
	b.clip(textPrefix+name+".transformer.text_model.", t)
}

// t5 adds the encoder of T5 v1.1 XXL: 24 layers, a gated MLP of 2.5 times the
// width, relative positions in the first layer, no biases.
func (b *builder) t5(by func(int) int) {
	const p = textPrefix + "t5xxl.transformer."
	width, mlp := by(4096), by(10240)
	b.add(p+"shared.weight", by(32128), width)
	for i := range 24 {
		l := fmt.Sprintf("%sencoder.block.%d.layer.", p, i)
		for _, q := range []string{"q", "k", "v", "o"} {
			b.add(l+"0.SelfAttention."+q+".weight", width, width)
		}
		if i == 0 {
			b.add(l+"0.SelfAttention.relative_attention_bias.weight", 32, by(64))
		}
		b.add(l+"0.layer_norm.weight", width)
		b.add(l+"1.DenseReluDense.wi_0.weight", mlp, width)
		b.add(l+"1.DenseReluDense.wi_1.weight", mlp, width)
		b.add(l+"1.DenseReluDense.wo.weight", width, mlp)
		b.add(l+"1.layer_norm.weight", width)
	}
	b.add(p+"encoder.final_layer_norm.weight", width)
}
