// Package exchange writes recipes as the documents of other programs, and reads
// those documents as recipes: a [recipe.Recipe] goes in as a value, text comes
// out, and the other way round. It opens no files and knows no clock.
//
// Formats differ in what they can say. A document is either right or not
// written: what would change the merge is an error that wraps [ErrCannot]; what
// is merely lost, such as the name of a step, is a note. What a reader had to
// assume or leave out is a note too.
//
// [Formats] lists the formats. Where SuperMerger, sd-mecha, mergekit and others
// are quoted in comments, it is for what their files look like.
package exchange

import (
	"errors"
	"fmt"
	"time"

	"mixmatch/merge/block"
	"mixmatch/merge/recipe"
	"mixmatch/merge/safetext"
)

// ErrCannot is wrapped by the errors of [Export] that mean that the format
// cannot hold the recipe, and by those of [Import] that mean that the document
// says more than a recipe can.
var ErrCannot = errors.New("cannot be expressed")

// MaxBytes is how long a document [Import] reads.
const MaxBytes = 16 << 20

// A Format is a kind of document.
type Format struct {
	Name     string // what [Export] and [Import] call it
	Ext      string // the usual ending of its files, with the dot
	CanRead  bool
	CanWrite bool
	Doc      string // one sentence: what it is, and where it goes
}

// A Model is what is known of a model file beside the name that recipes use.
// Formats that name files by digests need these.
type Model struct {
	File   string // its name, with the extension; "" stands for the recipe's name and ".safetensors"
	SHA256 string // of the file, in hexadecimal; the first ten digits are its short hash
	Legacy string // the old hash of eight digits
}

// Options tell [Export] and [Import] what is not in the recipe. The zero
// Options are good for all formats that need no digests.
type Options struct {
	// Models says more of models, by their names in the recipe. Models that
	// steps make may be among them.
	Models map[string]Model

	// Keys are all keys of the models, for formats that give each tensor its
	// ratio. Nil stands for those of the architecture, [block.Keys].
	Keys []string

	// Date stands in documents that have a date.
	Date time.Time

	// VAE names the model whose VAE replaces the blended one. Only the format
	// "json" says so.
	VAE string

	// Half asks programs to save as fp16.
	Half bool

	// Presets are alpha vectors by name, which a document may refer to.
	Presets map[string]recipe.Row

	// Shallow leaves out how a merge's own sources were merged, where metadata
	// tell.
	Shallow bool

	// Recipe is how notation is read. Of it, Result and Aliases hold for all
	// formats.
	Recipe recipe.Options
}

// A codec is a Format and the functions that do it.
type codec struct {
	Format
	write func(e *exporter) ([]byte, error)
	read  func(im *importer, text []byte) ([]recipe.Step, error)
}

// codecs is the list of formats.
func codecs() []codec {
	list := []codec{
		{Format{Name: "text", Ext: ".txt", Doc: "SuperMerger's notation, which people publish; an article is read too if lines that are no notation are to be skipped"}, writeText, readText},
		{Format{Name: "table", Ext: ".md", Doc: "a table of merges as people publish it, in Markdown, or with tabs or commas: columns for models A, B and C, method, weight and name"}, nil, readTable},
		{Format{Name: "json", Ext: ".json", Doc: "steps, ratios and the weights they come down to, for programs (docs/formats.md)"}, writeJSON, readJSON},
		{Format{Name: "cards", Ext: ".txt", Doc: "what to choose and paste in SuperMerger's tab, step by step"}, writeCards, nil},
		{Format{Name: "presets", Ext: ".txt", Doc: "lines for SuperMerger's mbwpresets.txt, one alpha vector each"}, writePresets, readPresets},
		{Format{Name: "history", Ext: ".csv", Doc: "SuperMerger's mergehistory.csv; its \"Load settings from\" takes a row by its number"}, writeHistory, readHistory},
		{Format{Name: "xyz", Ext: ".json", Doc: "entries of SuperMerger's xyzpresets.json, one a step"}, writeXYZ, nil},
		{Format{Name: "mecha", Ext: ".mecha", Doc: "sd-mecha's recipe, with a ratio for each key, so no block map can read it otherwise"}, writeMecha, readMecha},
		{Format{Name: "mergekit", Ext: ".yml", Doc: "mergekit-pytorch's configuration: the whole recipe as one linear merge"}, writeMergekit, readMergekit},
		{Format{Name: "kohya", Ext: ".sh", Doc: "a command of kohya's merge_lora.py that adds LoRAs to a model"}, nil, readKohya},
		{Format{Name: "metadata", Ext: ".json", Doc: "sd_merge_recipe and sd_merge_models, the metadata of a merged file, with the whole recipe; those of other programs are read"}, writeOwnMetadata, readMetadata},
		{Format{Name: "metadata-webui", Ext: ".json", Doc: "the same as the web UI's checkpoint merger writes it: only steps with one ratio for all blocks"}, writeWebui, nil},
		{Format{Name: "metadata-supermerger", Ext: ".json", Doc: "the same as SuperMerger writes it"}, writeSuperMerger, nil},
		{Format{Name: "metadata-mixer", Ext: ".json", Doc: "the same as sd-webui-model-mixer writes it, which can load a chain of up to five models from it"}, writeMixer, nil},
		{Format{Name: "meh", Ext: ".sh", Doc: "a script of meh's merge_models.py, one command a step"}, writeMeh, nil},
		{Format{Name: "comfyui", Ext: ".json", Doc: "a ComfyUI workflow in API form; ratios of 0 to 1 only"}, writeComfy, nil},
	}
	for i := range list {
		list[i].CanRead, list[i].CanWrite = list[i].read != nil, list[i].write != nil
	}
	return list
}

