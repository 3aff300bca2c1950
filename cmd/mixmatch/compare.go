package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"mixmatch/merge"
	"mixmatch/merge/block"
	"mixmatch/merge/checkpoint"
	"mixmatch/merge/open"
	"mixmatch/merge/shelf"
	"mixmatch/similarity"
)

const compareHelp = `Tells how alike model A and each of the others are, block by block.

   mixmatch compare A.safetensors B.safetensors C.safetensors
   mixmatch compare A.safetensors models                      with all in a folder that go with it
   mixmatch compare -o A.safetensors B.safetensors            output blocks only
   mixmatch compare --metric weight --base v1-5.safetensors A.safetensors B.safetensors

The attention metric is the one of the published calculators: what the first
self-attention of a block makes of random numbers. It prints what similar.py
(sd-cosine-similarity) prints, digit for digit; -i, -m, -o, -a and -s mean what they mean
there. Note that a block's number depends on which blocks are chosen with it, as
it does there. --calculator supermerger gives the numbers of SuperMerger's Analysis tab.

The weight metric compares the weights themselves: all blocks, and the text encoder.
Its cosines are high for models of one family, since they share most of their weights;
with --base, "explained" tells how much of what sets A apart from it the other model has.

   mixmatch compare --matrix models --base v1-5.safetensors --svg family.svg
   mixmatch compare --matrix A.safetensors B.mmf C.mmf --block IN04 --csv

With --matrix there is no model A: all pairs are compared, by the cosine of what sets each
apart from the base (without one, from the mean of them all), and relatives stand beside
each other. Models may be files or fingerprints (.mmf); if one is a fingerprint, so are all.`

func compareCommand() *cli.Command {
	var calculators []string
	for _, k := range similarity.Calculators() {
		calculators = append(calculators, k.Name)
	}
	return &cli.Command{
		Name: "compare", Usage: "tell how alike models are, block by block", ArgsUsage: "A B [C...]", Description: compareHelp,
		Flags: append([]cli.Flag{
			&cli.BoolFlag{Name: "all", Aliases: []string{"a"}, Usage: "all blocks with self-attention (default)"},
			&cli.BoolFlag{Name: "inputs", Aliases: []string{"i"}, Usage: "input blocks"},
			&cli.BoolFlag{Name: "middle", Aliases: []string{"m"}, Usage: "the middle block"},
			&cli.BoolFlag{Name: "outputs", Aliases: []string{"o"}, Usage: "output blocks"},
			&cli.Int64Flag{Name: "seed", Aliases: []string{"s"}, Usage: "seed of the random numbers", DefaultText: "the calculator's"},
			&cli.StringFlag{Name: "metric", Value: "attention", Usage: "attention or weight"},
			&cli.StringFlag{Name: "calculator", Value: calculators[0], Usage: "whose attention numbers to give: " + strings.Join(calculators, ", ")},
			&cli.StringFlag{Name: "base", Usage: "with --metric weight or --matrix: the model that the others were trained from (`PATH`)"},
			&cli.StringFlag{Name: "era", Usage: "block map for --metric weight or --matrix: " + join(block.Eras()), DefaultText: "the first that knows the models"},
			&cli.BoolFlag{Name: "json", Usage: "print as JSON"},
			&cli.BoolFlag{Name: "csv", Usage: "print as comma-separated values"},
			&cli.BoolFlag{Name: "md", Usage: "print as a Markdown table"},
			&cli.BoolFlag{Name: "quiet", Aliases: []string{"q"}, Usage: "no progress"},
		}, matrixFlags()...),
		Action: compareAction,
	}
}

// A likeness is what compare found out.
type likeness struct {
	Metric     string      `json:"metric"`
	Calculator string      `json:"calculator"` // whose attention numbers
	Seed       uint64      `json:"seed"`
	Base       likeFile    `json:"base"`
	Origin     string      `json:"origin,omitempty"` // what "explained" is measured from
	Models     []likeModel `json:"models"`
}

type likeFile struct {
	Path string `json:"path"`
	Hash string `json:"hash"` // "AutoV1"
}

type likeModel struct {
	likeFile
	Mean   *float64    `json:"mean,omitempty"` // of the blocks' attention similarities
	Blocks []likeBlock `json:"blocks"`
}

// A likeBlock is one block of one model. A number that is not there is nil.
type likeBlock struct {
	Block     string   `json:"block"`
	Cosine    *float64 `json:"cosine,omitempty"`
	Explained *float64 `json:"explained,omitempty"`
	Attention *float64 `json:"attention,omitempty"`
}

