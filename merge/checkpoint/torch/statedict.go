package torch

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"mixmatch/merge/checkpoint"
	"mixmatch/merge/checkpoint/torch/pickle"
)

// wrappers are the keys under which trainings save a model beside other things,
// where there is no "state_dict", which comes before all.
var wrappers = []string{"model_state_dict", "model", "module", "params_ema", "params"}

const (
	maxDepth = 64       // of dictionaries within each other
	maxNames = 16 << 20 // bytes of all names together
)

// stateDict returns the tensors of the model in what a file holds, and what to
// say of the rest.
func stateDict(root pickle.Value) ([]namedTensor, []string, error) {
	if !isDictionary(root) {
		return nil, nil, checkpoint.Malformed("not a state dict, but %s", describe(root))
	}
	pairs, err := pairsOf(root)
	if err != nil {
		return nil, nil, err
	}
	key, model, err := choose(pairs)
	if err != nil {
		return nil, nil, err
	}
	named, notes, err := flatten(model)
	if err != nil || key == "" {
		return named, notes, err
	}
	if left := passedOver(pairs, model); left != "" {
		notes = append(notes, fmt.Sprintf("the model is %s of what the file holds; passed over: %s", checkpoint.Short(key), left))
	} else if key != "state_dict" {
		notes = append(notes, fmt.Sprintf("the model is %s of what the file holds", checkpoint.Short(key)))
	}
	return named, notes, nil
}

// choose returns the dictionary that is the model, and its key, or "" for pairs
// themselves.
func choose(pairs []pickle.Pair) (string, pickle.Value, error) {
	under := map[string]pickle.Value{}
	direct := false
	for _, p := range pairs {
		_, tensor := isTensor(p.Value)
		direct = direct || tensor
		key, ok := p.Key.(string)
		if !ok || !isDictionary(p.Value) {
			continue
		}
		if _, twice := under[key]; twice {
			return "", nil, checkpoint.Malformed("malformed torch file: %s occurs twice", checkpoint.Short(key))
		}
		under[key] = p.Value
	}
	all := &pickle.Dict{Pairs: pairs}
	if d, ok := under["state_dict"]; ok {
		return "state_dict", d, nil
	}
	if direct {
		return "", all, nil
	}
	var found []string
	for _, key := range wrappers {
		if d, ok := under[key]; ok && (counter{}).count(d) > 0 {
			found = append(found, key)
		}
	}
	switch len(found) {
	case 0:
		return "", all, nil
	case 1:
		return found[0], under[found[0]], nil
	}
	return "", nil, checkpoint.Malformed("holds several models, as %q: load it and save the one you want alone", found)
}

// A nested dictionary is one on the way down from the model's.
type nested struct {
	prefix string // of its tensors' names
	dict   pickle.Value
	depth  int
	noName bool // a key on the way is no text
}

// flatten returns the tensors in a dictionary and those within it, whose names are
// joined by dots.
func flatten(model pickle.Value) ([]namedTensor, []string, error) {
	var named []namedTensor
	seen, counted := map[pickle.Value]bool{}, counter{}
	bytes, inLists, joined := 0, 0, ""
	for queue := []nested{{dict: model}}; len(queue) > 0; {
		at := queue[0]
		queue = queue[1:]
		if seen[at.dict] || at.depth > maxDepth {
			return nil, nil, checkpoint.Malformed("malformed torch file: a dictionary within itself, or in two places: %s", checkpoint.Short(at.prefix))
		}
		seen[at.dict] = true
		pairs, err := pairsOf(at.dict)
		if err != nil {
			return nil, nil, err
		}
		for _, p := range pairs {
			key, isText := p.Key.(string)
			call, tensor := isTensor(p.Value)
			isDict := isDictionary(p.Value)
			if !tensor && !isDict {
				inLists += counted.count(p.Value)
				continue
			}
			name := at.prefix + key
			if bytes += len(name); bytes > maxNames {
				return nil, nil, checkpoint.Malformed("malformed torch file: the names of tensors take more than %d bytes", maxNames)
			}
			switch {
			case isDict:
				queue = append(queue, nested{name + ".", p.Value, at.depth + 1, at.noName || !isText})
				continue
			case at.noName || !isText:
				return nil, nil, checkpoint.Malformed("a tensor without a name: its key, or one above it, is %s and no text: %s", describe(p.Key), checkpoint.Short(at.prefix))
			case !utf8.ValidString(name):
				return nil, nil, checkpoint.Malformed("malformed torch file: the name of a tensor is not valid UTF-8: %s", checkpoint.Short(name))
			}
			if at.depth > 0 && joined == "" {
				joined = name
			}
			named = append(named, namedTensor{name, call})
		}
	}
	var notes []string
	if joined != "" {
		notes = append(notes, fmt.Sprintf("dictionaries within each other: names are joined by dots, such as %s", checkpoint.Short(joined)))
	}
	if inLists > 0 {
		notes = append(notes, fmt.Sprintf("passed over: %s in lists, without a name", tensors(inLists)))
	}
	return named, notes, nil
}

// passedOver lists what holds tensors beside the model.
func passedOver(pairs []pickle.Pair, model pickle.Value) string {
	var list []string
	more := 0
	counted := counter{}
	counted.count(model)
	for _, p := range pairs {
		n := counted.count(p.Value)
		if n > 0 && len(list) == 5 {
			more++
		} else if n > 0 {
			list = append(list, fmt.Sprintf("%s (%s)", describe(p.Key), tensors(n)))
		}
	}
	if more > 0 {
		list = append(list, fmt.Sprintf("%d more", more))
	}
	return strings.Join(list, ", ")
}

// tensors counts n tensors in words.
func tensors(n int) string {
	if n == 1 {
		return "1 tensor"
	}
	return fmt.Sprintf("%d tensors", n)
}
