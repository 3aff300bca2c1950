package torch

import (
	"fmt"

	"mixmatch/merge/checkpoint"
	"mixmatch/merge/checkpoint/torch/pickle"
)

// isDictionary reports whether v is a dictionary, ordered or not.
func isDictionary(v pickle.Value) bool {
	switch v := v.(type) {
	case *pickle.Dict:
		return true
	case *pickle.Call:
		g, ok := v.Func.(*pickle.Global)
		return ok && *g == orderedDict && len(v.Items) == 0 && len(v.Args.Items) <= 1
	}
	return false
}

// pairsOf returns what dictionary v holds.
func pairsOf(v pickle.Value) ([]pickle.Pair, error) {
	if d, ok := v.(*pickle.Dict); ok {
		return d.Pairs, nil
	}
	call := v.(*pickle.Call)
	if len(call.Args.Items) == 0 {
		return call.Pairs, nil
	}
	// Python 2 has the pairs as an argument: a list of lists.
	var pairs []pickle.Pair
	for _, item := range items(call.Args.Items[0]) {
		two := items(item)
		if len(two) != 2 {
			return nil, checkpoint.Malformed("malformed torch file: a dictionary of what are no pairs")
		}
		pairs = append(pairs, pickle.Pair{Key: two[0], Value: two[1]})
	}
	return append(pairs, call.Pairs...), nil
}

// items returns what a list or tuple holds.
func items(v pickle.Value) []pickle.Value {
	switch v := v.(type) {
	case *pickle.List:
		return v.Items
	case *pickle.Tuple:
		return v.Items
	}
	return nil
}

// A counter counts tensors, each once, wherever they are.
type counter map[pickle.Value]bool // what was seen

// count returns how many tensors there are in v that were not counted before.
func (c counter) count(v pickle.Value) int {
	n := 0
	for todo := []pickle.Value{v}; len(todo) > 0; {
		v := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		switch v.(type) {
		case *pickle.List, *pickle.Tuple, *pickle.Dict, *pickle.Call:
		default:
			continue
		}
		if c[v] {
			continue
		}
		c[v] = true
		if _, tensor := isTensor(v); tensor {
			n++
			continue
		}
		todo = append(todo, items(v)...)
		if isDictionary(v) {
			pairs, _ := pairsOf(v) // what is none has no tensors
			for _, p := range pairs {
				todo = append(todo, p.Value)
			}
		}
	}
	return n
}

// describe says what v is, for a message.
func describe(v pickle.Value) string {
	switch v := v.(type) {
	case nil:
		return "None"
	case bool, int64, float64:
		return fmt.Sprint(v)
	case string:
		return checkpoint.Short(v)
	case *pickle.Tuple:
		return "a tuple"
	case *pickle.List:
		return "a list"
	case *pickle.Dict:
		return "a dictionary"
	case *pickle.Call:
		if _, tensor := isTensor(v); tensor {
			return "a tensor"
		}
		if g, ok := v.Func.(*pickle.Global); ok {
			return "an object of " + checkpoint.Short(g.String())
		}
	case *pickle.Global:
		return checkpoint.Short(v.String())
	}
	return "an object"
}
