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
// unknown architecture, and for one whose tensors only its files tell.
//
// The lists are generated from the published numbers of the architectures and
// do not hold what only some files have (EMA, the noise schedule).
func Keys(arch Arch) []Spec { return Scaled(arch, 1) }

// Scaled returns the tensors that [Keys] returns, with every width divided by
// div: same names, same ranks, and shapes that fit each other. Widths do not go
// below 1, and a div below 1 counts as 1. Models of such sizes compute nothing
// sensible; they serve tests and demonstrations.
func Scaled(arch Arch, div int) []Spec {
	a, ok := find(arch)
	if !ok || a.keys == nil {
		return nil
	}
	var b builder
	a.keys(&b, func(n int) int { return max(n/max(div, 1), 1) })
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