func compareAction(c *cli.Context) error {
	paths := c.Args().Slice()
	if err := matrixOnly(c); err != nil {
		return err
	}
	if len(paths) == 0 || len(paths) == 1 && !shelf.IsList(paths[0]) && !isLibrary(paths[0]) || slices.Contains(paths, "") {
		return usage("compare: name two models or more; see mixmatch compare --help")
	}
	formats := 0
	for _, f := range []string{"json", "csv", "md"} {
		if c.Bool(f) {
			formats++
		}
	}
	if formats > 1 {
		return usage("compare: --json, --csv and --md exclude each other")
	}
	calc, err := calculator(c)
	if err != nil {
		return err
	}
	if e := block.Era(c.String("era")); e != "" && !slices.Contains(block.Eras(), e) {
		return usage("compare: there is no era %q, only %s", e, join(block.Eras()))
	}
	if c.Bool("matrix") {
		return matrixAction(c, paths)
	}
	r := &likeness{Metric: c.String("metric"), Calculator: calc.Name, Seed: calc.Seed}
	switch r.Metric {
	case "attention":
		for _, f := range []string{"base", "era"} {
			if c.IsSet(f) {
				return usage("compare: --%s goes with --metric weight", f)
			}
		}
		err = r.attention(c, calc, paths)
	case "weight":
		for _, f := range []string{"all", "inputs", "middle", "outputs"} {
			if c.Bool(f) {
				return usage("compare: --%s goes with --metric attention", f)
			}
		}
		err = r.weight(c, calc, paths)
	default:
		return usage("compare: there is no metric %q, only attention and weight", r.Metric)
	}
	if err != nil {
		return err
	}
	switch {
	case c.Bool("json"):
		return printJSON(c, r)
	case c.Bool("csv"):
		return r.csv(c.App.Writer)
	case c.Bool("md"):
		return r.markdown(c.App.Writer)
	case r.Metric == "weight":
		return r.table(c.App.Writer)
	}
	return r.similarPy(c.App.Writer)
}

// calculator returns the calculator asked for, with its seed.
func calculator(c *cli.Context) (similarity.Calculator, error) {
	var names []string
	for _, k := range similarity.Calculators() {
		if k.Name == c.String("calculator") {
			if c.IsSet("seed") {
				k.Seed = uint64(c.Int64("seed")) // negative ones wrap around, as in torch
			}
			return k, nil
		}
		names = append(names, k.Name)
	}
	return similarity.Calculator{}, usage("compare: there is no calculator %q, only %s", c.String("calculator"), strings.Join(names, ", "))
}

// describe fills in the files' names and hashes, which those of several files lack.
func (r *likeness) describe(files []*checkpoint.File) error {
	for i, f := range files {
		d := likeFile{Path: filepath.ToSlash(f.Path())}
		if all := f.Files(); len(all) == 1 {
			var err error
			if d.Hash, err = merge.LegacyHash(all[0]); err != nil {
				return err
			}
		}
		if i == 0 {
			r.Base = d
			continue
		}
		r.Models = append(r.Models, likeModel{likeFile: d})
	}
	return nil
}

// attention fills in the attention similarities. The files need hold nothing
// but the tensors compared.
func (r *likeness) attention(c *cli.Context, calc similarity.Calculator, paths []string) error {
	all, err := choices(c, paths)
	if err != nil {
		return err
	}
	found, passed, err := gather(all, open.File, sameHeads)
	if err != nil {
		return err
	}
	defer func() { closeAll(models(found)) }()
	if len(found) < 2 {
		return nothingLeft(c, "there are no two models to compare", passed)
	}
	first := found[0].model
	l, err := layoutOf(first)
	if err != nil {
		return err
	}
	heads, err := similarity.Heads(l, first)
	if err != nil {
		return fmt.Errorf("%s: %w", first.Path(), err)
	}
	sayPassed(c, passed)
	files := models(found)
	for _, f := range files {
		sayFileNotes(c, f)
	}
	if err := r.describe(files); err != nil {
		return err
	}
	heads = slices.DeleteFunc(heads, func(h similarity.Head) bool { return !chosen(c, l.Name(h.Block)) })
	if names := blocksWithoutHead(c, l, heads); names != nil {
		return fmt.Errorf("%s: %w: no self-attention in %s; -i, -m and -o choose blocks", first.Path(), merge.ErrMismatch, strings.Join(names, ", "))
	}
	if len(heads) == 0 {
		return fmt.Errorf("%s: %w: no self-attention in the blocks chosen", first.Path(), similarity.ErrEmpty)
	}
	return r.addAttention(c, calc, l, heads, files)
}

// addAttention adds the attention similarities to the models' blocks.
func (r *likeness) addAttention(c *cli.Context, calc similarity.Calculator, l *block.Layout, heads []similarity.Head, files []*checkpoint.File) error {
	m := newMeter(c)
	m.to("comparing", 0, int64(len(heads)), false)
	rows, err := calc.Attention(c.Context, heads, files[0], files[1:], func(done, total int) {
		m.to("comparing", int64(done), int64(total), false)
	})
	m.end()
	if err != nil {
		return err
	}
	for j := range r.Models {
		var column []float32
		for i, row := range rows {
			column = append(column, row[j])
			v := float64(row[j])
			name := l.Name(heads[i].Block)
			blocks := &r.Models[j].Blocks
			at := slices.IndexFunc(*blocks, func(b likeBlock) bool { return b.Block == name })
			if at < 0 {
				at = len(*blocks)
				*blocks = append(*blocks, likeBlock{Block: name})
			}
			(*blocks)[at].Attention = &v
		}
		mean := float64(similarity.Mean(column))
		r.Models[j].Mean = &mean
	}
	return nil
}
