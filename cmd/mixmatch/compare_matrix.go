package main

import (
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"mixmatch/merge/block"
	"mixmatch/merge/durable"
	"mixmatch/merge/safetext"
	"mixmatch/similarity/relatives"
	"mixmatch/similarity/relatives/heatmap"
)

// matrixFlags are those that go with compare --matrix alone.
func matrixFlags() []cli.Flag {
	return []cli.Flag{
		&cli.BoolFlag{Name: "matrix", Usage: "all pairs: the cosine of what sets each model apart from --base or, without one, from their mean"},
		&cli.BoolFlag{Name: "plain", Usage: "with --matrix: the cosine of the weights themselves"},
		&cli.BoolFlag{Name: "blocks", Usage: "with --matrix: a table for each block, too"},
		&cli.StringSliceFlag{Name: "block", Usage: "with --matrix: only this `BLOCK`, such as IN04; several are taken together"},
		&cli.BoolFlag{Name: "wide", Usage: "with --matrix: the whole table with whole names, however wide"},
		&cli.StringFlag{Name: "svg", Usage: "with --matrix: draw it into `FILE`, as SVG"},
		&cli.StringFlag{Name: "png", Usage: "with --matrix: draw it into `FILE`, as PNG"},
		&cli.BoolFlag{Name: "force", Usage: "with --matrix: replace FILE if it exists"},
	}
}

// matrixOnly refuses flags without --matrix that go with it, and flags with it that do
// not.
func matrixOnly(c *cli.Context) error {
	if !c.Bool("matrix") {
		for _, f := range []string{"plain", "blocks", "block", "wide", "svg", "png", "force"} {
			if c.IsSet(f) {
				return usage("compare: --%s goes with --matrix", f)
			}
		}
		return nil
	}
	for _, f := range []string{"all", "inputs", "middle", "outputs", "seed", "metric", "calculator"} {
		if c.IsSet(f) {
			return usage("compare: --%s does not go with --matrix, which compares the weights", f)
		}
	}
	if c.Bool("plain") && c.IsSet("base") {
		return usage("compare: --plain compares with nothing taken away, and needs no --base")
	}
	if c.Bool("blocks") && c.IsSet("block") {
		return usage("compare: --blocks has a table for each block, --block one of some: choose one of the two")
	}
	return nil
}

// A matrixResult is what compare --matrix found out.
type matrixResult struct {
	Reference string        `json:"reference"` // "base", "mean" or "none"
	Base      string        `json:"base,omitempty"`
	Exact     bool          `json:"exact"`           // not from fingerprints
	Error     float64       `json:"error,omitempty"` // of a cosine in a block, otherwise
	Scope     string        `json:"scope"`           // "network", or the blocks
	Models    []matrixModel `json:"models"`          // as they are ordered
	Joins     []matrixJoin  `json:"joins"`
	Cosines   [][]*float64  `json:"cosines"` // in that order
	Blocks    []matrixBlock `json:"blocks,omitempty"`
	Notes     []string      `json:"notes,omitempty"`

	plain  bool
	matrix *relatives.Matrix // as the models were given
	tree   *relatives.Tree
}

type matrixModel struct {
	Name string `json:"name"`
	Path string `json:"path,omitempty"`
}

// A matrixJoin joins two clusters: numbers are places among the models and, behind them,
// clusters in the order in which they are joined.
type matrixJoin struct {
	A      int     `json:"a"`
	B      int     `json:"b"`
	Cosine float64 `json:"cosine"`
}

type matrixBlock struct {
	Block   string       `json:"block"`
	Cosines [][]*float64 `json:"cosines"`
}

func matrixAction(c *cli.Context, paths []string) error {
	for _, flag := range []string{"svg", "png"} {
		if out := c.String(flag); c.IsSet(flag) {
			switch {
			case out == "":
				return usage("compare: --%s: the name of the file is empty", flag)
			case out == "-":
				return usage("compare: --%s -: pictures go into files: name one, such as family.%[1]s", flag)
			case !exists(filepath.Dir(out)): // better now than when all is read
				return folderOf(c, "--"+flag, out)
			case exists(out) && !c.Bool("force"):
				return usage("compare: %s: %w; choose another name, or --force to replace it", out, fs.ErrExist)
			}
		}
	}
	m, err := gatherMembers(c, paths)
	if err != nil {
		return err
	}
	defer m.close()
	products, err := m.products(c)
	if err != nil {
		return err
	}
	r, err := newMatrixResult(c, products, m)
	if err != nil {
		return err
	}
	for _, n := range r.Notes {
		note(c, n)
	}
	if err := r.draw(c); err != nil {
		return err
	}
	switch {
	case c.Bool("json"):
		return printJSON(c, r)
	case c.Bool("csv"):
		return r.csv(c.App.Writer)
	case c.Bool("md"):
		return r.markdown(c.App.Writer)
	}
	return r.table(c.App.Writer, c.Bool("wide"))
}

