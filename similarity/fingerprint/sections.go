package fingerprint

import (
	"fmt"
	"strings"

	"mixmatch/merge/block"
)

// An assignment says which section each tensor of an architecture is in.
type assignment struct {
	layouts []*block.Layout // of all eras, the default first
}

func assignmentOf(arch block.Arch) (*assignment, error) {
	a := &assignment{}
	for _, era := range block.ErasOf(arch) {
		l, err := block.For(arch, era)
		if err != nil {
			return nil, err
		}
		a.layouts = append(a.layouts, l)
	}
	if len(a.layouts) == 0 {
		return nil, fmt.Errorf("%w: models of the unknown architecture %q", ErrMismatch, string(arch))
	}
	return a, nil
}

// section returns the name of the section of the tensor called key, and false if it is
// in none: of another part than the network and the text encoders, or never merged.
func (a *assignment) section(key string) (string, bool) {
	if part := a.part(key); part != block.UNet && part != block.TextEncoder {
		return "", false
	}
	names := make([]string, len(a.layouts))
	same, some := true, false
	for i, l := range a.layouts {
		names[i] = "-"
		if id, ok := l.Of(key); ok {
			names[i], some = l.Name(id), true
		}
		same = same && names[i] == names[0]
	}
	if same {
		return names[0], some
	}
	return strings.Join(names, "/"), true
}

func (a *assignment) part(key string) block.Part { return a.layouts[0].Part(key) }
