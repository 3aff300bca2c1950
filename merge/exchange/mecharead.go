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
	name   string             // of a model
	dict   map[string]float64 // of a dict, and of a literal, which is the same node
	row    recipe.Row         // of a dict, made when it is used
	number *float64           // of a literal that is a number
	minus  []int              // of a difference: the two operands
	step   *recipe.Step       // of a merge
	named  bool
	uses   int
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
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
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
	in := &mechaLine{named: map[string]string{}}
	for _, w := range list[1:] {
		if k, v, ok := strings.Cut(w, "="); ok && !strings.HasPrefix(w, `"`) {
			if _, twice := in.named[k]; twice {
				return fmt.Errorf("%.60q is given twice", k)
			}
			in.named[k] = v
		} else {
			in.args = append(in.args, w)
		}
	}
	var nd *node
	switch list[0] {
	case "dict":
		nd, err = in.dict()
	case "literal":
		nd, err = r.literal(in)
	case "model":
		nd, err = r.model(in)
	case "merge":
		nd, err = r.merge(in)
	default:
		err = fmt.Errorf("unknown instruction %.60q", list[0])
	}
	if err != nil {
		return err
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
func (r *mechaReader) merge(in *mechaLine) (*node, error) {
	if len(in.args) == 0 || !strings.HasPrefix(in.args[0], `"`) {
		return nil, errors.New("a merge without a method")
	}
	var method string
	method, in.args = in.args[0][1:], in.args[1:]
	for _, how := range []string{"dtype", "device"} { // of the calculation
		in.take(how)
	}
	if strings.HasPrefix(method, "convert_") && strings.Contains(method, "_blocks_") {
		of, err := r.ref(in.args, 0)
		if err == nil && of.dict == nil {
			err = errors.New("ratios by block of something that is no dict")
		}
		if err == nil {
			err = in.rest(1)
		}
		return of, err
	}
	switch method {
	case "subtract", "weighted_sum", "add_difference":
	default:
		return nil, cannot("the method %.60q is not linear with known shares", method)
	}
	var operands []int
	for i, name := range []string{"a", "b"} {
		if ref := in.take(name); ref != "" && i == len(in.args) {
			in.args = append(in.args, ref)
		} else if ref != "" {
			return nil, fmt.Errorf("the argument %s is given twice", name)
		}
		n, err := r.at(in.args, i)
		if err != nil {
			return nil, err
		}
		r.nodes[n].uses++
		operands = append(operands, n)
	}
	a, b := operands[0], operands[1]
	if method == "subtract" {
		if !r.isModel(a) || !r.isModel(b) {
			return nil, cannot("a difference of differences")
		}
		return &node{minus: operands}, in.rest(2)
	}
	ratio, most := in.take("alpha"), 2
	if ratio == "" && len(in.args) > 2 {
		ratio, most = in.args[2], 3
	}
	if ratio == "" {
		return nil, fmt.Errorf("%s without alpha", method)
	}
	if err := in.rest(most); err != nil {
		return nil, err
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
