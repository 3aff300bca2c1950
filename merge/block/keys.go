package block

import "slices"

// A Spec is one tensor of an architecture.
type Spec struct {
	Name    string
	Shape   []int // outermost first; none for a scalar
	Integer bool  // int64 rather than a float type
}

// Len returns the number of elements.
func (s Spec) Len() int {
	n := 1
	for _, d := range s.Shape {
		n *= d
	}
	return n
}

// Keys returns the tensors of a full-size checkpoint of arch in the order in
// which the network defines them: UNet, VAE, text encoder. It returns nil for an
// unknown architecture.
//
// The lists are generated from the published numbers of the architectures and
// do not hold what only some files have (EMA, the noise schedule).
func Keys(arch Arch) []Spec { return Scaled(arch, 1) }

// Scaled returns the tensors that [Keys] returns, with every width divided by
// div: same names, same ranks, and shapes that fit each other. Widths do not go
// below 1, and a div below 1 counts as 1. Models of such sizes compute nothing
// sensible; they serve tests and demonstrations.
func Scaled(arch Arch, div int) []Spec {
	var b builder
	by := func(n int) int { return max(n/max(div, 1), 1) }
	switch arch {
	case SD1:
		b.unet(unetNumbers{
			model: by(320), mult: []int{1, 2, 4, 4}, depth: []int{1, 1, 1, 0}, mid: 1, context: by(768),
		})
		b.vae(by(128))
		b.clip(clipPrefix+"transformer.text_model.", textNumbers{width: by(768), layers: 12, vocab: by(49408)})
	case SD2:
		b.unet(unetNumbers{
			model: by(320), mult: []int{1, 2, 4, 4}, depth: []int{1, 1, 1, 0}, mid: 1, context: by(1024), linear: true,
		})
		b.vae(by(128))
		b.openCLIP(clipPrefix+"model.", textNumbers{width: by(1024), layers: 24, vocab: by(49408)})
	case SDXL:
		l, g := by(768), by(1280)
		b.unet(unetNumbers{
			model: by(320), mult: []int{1, 2, 4}, depth: []int{0, 2, 10}, mid: 10, context: l + g, linear: true, label: by(2816),
		})
		b.vae(by(128))
		b.clip(xlPrefix+"embedders.0.transformer.text_model.", textNumbers{width: l, layers: 12, vocab: by(49408)})
		b.openCLIP(xlPrefix+"embedders.1.model.", textNumbers{width: g, layers: 32, vocab: by(49408)})
	}
	return b.specs
}

// A builder collects tensors.
type builder struct{ specs []Spec }

func (b *builder) add(name string, shape ...int) {
	b.specs = append(b.specs, Spec{Name: name, Shape: slices.Clone(shape)})
}

// affine adds a weight of the given shape and a bias of its outermost width: a
// linear layer, a convolution or a norm.
func (b *builder) affine(name string, shape ...int) {
	b.add(name+".weight", shape...)
	b.add(name+".bias", shape[0])
}

// conv adds a convolution with a k x k kernel.
func (b *builder) conv(name string, in, out, k int) { b.affine(name, out, in, k, k) }

// linear adds a linear layer with a bias.
func (b *builder) linear(name string, in, out int) { b.affine(name, out, in) }

// norm adds a normalisation over width channels.
func (b *builder) norm(name string, width int) { b.affine(name, width) }
