package main

import (
	"cmp"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"mixmatch/merge"
	"mixmatch/merge/block"
	"mixmatch/merge/checkpoint"
	"mixmatch/merge/shelf"
)

// An inspection is what there is to know of a model file.
type inspection struct {
	Path        string               `json:"path"`
	Kind        string               `json:"kind"`
	Problem     string               `json:"problem,omitempty"`  // why it is no model to merge
	Container   string               `json:"container"`          // the format of the file
	Dialects    []checkpoint.Dialect `json:"dialects,omitempty"` // of the parts whose tensors have other names in it than in single files
	Notes       []string             `json:"notes,omitempty"`    // what was assumed or passed over when it was opened
	LoRA        *inspectedLoRA       `json:"lora,omitempty"`
	Size        int64                `json:"size"`
	Tensors     int                  `json:"tensors"`
	Parameters  int64                `json:"parameters"`
	Parts       []inspectedPart      `json:"parts"`
	PositionIDs string               `json:"position_ids,omitempty"`
	Recipe      map[string]string    `json:"recipe,omitempty"`   // metadata that tells of a merge
	AddedTo     string               `json:"added_to,omitempty"` // of what mixmatch found: the recipe that it was added to
	Metadata    map[string]string    `json:"metadata,omitempty"`
	Made        *made                `json:"made,omitempty"` // what the metadata's recipe comes to
	Blocks      map[string][]string  `json:"blocks,omitempty"`
	Hash        *merge.Hash          `json:"hash,omitempty"`
}

type inspectedPart struct {
	Part       string         `json:"part"`
	Tensors    int            `json:"tensors"`
	Parameters int64          `json:"parameters"`
	DTypes     map[string]int `json:"dtypes"`
}

// A made is how the model was merged, as far as its metadata tell.
type made struct {
	Notation string     `json:"notation,omitempty"`
	Arch     block.Arch `json:"arch,omitempty"`
	Era      block.Era  `json:"era,omitempty"`
	Notes    []string   `json:"notes,omitempty"`
	Problem  string     `json:"problem,omitempty"` // why it cannot be read
}

func inspectCommand() *cli.Command {
	return &cli.Command{
		Name: "inspect", Usage: "tell what a model file is, and what it says of its making", ArgsUsage: "FILE...",
		Description: `Prints the recipe of a merge that the file's metadata tell of first, because it may
simply be there. "merge" and "convert" take such a file in place of a recipe.

   mixmatch inspect model.safetensors
   mixmatch inspect model.safetensors --hash      also the hashes that model sites use
   mixmatch inspect model.safetensors --blocks    which tensors belong to which block
   mixmatch inspect models                        all models in a folder
   mixmatch inspect unet.safetensors+vae.safetensors   one model in several files
   mixmatch inspect model.mmf                     which model a fingerprint is of`,
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "hash", Usage: "read the whole file and print its hashes"},
			&cli.BoolFlag{Name: "blocks", Usage: "list the tensors of each block"},
			&cli.StringFlag{Name: "era", Usage: "block map for --blocks: " + join(block.Eras()), DefaultText: "the first that knows the model"},
			&cli.BoolFlag{Name: "json", Usage: "print as JSON"},
			&cli.BoolFlag{Name: "quiet", Aliases: []string{"q"}, Usage: "no progress"},
		},
		Action: inspectAction,
	}
}

func inspectAction(c *cli.Context) error {
	args := c.Args().Slice()
	if len(args) == 0 || slices.Contains(args, "") {
		return usage("inspect: name a model FILE; see mixmatch inspect --help")
	}
	if len(args) > 1 || shelf.IsList(args[0]) {
		return inspectSeveral(c, args)
	}
	f, err := openInspected(args[0])
	if err != nil {
		return err
	}
	defer f.Close()
	in, err := inspectAsked(c, f)
	if err != nil {
		return err
	}
	if c.Bool("json") {
		return printJSON(c, in)
	}
	return in.print(c.App.Writer)
}

// inspectSeveral prints one file after the other, as JSON a list of them.
func inspectSeveral(c *cli.Context, args []string) error {
	all, err := choices(c, args)
	if err != nil {
		return cmp.Or(inspectOther(args), err)
	}
	found, passed, err := gather(all, openInspected, func([]gathered[inspected], inspected) error { return nil })
	if err != nil {
		return err
	}
	defer closeAll(models(found))
	if len(found) == 0 {
		if err := inspectOther(args); err != nil {
			return err
		}
		return nothingLeft(c, "none of the files is a model", passed)
	}
	var list []inspectReport
	for _, g := range found {
		in, err := inspectAsked(c, g.model)
		if err != nil && g.list == "" {
			return err
		}
		if err != nil {
			passed = append(passed, reason(g.model.path(), err))
			continue
		}
		list = append(list, in)
	}
	sayPassed(c, passed)
	if c.Bool("json") {
		return printJSON(c, list)
	}
	for i, in := range list {
		if i > 0 {
			fmt.Fprintln(c.App.Writer)
		}
		if err := in.print(c.App.Writer); err != nil {
			return err
		}
	}
	return nil
}

