package block

import "fmt"

// unetNumbers are the published numbers of a UNet.
type unetNumbers struct {
	model   int   // channels of the first level
	mult    []int // channels of each level, in multiples of model
	depth   []int // transformer blocks after each residual block of a level
	mid     int   // transformer blocks in the middle
	context int   // width of the text embedding
	linear  bool  // projections into transformers are linear, not convolutions
	label   int   // width of the pooled embedding, 0 for none
}

// resBlocks is the number of residual blocks of a level on the way in. There is
// one more on the way out.
const resBlocks = 2

// latent is the number of channels of the VAE's output.
const latent = 4

// unet adds the tensors of a UNet.
func (b *builder) unet(u unetNumbers) {
	const p = unetPrefix
	embed := 4 * u.model
	b.linear(p+"time_embed.0", u.model, embed)
	b.linear(p+"time_embed.2", embed, embed)
	if u.label > 0 {
		b.linear(p+"label_emb.0.0", u.label, embed)
		b.linear(p+"label_emb.0.2", embed, embed)
	}

	b.conv(p+"input_blocks.0.0", latent, u.model, 3)
	width, skips, n := u.model, []int{u.model}, 1
	for level, m := range u.mult {
		for range resBlocks {
			name := fmt.Sprintf("%sinput_blocks.%d", p, n)
			b.residual(name+".0", width, m*u.model, embed)
			width = m * u.model
			b.transformer(name+".1", width, u.depth[level], u)
			skips = append(skips, width)
			n++
		}
		if level < len(u.mult)-1 {
			b.conv(fmt.Sprintf("%sinput_blocks.%d.0.op", p, n), width, width, 3)
			skips = append(skips, width)
			n++
		}
	}

	b.residual(p+"middle_block.0", width, width, embed)
	b.transformer(p+"middle_block.1", width, u.mid, u)
	b.residual(p+"middle_block.2", width, width, embed)

	n = 0
	for level := len(u.mult) - 1; level >= 0; level-- {
		for i := range resBlocks + 1 {
			name := fmt.Sprintf("%soutput_blocks.%d", p, n)
			skip := skips[len(skips)-1]
			skips = skips[:len(skips)-1]
			b.residual(name+".0", width+skip, u.mult[level]*u.model, embed)
			width = u.mult[level] * u.model
			b.transformer(name+".1", width, u.depth[level], u)
			if level > 0 && i == resBlocks {
				b.conv(fmt.Sprintf("%s.%d.conv", name, 1+min(u.depth[level], 1)), width, width, 3)
			}
			n++
		}
	}
	b.norm(p+"out.0", width)
	b.conv(p+"out.2", u.model, latent, 3)
}

// residual adds a residual block that takes a time embedding.
func (b *builder) residual(name string, in, out, embed int) {
	b.norm(name+".in_layers.0", in)
	b.conv(name+".in_layers.2", in, out, 3)
	b.linear(name+".emb_layers.1", embed, out)
	b.norm(name+".out_layers.0", out)
	b.conv(name+".out_layers.3", out, out, 3)
	if in != out {
		b.conv(name+".skip_connection", in, out, 1)
	}
}

// transformer adds a spatial transformer of depth blocks, or nothing at depth 0.
func (b *builder) transformer(name string, width, depth int, u unetNumbers) {
	if depth == 0 {
		return
	}
	project := func(name string) {
		if u.linear {
			b.linear(name, width, width)
		} else {
			b.conv(name, width, width, 1)
		}
	}
	b.norm(name+".norm", width)
	project(name + ".proj_in")
	for j := range depth {
		t := fmt.Sprintf("%s.transformer_blocks.%d", name, j)
		b.attention(t+".attn1", width, width)
		b.attention(t+".attn2", width, u.context)
		b.linear(t+".ff.net.0.proj", width, 8*width) // 4 wide, gated
		b.linear(t+".ff.net.2", 4*width, width)
		for i := range 3 {
			b.norm(fmt.Sprintf("%s.norm%d", t, i+1), width)
		}
	}
	project(name + ".proj_out")
}

// attention adds an attention layer of the given width over a context.
func (b *builder) attention(name string, width, context int) {
	b.add(name+".to_q.weight", width, width)
	b.add(name+".to_k.weight", width, context)
	b.add(name+".to_v.weight", width, context)
	b.linear(name+".to_out.0", width, width)
}
