package block

import "fmt"

// vae adds the tensors of the VAE of Stable Diffusion 1, 2 and XL, whose first
// level is width channels wide.
func (b *builder) vae(width int) {
	b.autoencoder(vaePrefix, width, latent)
	b.conv(vaePrefix+"quant_conv", 2*latent, 2*latent, 1)
	b.conv(vaePrefix+"post_quant_conv", latent, latent, 1)
}

// vae16 adds those of the VAE of newer models: its output has more channels.
func (b *builder) vae16(prefix string, width int) { b.autoencoder(prefix, width, 16) }

// autoencoder adds an encoder to so many latent channels and a decoder.
func (b *builder) autoencoder(p string, width, latent int) {
	mult := []int{1, 2, 4, 4}
	last := len(mult) - 1

	b.conv(p+"encoder.conv_in", 3, width, 3)
	c := width
	for level, m := range mult {
		for i := range resBlocks {
			b.plainResidual(fmt.Sprintf("%sencoder.down.%d.block.%d", p, level, i), c, m*width)
			c = m * width
		}
		if level < last {
			b.conv(fmt.Sprintf("%sencoder.down.%d.downsample.conv", p, level), c, c, 3)
		}
	}
	b.vaeMiddle(p+"encoder.mid", c)
	b.norm(p+"encoder.norm_out", c)
	b.conv(p+"encoder.conv_out", c, 2*latent, 3) // mean and variance

	c = mult[last] * width
	b.conv(p+"decoder.conv_in", latent, c, 3)
	b.vaeMiddle(p+"decoder.mid", c)
	for level := last; level >= 0; level-- {
		for i := range resBlocks + 1 {
			b.plainResidual(fmt.Sprintf("%sdecoder.up.%d.block.%d", p, level, i), c, mult[level]*width)
			c = mult[level] * width
		}
		if level > 0 {
			b.conv(fmt.Sprintf("%sdecoder.up.%d.upsample.conv", p, level), c, c, 3)
		}
	}
	b.norm(p+"decoder.norm_out", c)
	b.conv(p+"decoder.conv_out", c, 3, 3)
}

// plainResidual adds a residual block without a time embedding.
func (b *builder) plainResidual(name string, in, out int) {
	b.norm(name+".norm1", in)
	b.conv(name+".conv1", in, out, 3)
	b.norm(name+".norm2", out)
	b.conv(name+".conv2", out, out, 3)
	if in != out {
		b.conv(name+".nin_shortcut", in, out, 1)
	}
}

// vaeMiddle adds the middle of the encoder or the decoder.
func (b *builder) vaeMiddle(name string, width int) {
	b.plainResidual(name+".block_1", width, width)
	b.norm(name+".attn_1.norm", width)
	for _, q := range []string{"q", "k", "v", "proj_out"} {
		b.conv(name+".attn_1."+q, width, width, 1)
	}
	b.plainResidual(name+".block_2", width, width)
}