// inspectAsked inspects what is open, as far as the flags ask for it.
func inspectAsked(c *cli.Context, opened inspected) (inspectReport, error) {
	if opened.print != nil {
		if c.Bool("blocks") || c.Bool("hash") {
			return nil, usage("inspect: %s is a fingerprint: --blocks and --hash are for models", opened.print.Path)
		}
		return opened.print, nil
	}
	f := opened.file
	in, err := inspect(f)
	if err != nil {
		return nil, err
	}
	if c.Bool("hash") {
		meter := newMeter(c)
		h, err := merge.HashModel(c.Context, f, func(done int64) { meter.to("hashing", done, f.Size(), true) })
		meter.end()
		if errors.Is(err, merge.ErrSeveral) {
			return nil, usage("inspect: %w: ask for that of each file", err)
		}
		if err != nil {
			return nil, err
		}
		in.Hash = &h
	}
	if c.Bool("blocks") {
		if err := in.listBlocks(f, block.Era(c.String("era"))); err != nil {
			return nil, usage("inspect: %w", err)
		}
	}
	return in, nil
}

// inspect reads the header of f, and the position ids.
func inspect(f *checkpoint.File) (*inspection, error) {
	in := &inspection{
		Path: f.Path(), Container: f.Format(), Dialects: f.Dialects(), Notes: f.Notes(),
		Size: f.Size(), Tensors: len(f.Tensors()), Metadata: f.Metadata(), Recipe: map[string]string{},
	}
	kind, err := merge.KindOf(f)
	if err != nil {
		in.Problem = err.Error()
		in.LoRA = inspectLoRA(f)
	} else {
		in.Kind = strings.TrimSpace(string(kind.Arch) + " " + kind.Variant)
	}
	parts := map[block.Part]*inspectedPart{}
	for _, t := range f.Tensors() {
		part := block.PartOf(t.Name)
		if l := kind.Layout(); l != nil {
			part = l.Part(t.Name)
		}
		p := parts[part]
		if p == nil {
			p = &inspectedPart{Part: part.String(), DTypes: map[string]int{}}
			if l := kind.Layout(); l != nil && part == block.UNet {
				p.Part = l.Network()
			}
			parts[part] = p
		}
		p.Tensors++
		p.Parameters += int64(t.Len())
		p.DTypes[string(t.DType)]++
		in.Parameters += int64(t.Len())
		if strings.HasSuffix(t.Name, "embeddings.position_ids") && in.PositionIDs == "" {
			if in.PositionIDs, err = positionIDs(f, t); err != nil {
				return nil, err
			}
		}
	}
	for _, part := range []block.Part{block.UNet, block.TextEncoder, block.VAE, block.EMA, block.Other} {
		if p := parts[part]; p != nil {
			in.Parts = append(in.Parts, *p)
		}
	}
	for k, v := range in.Metadata {
		if strings.Contains(k, "recipe") || strings.Contains(k, "merge") {
			in.Recipe[k] = v
		}
	}
	if in.takeAddedTo(); len(in.Recipe) > 0 {
		in.Made = madeOf(in.Metadata, kind.Arch)
	}
	return in, nil
}

// madeOf reads the recipe in a model's metadata.
func madeOf(metadata map[string]string, arch block.Arch) *made {
	text, err := json.Marshal(metadata)
	if err != nil {
		return &made{Problem: err.Error()}
	}
	r, notes, err := importRecipe(text, "metadata", arch)
	if err != nil {
		return &made{Problem: err.Error(), Notes: notes}
	}
	return &made{r.String(), r.Layout.Arch(), r.Layout.Era(), notes, ""}
}

// positionIDs says whether the text encoder's position ids are 0 to 76. Tools
// that merge them as numbers break some, which tells of a merge.
func positionIDs(f *checkpoint.File, t checkpoint.Tensor) (string, error) {
	n := t.Len()
	if n > 1<<12 {
		return fmt.Sprintf("%d of them, which is no text encoder's", n), nil
	}
	ids := make([]float64, n)
	switch {
	case t.DType == "I64":
		b := make([]byte, 8*n)
		if err := f.ReadBytes(b, t, 0); err != nil {
			return "", err
		}
		for i := range ids {
			ids[i] = float64(int64(binary.LittleEndian.Uint64(b[8*i:])))
		}
	case t.DType.Float():
		x := make([]float32, n)
		if err := f.Read(x, nil, t, 0); err != nil {
			return "", err
		}
		for i, v := range x {
			ids[i] = float64(v)
		}
	default:
		return "stored as " + string(t.DType), nil
	}
	broken := 0
	for i, v := range ids {
		if v != float64(i) {
			broken++
		}
	}
	if broken == 0 {
		return "in order", nil
	}
	return fmt.Sprintf("%d of %d broken: merged as numbers once, without a reset", broken, n), nil
}
