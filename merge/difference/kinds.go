package difference

import (
	"fmt"
	"slices"
	"strings"

	"mixmatch/merge/checkpoint"
)

// A Kind is a way to write a change down.
type Kind string

// The kinds that are read.
const (
	LoRA    Kind = "LoRA"     // up x down of a linear layer, or a 1x1 convolution
	LoCon   Kind = "LoCon"    // the same of a convolution with a larger kernel
	LoConCP Kind = "LoCon CP" // up x mid x down of a convolution
	LoHa    Kind = "LoHa"     // (a x b) times (a x b), element by element
	LoKr    Kind = "LoKr"     // the Kronecker product of two matrices
	Whole   Kind = "whole"    // the numbers themselves
)

// A change is what a file holds for one module.
type change struct {
	module  string // as the file spells it
	path    path
	kind    Kind
	tensors [roles]*checkpoint.Tensor // nil: none

	rank   int     // 0: the kind has none
	scale  float64 // what the product is multiplied with: alpha / rank
	rows   int     // the size of the weight as a matrix; 0 where only a bias changes
	cols   int
	kernel []int // of a convolution, where the tensors tell: height and width
}

// has reports whether c has tensors of all of these roles.
func (c *change) has(list ...role) bool {
	return !slices.ContainsFunc(list, func(r role) bool { return c.tensors[r] == nil })
}

// forms are the sets of tensors that make a change of a weight. The change of
// its bias, which is always the numbers themselves, may be beside each.
var forms = []struct {
	kind   Kind
	needed []role
	may    []role
}{
	{LoRA, []role{loraUp, loraDown}, []role{loraMid}},
	{Whole, []role{wholeWeight}, nil},
	{Whole, []role{wholeBias}, nil},
	{LoHa, []role{hada1A, hada1B, hada2A, hada2B}, []role{hadaMid1, hadaMid2}},
	{LoKr, []role{kron1, kron2}, nil},
	{LoKr, []role{kron1A, kron1B, kron2}, nil},
	{LoKr, []role{kron1, kron2A, kron2B}, []role{kronMid2}},
	{LoKr, []role{kron1A, kron1B, kron2A, kron2B}, []role{kronMid2}},
}

// check finds which kind c is and whether its tensors fit each other.
func (c *change) check() error {
	var have []role
	for r := range roles {
		if t := c.tensors[r]; t != nil && r != alpha {
			if !t.DType.Float() {
				return fmt.Errorf("tensor %s: %s numbers are not read as floating point", checkpoint.Short(t.Name), t.DType)
			}
			if t.Len() == 0 {
				return fmt.Errorf("tensor %s is empty, of shape %v", checkpoint.Short(t.Name), t.Shape)
			}
			have = append(have, r)
		}
	}
	if len(have) == 0 {
		return fmt.Errorf("module %s has an alpha and nothing else", checkpoint.Short(c.module))
	}
	for _, f := range forms {
		other := func(r role) bool {
			return r != wholeBias && !slices.Contains(f.needed, r) && !slices.Contains(f.may, r)
		}
		if !c.has(f.needed...) || slices.ContainsFunc(have, other) {
			continue
		}
		c.kind = f.kind
		return c.checkShapes()
	}
	var names []string
	for _, r := range have {
		names = append(names, checkpoint.Short(c.tensors[r].Name))
	}
	return fmt.Errorf("module %s is incomplete, or a mixture: it has %s alone", checkpoint.Short(c.module), strings.Join(names, ", "))
}