// newMatrixResult makes the tables that are wanted.
func newMatrixResult(c *cli.Context, p *relatives.Products, m *members) (*matrixResult, error) {
	r := &matrixResult{Exact: !p.Sketched, Scope: "network", Reference: "mean", plain: c.Bool("plain"), Notes: slices.Clone(p.Notes)}
	from := relatives.Mean
	switch {
	case r.plain:
		from, r.Reference = relatives.Plain, "none"
	case m.base != nil:
		from, r.Reference, r.Base = relatives.Base, "base", m.base.name
	case len(p.Names) == 2:
		return nil, usage("compare: two models lie on opposite sides of their mean, whatever they are: name a --base, or compare them --plain")
	default:
		r.Notes = append(r.Notes, fmt.Sprintf("without --base the deltas are taken from the mean of the %d models: unrelated ones have cosines of about %.2f", len(p.Names), -1/float64(len(p.Names)-1)))
	}
	if p.Sketched {
		r.Error = 0.022 // sqrt(2/4096)
		r.Notes = append(r.Notes, "computed from fingerprints: cosines of a block are known to about 0.02, those of the network better")
	}
	var ids []block.ID
	var names []string
	for _, name := range c.StringSlice("block") {
		id, ok := p.Layout.Index(name)
		if !ok {
			return nil, usage("compare: there is no block %q, only %s", name, strings.Join(p.Layout.Names(), ", "))
		}
		if !slices.Contains(ids, id) {
			ids, names = append(ids, id), append(names, p.Layout.Name(id))
		}
	}
	if ids != nil {
		r.Scope = strings.Join(names, ", ")
	}
	var err error
	if r.matrix, err = p.Cosines(from, ids); err != nil {
		return nil, err
	}
	r.tree = relatives.Cluster(r.matrix)
	at := make([]int, len(p.Names)) // where each model stands
	for place, i := range r.tree.Order {
		at[i] = place
		r.Models = append(r.Models, matrixModel{p.Names[i], m.all[i].path})
	}
	for _, j := range r.tree.Joins {
		for _, side := range []*int{&j.A, &j.B} {
			if *side < len(at) {
				*side = at[*side]
			}
		}
		r.Joins = append(r.Joins, matrixJoin{j.A, j.B, j.Cosine})
	}
	r.Cosines = r.ordered(r.matrix)
	if c.Bool("blocks") {
		for _, id := range p.Blocks() {
			b, err := p.Cosines(from, []block.ID{id})
			if err != nil {
				return nil, err
			}
			r.Blocks = append(r.Blocks, matrixBlock{p.Layout.Name(id), r.ordered(b)})
		}
	}
	for _, pair := range p.Same() {
		r.Notes = append(r.Notes, fmt.Sprintf("%s and %s are the same in all that is compared", p.Names[pair[0]], p.Names[pair[1]]))
	}
	for i, name := range p.Names {
		if v := r.matrix.Values[i][i]; v != v {
			r.Notes = append(r.Notes, fmt.Sprintf("there are no cosines of %s: nothing sets it apart, or it lacks what is compared", name))
		}
	}
	return r, nil
}

// ordered returns the numbers of a matrix in the order of the models.
func (r *matrixResult) ordered(m *relatives.Matrix) [][]*float64 {
	var all [][]*float64
	for _, i := range r.tree.Order {
		row := make([]*float64, len(r.tree.Order))
		for place, j := range r.tree.Order {
			if v := m.Values[i][j]; v == v {
				row[place] = &v
			}
		}
		all = append(all, row)
	}
	return all
}

// title says what the numbers are; base is how the base is called there.
func (r *matrixResult) title(base string) string {
	what := "cosine of deltas from the mean of the models"
	switch r.Reference {
	case "base":
		what = "cosine of deltas from " + base
	case "none":
		what = "cosine of weights"
	}
	return what + ", " + r.Scope
}

// draw writes the pictures that are wanted.
func (r *matrixResult) draw(c *cli.Context) error {
	if !c.IsSet("svg") && !c.IsSet("png") {
		return nil
	}
	chart := heatmap.Chart{Title: r.title(r.Base), Matrix: r.matrix, Tree: r.tree, Low: -1}
	if r.plain {
		chart.Low = 1
		for _, row := range r.matrix.Values {
			for _, v := range row {
				chart.Low = min(chart.Low, max(v, 0))
			}
		}
	}
	for _, n := range r.Notes {
		chart.Notes = append(chart.Notes, safetext.Line(n))
	}
	p, err := heatmap.New(chart)
	if err != nil {
		return usage("compare: %w; name fewer, or draw the --csv elsewhere", err)
	}
	if c.IsSet("svg") {
		if err := durable.WriteFile(c.String("svg"), p.SVG()); err != nil {
			return err
		}
	}
	if !c.IsSet("png") {
		return nil
	}
	data, lost, err := p.PNG()
	if err != nil {
		return err
	}
	if lost {
		note(c, "the font of PNG has Latin letters alone, and shows others as ?; --svg has all")
	}
	return durable.WriteFile(c.String("png"), data)
}