// Formats returns the formats, the most useful first.
func Formats() []Format {
	var list []Format
	for _, c := range codecs() {
		list = append(list, c.Format)
	}
	return list
}

// find returns the codec called name.
func find(name string) (codec, error) {
	for _, c := range codecs() {
		if c.Name == name {
			return c, nil
		}
	}
	return codec{}, fmt.Errorf("no format %q (see the list of formats)", name)
}

// Export writes r as a document. The notes are what the format cannot say, one
// line each; the merge is the same without it. An error that wraps [ErrCannot]
// means that it would not be. The same recipe and options give the same bytes.
func Export(r *recipe.Recipe, format string, opt Options) ([]byte, []string, error) {
	c, err := find(format)
	if err != nil {
		return nil, nil, err
	}
	if !c.CanWrite {
		return nil, nil, fmt.Errorf("%s can only be read", format)
	}
	if r == nil || len(r.Steps) == 0 {
		return nil, nil, errors.New("no merge step")
	}
	e := &exporter{Recipe: r, opt: opt}
	if err := knows(format, r.Layout.Arch()); err != nil {
		return nil, nil, fmt.Errorf("%s: %w", format, err)
	}
	if format != "text" {
		if err := plain(r, format); err != nil {
			return nil, nil, fmt.Errorf("%s: %w", format, err)
		}
		if err := e.checkNames(); err != nil {
			return nil, nil, fmt.Errorf("%s: %w", format, err)
		}
	}
	if format != "text" && format != "json" {
		if err := e.fixed(); err != nil {
			return nil, nil, fmt.Errorf("%s: %w", format, err)
		}
		if err := e.files(); err != nil {
			return nil, nil, fmt.Errorf("%s: %w", format, err)
		}
	}
	text, err := c.write(e)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", format, err)
	}
	return text, e.notes, nil
}

// Import reads a document. The format "" stands for what it looks like; see
// [Recognize]. The notes come with an error too: they may say why it had to be.
// A nil layout stands for the one that the document states, and
// SD1.x in the default era if it states none; any other is the one that the
// recipe must be for.
func Import(text []byte, format string, l *block.Layout, opt Options) (*recipe.Recipe, []string, error) {
	if len(text) > MaxBytes {
		return nil, nil, fmt.Errorf("the document has %d bytes; at most %d are read", len(text), MaxBytes)
	}
	text, decoded, err := Decode(text)
	if err != nil {
		return nil, nil, err
	}
	if format == "" {
		format = Recognize(text)
	}
	c, err := find(format)
	if err != nil {
		return nil, nil, err
	}
	if !c.CanRead {
		return nil, nil, fmt.Errorf("%s can only be written", format)
	}
	im := &importer{given: l, opt: opt}
	if decoded != "" {
		im.note("%s", decoded)
	}
	steps, err := c.read(im, text)
	if err != nil {
		return nil, im.notes, fmt.Errorf("%s: %w", format, err)
	}
	if im.done != nil {
		return im.done, im.notes, nil
	}
	r, err := im.recipe(steps)
	if err != nil {
		return nil, im.notes, fmt.Errorf("%s: %w", format, err)
	}
	return r, im.notes, nil
}

// addNote keeps a note to one line that can be shown: names are from files.
func addNote(notes []string, format string, args []any) []string {
	const many = 100 // notes
	if len(notes) > many {
		return notes
	}
	if len(notes) == many {
		return append(notes, "and more like these")
	}
	s := safetext.Short(fmt.Sprintf(format, args...), 400)
	for _, n := range notes {
		if n == s {
			return notes
		}
	}
	return append(notes, s)
}

// cannot returns an error that wraps ErrCannot.
func cannot(format string, args ...any) error {
	return fmt.Errorf(format+" (%w)", append(args, ErrCannot)...)
}
