package exchange

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"mixmatch/merge/block"
	"mixmatch/merge/recipe"
)

// A mechaLine is an instruction's arguments.
type mechaLine struct {
	args  []string
	named map[string]string
}

// take returns a named argument, "" if it is not given, and drops it.
func (in *mechaLine) take(name string) string {
	v := in.named[name]
	delete(in.named, name)
	return v
}

// rest refuses arguments that nothing has taken, and more than n of the others.
func (in *mechaLine) rest(n int) error {
	if len(in.args) > n {
		return fmt.Errorf("the argument %.60q is not understood", in.args[n])
	}
	for _, k := range slices.Sorted(maps.Keys(in.named)) {
		return fmt.Errorf("the argument %.60q is not understood", k)
	}
	return nil
}

// dict reads ratios by block or key.
func (in *mechaLine) dict() (*node, error) {
	nd := &node{dict: map[string]float64{}}
	for k, v := range in.named {
		x, ok := numberIn(strings.TrimPrefix(v, `"`))
		if !ok {
			return nil, fmt.Errorf("the ratio %.60q is no number", v)
		}
		nd.dict[k] = x
	}
	if len(in.args) > 0 {
		return nil, fmt.Errorf("%.60q in a dict is no ratio with its name", in.args[0])
	}
	return nd, nil
}

// space refuses a value in a space that is not the one wanted.
func (in *mechaLine) space(want string) error {
	if s := in.take("merge_space"); s != "" && s != `"`+want && s != want {
		return cannot("a value in the merge_space %.60q", strings.TrimPrefix(s, `"`))
	}
	return nil
}

// literal reads a number, or refers to a dict: the same node, so that its row is
// made once.
func (r *mechaReader) literal(in *mechaLine) (*node, error) {
	in.take("model_config")
	if err := in.space("param"); err != nil {
		return nil, err
	}
	if err := in.rest(1); err != nil {
		return nil, err
	}
	if len(in.args) == 0 {
		return nil, errors.New("a literal of nothing")
	}
	if v, ok := numberIn(strings.TrimPrefix(in.args[0], `"`)); ok {
		return &node{number: &v}, nil
	}
	of, err := r.ref(in.args, 0)
	if err == nil && of.dict == nil {
		err = errors.New("a literal of something that is no dict")
	}
	return of, err
}

// model reads a model, which goes by the name of its file.
func (r *mechaReader) model(in *mechaLine) (*node, error) {
	if len(in.args) == 0 || !strings.HasPrefix(in.args[0], `"`) {
		return nil, errors.New("a model without a file")
	}
	arch := block.SD1
	if config := strings.Trim(in.take("model_config"), `"`); config != "" {
		var ok bool
		if arch, ok = mechaArch(config); !ok {
			return nil, cannot("models of %.60s", config)
		}
	}
	if err := in.space("weight"); err != nil {
		return nil, err
	}
	if err := in.rest(1); err != nil {
		return nil, err
	}
	if arch != block.SD1 && r.given == nil {
		r.given, _ = block.Default(arch) // exists
	}
	nd := &node{name: r.title, named: true}
	if nd.name == "" {
		nd.name = recipe.NameOf(in.args[0][1:])
	}
	if other, ok := r.files[nd.name]; ok && other != in.args[0] {
		return nil, cannot("two models are called %.60q", nd.name)
	}
	r.files[nd.name] = in.args[0]
	r.used[nd.name] = true
	return nd, nil
}
