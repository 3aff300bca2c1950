package exchange

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"mixmatch/merge/block"
	"mixmatch/merge/recipe"
)

// A node is the result of an instruction of sd-mecha.
type node struct {
	name  string             // of a model
	dict  map[string]float64 // of a dict, and of a literal, which is the same node
	row   recipe.Row         // of a dict, made when it is used
	minus []int              // of a difference: the two operands
	step  *recipe.Step       // of a merge
	named bool
	uses  int
}

// A mechaReader reads sd-mecha's text.
type mechaReader struct {
	*importer
	nodes []*node
	used  map[string]bool
	files map[string]string // by model
	title string            // of the remark before the next instruction
}

// readMecha reads models, weighted_sum, add_difference and subtract, with
// ratios that are numbers, or dicts by block or by key.
func readMecha(im *importer, text []byte) ([]recipe.Step, error) {
	lines := strings.Split(strings.TrimSpace(strings.TrimPrefix(string(text), "\ufeff")), "\n")
	if strings.TrimSpace(lines[0]) != mechaVersion {
		return nil, fmt.Errorf("it begins with %.60q; only %q is known", lines[0], mechaVersion)
	}
	r := &mechaReader{importer: im, used: map[string]bool{}, files: map[string]string{}}
	for n, line := range lines[1:] {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		if rest, ok := strings.CutPrefix(line, "#"); ok {
			r.remark(rest)
			continue
		}
		if len(r.nodes) > 10*recipe.MaxSteps {
			return nil, errors.New("too many instructions")
		}
		if err := r.instruction(line); err != nil {
			return nil, fmt.Errorf("line %d: %w", n+2, err)
		}
		r.title = ""
	}
	return r.steps()
}

// remark keeps the name that our own files give the next instruction, and the
// layout that they are for.
func (r *mechaReader) remark(s string) {
	s = strings.TrimSpace(s)
	if q, ok := strings.CutPrefix(s, "name "); ok {
		if name, err := strconv.Unquote(q); err == nil {
			r.title = name
		}
	}
	if q, ok := strings.CutPrefix(s, "made by mixmatch for "); ok && r.given == nil {
		arch, era, _ := strings.Cut(q, "/")
		if l, err := block.For(block.Arch(arch), block.Era(era)); err == nil {
			r.given = l
		}
	}
}

// words cuts an instruction at blanks outside of quotes. A quoted word keeps
// its first quote, so that it can be told from others.
func words(line string) ([]string, error) {
	var list []string
	var w strings.Builder
	var quoted, escaped bool
	flush := func() {
		if w.Len() > 0 {
			list = append(list, w.String())
			w.Reset()
		}
	}
	for _, c := range line {
		switch {
		case escaped:
			escaped = false
			w.WriteRune(c)
		case c == '\\':
			escaped = true
		case c == '"':
			if quoted = !quoted; quoted {
				w.WriteRune(c)
			} else {
				flush()
			}
		case c == ' ' && !quoted:
			flush()
		default:
			w.WriteRune(c)
		}
	}
	if quoted || escaped {
		return nil, errors.New("a quotation has no end")
	}
	flush()
	return list, nil
}

// instruction reads a line.
func (r *mechaReader) instruction(line string) error {
	list, err := words(line)
	if err != nil {
		return err
	}
	if len(list) == 0 {
		return errors.New("no instruction")
	}
	var args []string
	named := map[string]string{}
	for _, w := range list[1:] {
		if k, v, ok := strings.Cut(w, "="); ok && !strings.HasPrefix(w, `"`) {
			if _, twice := named[k]; twice {
				return fmt.Errorf("%.60q is given twice", k)
			}
			named[k] = v
		} else {
			args = append(args, w)
		}
	}
	nd := &node{}
	switch list[0] {
	case "dict":
		nd.dict = map[string]float64{}
		for k, v := range named {
			x, err := strconv.ParseFloat(v, 64)
			if err != nil {
				return fmt.Errorf("the ratio %.60q is no number", v)
			}
			nd.dict[k] = x
		}
	case "literal":
		of, err := r.ref(args, 0)
		if err != nil {
			return err
		}
		if of.dict == nil {
			return errors.New("a literal of something that is no dict")
		}
		nd = of // so that its row is made once
	case "model":
		if len(args) == 0 || !strings.HasPrefix(args[0], `"`) {
			return errors.New("a model without a file")
		}
		if c := named["model_config"]; c != "" && !strings.HasPrefix(c, `"sd1-ldm`) && !strings.HasPrefix(c, `"sdxl-sgm`) {
			return cannot("models of %s cannot be read", strings.Trim(c, `"`))
		}
		if strings.HasPrefix(named["model_config"], `"sdxl`) && r.given == nil {
			r.given, _ = block.For(block.SDXL, block.Eras()[0]) // exists
		}
		nd.name, nd.named = r.title, true
		if nd.name == "" {
			nd.name = recipe.NameOf(args[0][1:])
		}
		if other, ok := r.files[nd.name]; ok && other != args[0] {
			return cannot("two models are called %.60q", nd.name)
		}
		r.files[nd.name] = args[0]
		r.used[nd.name] = true
	case "merge":
		if nd, err = r.merge(args, named); err != nil {
			return err
		}
	default:
		return fmt.Errorf("unknown instruction %.60q", list[0])
	}
	r.nodes = append(r.nodes, nd)
	return nil
}

// ref returns the node that argument i refers to.
func (r *mechaReader) ref(args []string, i int) (*node, error) {
	n, err := r.at(args, i)
	if err != nil {
		return nil, err
	}
	return r.nodes[n], nil
}

func (r *mechaReader) at(args []string, i int) (int, error) {
	if i >= len(args) {
		return 0, errors.New("an operand is missing")
	}
	digits, ok := strings.CutPrefix(args[i], "&")
	n, err := strconv.Atoi(digits)
	if !ok || err != nil || n < 0 || n >= len(r.nodes) {
		return 0, fmt.Errorf("%.60q refers to nothing", args[i])
	}
	return n, nil
}

// merge reads a merge, whose method is the first argument.
func (r *mechaReader) merge(args []string, named map[string]string) (*node, error) {
	if len(args) == 0 || !strings.HasPrefix(args[0], `"`) {
		return nil, errors.New("a merge without a method")
	}
	method, args := args[0][1:], args[1:]
	if strings.HasPrefix(method, "convert_") && strings.Contains(method, "_blocks_") {
		of, err := r.ref(args, 0)
		if err != nil {
			return nil, err
		}
		return of, nil
	}
	var operands []int
	for i := range min(2, len(args)) {
		n, err := r.at(args, i)
		if err != nil {
			return nil, err
		}
		r.nodes[n].uses++
		operands = append(operands, n)
	}
	if len(operands) < 2 {
		return nil, cannot("the method %q is not read with such operands", method)
	}
	a, b := operands[0], operands[1]
	switch method {
	case "subtract":
		if !r.isModel(a) || !r.isModel(b) {
			return nil, cannot("a difference of differences")
		}
		return &node{minus: operands}, nil
	case "weighted_sum", "add_difference":
	default:
		return nil, cannot("the method %q is not linear with known shares", method)
	}
	ratio := named["alpha"]
	if ratio == "" && len(args) > 2 {
		ratio = args[2]
	}
	row, err := r.alpha(ratio)
	if err != nil {
		return nil, err
	}
	s := &recipe.Step{Mode: recipe.WeightSum, A: mark(a), B: mark(b), Alpha: row, Out: r.title}
	if method == "add_difference" {
		d := r.nodes[b].minus
		if d == nil {
			return nil, cannot("a difference that is no subtraction")
		}
		s.Mode, s.B, s.C = recipe.AddDifference, mark(d[0]), mark(d[1])
	}
	if !r.isModel(a) || s.Mode == recipe.WeightSum && !r.isModel(b) {
		return nil, cannot("a merge of something that is no model")
	}
	nd := &node{step: s, named: r.title != ""}
	if nd.named {
		r.used[r.title] = true
	}
	return nd, nil
}

// mark stands for a node until all have names.
func mark(n int) string { return strconv.Itoa(n) }

func (r *mechaReader) isModel(n int) bool { return r.nodes[n].name != "" || r.nodes[n].step != nil }
